"""The best of many scored rows, in bounded memory."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["Best", "Candidates"]

LOWEST = np.iinfo(np.int32).min


class Candidates:
    """Rows by score, best first.

    Attributes
    ----------
    rows, scores
        Shape ``(N,)``.
    complete
        Whether no row was left out; if not, all that score at least as the last are here.
    """

    def __init__(
        self, rows: NDArray[np.uint64], scores: NDArray[np.int32], *, complete: bool
    ) -> None:
        order = np.lexsort((rows, -scores.astype(np.int64)))
        self.rows, self.scores, self.complete = rows[order], scores[order], complete

    def __len__(self) -> int:
        return len(self.rows)


class Best:
    """Keeps the ``count`` best of what it is shown, and all that tie with the last.

    Attributes
    ----------
    floor
        Lower scores are of no use.
    """

    def __init__(self, count: int, floor: int = LOWEST) -> None:
        self.count = count
        self.floor = floor
        self._rows: list[NDArray[np.uint64]] = []
        self._scores: list[NDArray[np.int32]] = []
        self._held = 0

    def add(self, rows: NDArray[np.uint64], scores: NDArray[np.int32]) -> None:
        """Take rows that score at least ``floor``."""
        self._rows.append(rows)
        self._scores.append(scores)
        self._held += len(rows)
        if self._held >= 2 * self.count:
            self._cut()

    def _cut(self) -> None:
        rows, scores = np.concatenate(self._rows), np.concatenate(self._scores)
        if len(scores) > self.count:
            floor = int(np.partition(scores, len(scores) - self.count)[-self.count])
            keep = scores >= floor
            rows, scores, self.floor = rows[keep], scores[keep], floor
        self._rows, self._scores, self._held = [rows], [scores], len(rows)

    def kth(self, k: int) -> int | None:
        """Give the k-th best score so far; None if there are fewer."""
        if self._held < k:
            return None
        scores = np.concatenate(self._scores)
        return int(np.partition(scores, len(scores) - k)[-k])

    def merge(self, other: Best) -> None:
        """Take what another has kept."""
        for rows, scores in zip(other._rows, other._scores, strict=True):
            self.add(rows, scores)
        self.floor = max(self.floor, other.floor)

    def candidates(self) -> Candidates:
        """Give what was kept."""
        if not self._held:
            return Candidates(np.empty(0, np.uint64), np.empty(0, np.int32), complete=True)
        self._cut()
        return Candidates(self._rows[0], self._scores[0], complete=self.floor == LOWEST)
