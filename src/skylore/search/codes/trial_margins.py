"""What recall each margin gives, tried on queries whose exact answer is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from skylore.search.codes.best import Best
from skylore.search.codes.refining import Errors, refine
from skylore.search.codes.scanning import compare, everything, rows_of
from skylore.search.codes.searching import Reader
from skylore.search.codes.source import VectorSource
from skylore.search.codes.view import View
from skylore.search.row_sets import RowSet

__all__ = ["Trial", "Tried"]

Vectors = NDArray[np.float32]
Grid = NDArray[np.float64]
POOL, LARGEST = 1000, 16_000
"""Candidates read in full for a query: at first, and at most."""
SURE = 4.0
"""Rows estimated at so many standard deviations below the last hit are none."""


class Tried(NamedTuple):
    """Candidates of a query, best estimate first: row ids, estimates and exact scores."""

    rows: NDArray[np.uint64]
    estimates: Grid
    scores: Grid

    def best(self, count: int) -> NDArray[np.uint64]:
        """Give the rows of the exact answer; fewer if there are not so many."""
        return self.rows[np.argsort(-self.scores, kind="stable")[:count]]


@dataclass(frozen=True)
class Trial:
    """Codes to try, the usual errors of their estimates, and the lengths of answers."""

    source: VectorSource
    view: View
    errors: Errors
    counts: tuple[int, ...]

    def recalls(self, tried: Tried, margins: Sequence[float]) -> Grid:
        """Give the recall for each length of answer and margin."""
        found = np.ones((len(self.counts), len(margins)))
        for place, count in enumerate(self.counts):
            if count >= len(tried.scores):
                continue
            for number, margin in enumerate(margins):
                found[place, number] = self._recall(tried.estimates, tried.scores, count, margin)
                if found[place, number] == 1:
                    break  # wider margins read no less
        return found

    def _recall(self, estimates: Grid, scores: Grid, count: int, margin: float) -> float:
        errors = replace(self.errors, margin=margin)
        read = refine(estimates, count, errors, lambda a, b: scores[a:b], complete=True).scores
        last = np.partition(scores, -count)[-count]
        return min(1.0, np.count_nonzero(read >= last) / count)

    def scored(self, vector: Vectors, allowed: RowSet | None, *, known: bool) -> Tried:
        """Give estimates and exact scores of so many candidates that no hit is beyond them.

        Of a query that was made from a ``known`` object that object is left out, being found too
        easily.
        """
        query = self.view.codebook.encode_query(vector)
        view, pool = self.view, POOL
        portions = everything(view.segments) if allowed is None else rows_of(view, allowed)
        reader = Reader(self.source, vector)
        while True:
            best = Best(pool)
            compare(best, portions, query.code, None)
            candidates = best.candidates()
            scores = reader.scores(candidates, 0, min(len(candidates), pool))
            estimates = candidates.scores[: len(scores)].astype(np.float64) * query.unit
            if candidates.complete or pool >= LARGEST or self._enough(estimates, scores):
                break
            pool *= 4
        rows = candidates.rows[: len(scores)]
        if known and len(scores):
            others = np.arange(len(scores)) != np.argmax(scores)
            rows, estimates, scores = rows[others], estimates[others], scores[others]
        return Tried(rows, estimates, scores)

    def _enough(self, estimates: Grid, scores: Grid) -> bool:
        last = np.partition(scores, -self.counts[-1])[-self.counts[-1]]
        return bool(estimates[-1] < last - self.errors.bias - SURE * self.errors.spread)
