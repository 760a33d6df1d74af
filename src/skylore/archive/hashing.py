"""Ids as numbers, for counting and finding them in little memory."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

__all__ = ["hashed_ids"]

_WORD = 8
_MIX = np.uint64(0x9E3779B97F4A7C15)
_SHIFT = np.uint64(29)

Hashes = NDArray[np.uint64]


def hashed_ids(ids: pa.Array) -> Hashes:
    """Give a 64-bit number an id, ``(N,)``, the same for equal ids.

    Integers give themselves. Texts may collide, with probability ``N² / 2⁶⁵``: what is equal here
    must still be compared.

    Parameters
    ----------
    ids
        Strings or int64, without nulls.
    """
    if pa.types.is_integer(ids.type):
        numbers: Hashes = ids.to_numpy(zero_copy_only=False).astype(np.int64).view(np.uint64)
        return numbers
    texts = ids.cast(pa.large_binary())
    offsets = np.frombuffer(texts.buffers()[1], np.int64)[texts.offset :][: len(texts) + 1]
    lengths = np.diff(offsets)
    width = _WORD * (1 + int(lengths.max(initial=0)) // _WORD)
    letters = np.zeros((len(texts), width), np.uint8)
    if lengths.any():
        data = np.frombuffer(texts.buffers()[2], np.uint8)[offsets[0] : offsets[-1]]
        letters[np.arange(width) < lengths[:, None]] = data
    numbers = lengths.astype(np.uint64)
    for place, word in enumerate(letters.view(np.uint64).T):
        mixed = (numbers ^ word) * _MIX
        mixed ^= mixed >> _SHIFT
        # A number must not depend on how long the other texts are.
        numbers = np.where(lengths > place * _WORD, mixed, numbers)
    return numbers
