"""Vectors of questions, asked of an encoder once and kept."""

from __future__ import annotations

import hashlib
import os
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from skylore.encoders.base import TextEncoder

__all__ = ["QueryEncoder", "QueryVectors"]

MOST_IN_MEMORY = 1024
MOST_IN_A_DRAWER = 256
"""Of 256 drawers: strangers who ask a server new questions must not fill its disk."""
_UNIT_TOLERANCE = 1e-3


@runtime_checkable
class QueryEncoder(Protocol):
    """A text encoder that treats questions otherwise than captions, as E5 and BGE do."""

    def encode_queries(self, texts: list[str]) -> NDArray[np.float32]:
        """Encode ``N`` questions as ``(N, D)`` rows of unit length."""


class QueryVectors:
    """The vectors of the questions put to one text encoder.

    A question asked before, by this process or an earlier one, is neither encoded nor paid for
    again; the encoder is not even loaded for it. Kept files are named by digests, so no question
    can be read from them, and a damaged one is made anew.

    Parameters
    ----------
    revision : str
        Of the encoder; vectors of another revision are never given.
    load : callable
        Gives the encoder, called when a question is new.
    folder : Path, optional
        Where vectors are kept; by default in memory alone. What cannot be written there, as in an
        archive that is read-only, is not kept.
    """

    def __init__(
        self, revision: str, load: Callable[[], TextEncoder], folder: Path | None = None
    ) -> None:
        self._revision = revision
        self._load = load
        self._folder = folder
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, NDArray[np.float32]] = OrderedDict()

    def vector(self, text: str) -> NDArray[np.float32]:
        """Give the unit vector of a question, ``(D,)``, not to be written to.

        Raises
        ------
        ModelError
            If the question is new, and the encoder cannot be loaded or gives no vector for it.
        """
        key = hashlib.sha256(f"{self._revision}\n{text}".encode(errors="surrogatepass")).hexdigest()
        found = self._kept.get(key)
        if found is None:
            found = self._read(key)
        if found is None:
            found = self._encode(text)
            self._write(key, found)
        with self._lock:
            self._kept[key] = found
            self._kept.move_to_end(key)
            if len(self._kept) > MOST_IN_MEMORY:
                self._kept.popitem(last=False)
        return found

    def _encode(self, text: str) -> NDArray[np.float32]:
        encoder = self._load()
        encode = encoder.encode_queries if isinstance(encoder, QueryEncoder) else encoder.encode
        vector: NDArray[np.float32] = encode([text])[0]
        vector.setflags(write=False)
        return vector

    def _place(self, folder: Path, key: str) -> Path:
        return folder / key[:2] / f"{key}.npy"

    def _read(self, key: str) -> NDArray[np.float32] | None:
        if self._folder is None:
            return None
        try:
            vector = np.load(self._place(self._folder, key), allow_pickle=False)
        except (OSError, ValueError, EOFError):
            return None
        sound = (
            vector.ndim == 1
            and vector.dtype == np.float32
            and abs(float(np.linalg.norm(vector)) - 1) < _UNIT_TOLERANCE
        )
        if not sound:
            return None
        vector.setflags(write=False)
        found: NDArray[np.float32] = vector
        return found

    def _write(self, key: str, vector: NDArray[np.float32]) -> None:
        if self._folder is None:
            return
        place = self._place(self._folder, key)
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            if sum(1 for _ in place.parent.iterdir()) >= MOST_IN_A_DRAWER:
                return
            handle, draft = tempfile.mkstemp(dir=place.parent, suffix=".draft")
            try:
                with os.fdopen(handle, "wb") as file:
                    np.save(file, vector, allow_pickle=False)
                Path(draft).replace(place)
            except BaseException:
                Path(draft).unlink(missing_ok=True)
                raise
        except OSError:
            # The answer is right without: a full or read-only disk must not fail a search.
            return
