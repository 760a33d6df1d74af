"""Sets of rows that pass the filters."""

from __future__ import annotations

import threading
from collections import OrderedDict
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from skylore.search.masks.service import rows_matching

if TYPE_CHECKING:
    from skylore.archive.table import Archive

__all__ = ["RowSet", "rows_passing"]

Rows = NDArray[np.uint64]
KEPT_BYTES = 128 << 20
"""Of the sets last asked for, an archive."""
DENSE = 64
"""Sets with more than one row in so many are also kept as one byte a row."""


class RowSet:
    """Some rows of an archive.

    Parameters
    ----------
    rows
        Their row ids, ascending, each once.
    """

    def __init__(self, rows: Rows) -> None:
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def size(self) -> int:
        """Bytes that it takes at most."""
        return self.rows.nbytes + (int(self.rows[-1]) if len(self.rows) else 0)

    @cached_property
    def _flags(self) -> NDArray[np.bool_] | None:
        if not len(self.rows) or len(self.rows) * DENSE < self.rows[-1]:
            return None
        flags = np.zeros(int(self.rows[-1]) + 1, np.bool_)
        flags[self.rows.astype(np.int64)] = True
        return flags

    def contains(self, rows: Rows) -> NDArray[np.bool_]:
        """Say of each row whether it is in the set."""
        if not len(self.rows):
            return np.zeros(len(rows), np.bool_)
        if self._flags is not None:
            inside = rows <= self.rows[-1]
            found = self._flags[np.where(inside, rows, 0).astype(np.int64)]
            both: NDArray[np.bool_] = found & inside
            return both
        place = np.minimum(np.searchsorted(self.rows, rows), len(self.rows) - 1)
        same: NDArray[np.bool_] = self.rows[place] == rows
        return same

    def between(self, first: int, last: int) -> Rows:
        """Give the rows from ``first`` to ``last``, both included."""
        bounds = np.array([first, last], np.uint64)
        start = np.searchsorted(self.rows, bounds[0], "left")
        return self.rows[start : np.searchsorted(self.rows, bounds[1], "right")]


def rows_passing(archive: Archive, where: str) -> RowSet:
    """Find the rows of this version that satisfy a predicate, which must be a trusted one."""
    kept: OrderedDict[tuple[int, str], RowSet] = archive.cached("row sets", OrderedDict)
    key = (archive.version, where)
    found = kept.get(key) or RowSet(rows_matching(archive, where))
    with _lock:
        kept[key] = found
        kept.move_to_end(key)
        most = archive.cache_share(KEPT_BYTES)
        least = 0 if archive.caches_are_bounded else 1
        while len(kept) > least and sum(each.size for each in kept.values()) > most:
            kept.popitem(last=False)
    return found


_lock = threading.Lock()
