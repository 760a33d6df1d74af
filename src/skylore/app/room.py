"""Memory for the requests under way: each says what it may take, and waits until that is free."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from skylore.app.failures import OverloadedError
from skylore.archive.reading import SCAN
from skylore.errors import QueryError
from skylore.search.query import ImageTerm

if TYPE_CHECKING:
    from skylore.archive.table import Archive
    from skylore.search.query import Query

__all__ = ["A_PIXEL", "LEAST", "Room", "Shares", "bytes_of"]

PROCESS = 512 << 20
"""Taken by Python, its libraries and the models of a search in words; measured with 450 MB."""
LEAST = PROCESS + (256 << 20)
EVERY_REQUEST = SCAN + (16 << 20)
A_MATCH = 18
"""Bytes a row of the archive for a filter: two flags, and a row id before and after it is kept."""
A_HIT = 4096
A_PIXEL = 16
"""Decoded as bytes, and in single precision once whole and once reduced."""
MOST_PIXELS = 16_000_000


@dataclass(frozen=True)
class Shares:
    """How the memory of a server is divided, in bytes.

    Attributes
    ----------
    caches
        What is kept between requests: indexes, filters and uploads.
    requests
        What requests under way may take together.
    """

    caches: int
    requests: int

    @classmethod
    def of(cls, memory: int) -> Self:
        """Divide what the process leaves into halves."""
        half = (memory - PROCESS) // 2
        return cls(half, half)


def bytes_of(archive: Archive, query: Query) -> int:
    """Reckon what answering a query may take, by the rows of the archive and what is asked."""
    taken = EVERY_REQUEST + A_HIT * (query.k + query.offset)
    filtered = query.where or query.ranges or query.cones or query.boxes
    if filtered or query.polygons or query.mocs:
        taken += A_MATCH * len(archive)
    if any(isinstance(term, ImageTerm) for term in query.terms):
        taken += A_PIXEL * MOST_PIXELS // 4
    return taken


class Room:
    """Lets requests in as long as there is room for them, first come first served.

    Parameters
    ----------
    size
        Bytes that all may take together.
    patience
        Seconds that one waits at most.
    """

    def __init__(self, size: int, patience: float) -> None:
        self._size = size
        self._patience = patience
        self._free = size
        self._turns = threading.Condition()
        self._waiting: list[object] = []

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._waiting)

    @contextmanager
    def held(self, size: int) -> Iterator[None]:
        """Hold so many bytes.

        Raises
        ------
        QueryError
            It is more than there will ever be.
        OverloadedError
            It was not free in time.
        """
        if size > self._size:
            raise QueryError(
                f"this needs {size >> 20} MiB, and this server has {self._size >> 20} MiB for "
                "requests: ask for less, or start it with a larger --memory"
            )
        ticket = object()
        with self._turns:
            self._waiting.append(ticket)
            came = self._turns.wait_for(
                lambda: self._waiting[0] is ticket and size <= self._free, self._patience
            )
            self._waiting.remove(ticket)
            self._turns.notify_all()
            if not came:
                raise OverloadedError(f"no room for this request within {self._patience:g} s")
            self._free -= size
        try:
            yield
        finally:
            with self._turns:
                self._free += size
                self._turns.notify_all()
