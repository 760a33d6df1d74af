"""Sets of rows that pass the filters."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from skylore.archive.staging import ROW

if TYPE_CHECKING:
    from skylore.archive.table import Archive

__all__ = ["RowSet", "rows_passing"]

Rows = NDArray[np.uint64]
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
            found: NDArray[np.bool_] = self._flags[np.where(inside, rows, 0).astype(np.int64)]
            return found & inside
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
    found = archive.objects.scanner(columns=[], filter=where, with_row_id=True).to_table()
    return RowSet(np.sort(found[ROW].to_numpy()))
