"""Ids as numbers, for counting and finding them in little memory."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

__all__ = ["AT_ONCE", "alike", "hashed_ids", "hashed_in_parts"]

_WORD = 8
_SEED = np.uint64(0xC2B2AE3D27D4EB4F)
_MIX = np.uint64(0x9E3779B97F4A7C15)
_SHIFT = np.uint64(29)

Hashes = NDArray[np.uint64]


AT_ONCE = 1 << 18


def hashed_in_parts(ids: pa.Array) -> Hashes:
    """Do as :func:`hashed_ids`, with little memory besides the answer."""
    parts = [hashed_ids(ids.slice(i, AT_ONCE)) for i in range(0, len(ids), AT_ONCE)]
    return np.concatenate(parts) if parts else np.empty(0, np.uint64)


def alike(ids: pa.Array) -> NDArray[np.int64]:
    """Give the places of ids whose number is that of another one, too, ascending.

    Among them are all that repeat, and by chance others: compare these alone. Takes 32 bytes an id.
    """
    numbers = hashed_in_parts(ids)
    order = np.argsort(numbers, kind="stable")
    ranked = numbers[order]
    same = ranked[1:] == ranked[:-1]
    repeats = np.zeros(len(ids), np.bool_)
    repeats[1:] |= same
    repeats[:-1] |= same
    return np.sort(order[repeats])


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
    # Spread, so that a length does not undo the letters of a short text.
    numbers = (lengths.astype(np.uint64) + np.uint64(1)) * _SEED
    for place, word in enumerate(letters.view(np.uint64).T):
        mixed = (numbers ^ word) * _MIX
        mixed ^= mixed >> _SHIFT
        # A number must not depend on how long the other texts are.
        numbers = np.where(lengths > place * _WORD, mixed, numbers)
    return numbers
