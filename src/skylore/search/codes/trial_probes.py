"""What recall each allowance of misses gives, tried by probing lists."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skylore.search.codes.best import Best
from skylore.search.codes.probing import Probing
from skylore.search.codes.scanning import compare, everything
from skylore.search.codes.trial_margins import Tried
from skylore.search.codes.view import View
from skylore.search.row_sets import RowSet

__all__ = ["MISSES", "Probed"]

Vectors = NDArray[np.float32]
Grid = NDArray[np.float64]
MISSES = tuple(float(m) for m in np.geomspace(2, 1e-3, 14))
RANKS = (10, 100, 1000, 10_000)
FILTERED = (10, 100)
"""Lengths of answers that are tried under filters."""
GROWTH = 1.25
"""Of the waves that are tried: smaller than those of a search, to tell allowances apart."""
MOST_LENIENT = 8.0


@dataclass(frozen=True)
class Probed:
    """Recall of the best codes and share of codes compared, for each allowance.

    Attributes
    ----------
    recalls
        By length of answer: for each filter and kind of query, the mean; shape ``(F, M)``.
    compared
        By length of answer, with no filter: the mean; shape ``(M,)``.
    """

    recalls: dict[int, Grid]
    compared: dict[int, Grid]

    @classmethod
    def of(
        cls,
        view: View,
        queries: Vectors,
        filters: Sequence[RowSet | None],
        tried: Sequence[Sequence[Tried]],
    ) -> Probed:
        """Try queries, of which those near objects and far from all take turns.

        For each filter and query, ``tried`` has the exact answer.
        """
        recalls: dict[int, list[Grid]] = {}
        compared: dict[int, Grid] = {}
        for allowed, known in zip(filters, tried, strict=True):
            most = view.rows if allowed is None else len(allowed)
            ranks = [rank for rank in (RANKS if allowed is None else FILTERED) if rank < most]
            if not ranks:
                continue
            runs = np.array(
                [
                    _tried(view, query, _answers(view, query, ranks, exact), allowed)
                    for query, exact in zip(queries, known, strict=True)
                ]
            )
            for place, rank in enumerate(ranks):
                kinds = [runs[::2, place], runs[1::2, place]] if len(runs) > 1 else [runs[:, place]]
                recalls.setdefault(rank, []).extend(kind[:, :, 0].mean(axis=0) for kind in kinds)
                if allowed is None:
                    compared[rank] = runs[:, place, :, 1].mean(axis=0)
        return cls({rank: np.array(found) for rank, found in recalls.items()}, compared)

    @property
    def ranks(self) -> tuple[int, ...]:
        """Lengths of answers for which the codes compared are known."""
        return tuple(self.compared)

    def place(self, wanted: float, shortest: int) -> int:
        """Give the place of the largest allowance that keeps a recall in answers so long."""
        kept = [found for rank, found in self.recalls.items() if rank >= shortest]
        return _largest(np.concatenate(kept or list(self.recalls.values())), wanted)

    def leniency(self, wanted: float, counts: Sequence[int]) -> tuple[float, ...]:
        """Give how many times as many misses shorter answers are allowed as the longest."""
        usual = MISSES[self.place(wanted, counts[-1])]
        factors = []
        for count in counts:
            tried = self.recalls.get(max(count, min(self.recalls)))
            own = usual if tried is None else MISSES[_largest(tried, wanted)]
            # The root, since of short answers few hits are seen.
            factors.append(min(max(own / usual, 1.0), MOST_LENIENT) ** 0.5)
        return (*factors[:-1], 1.0)

    def shares(
        self, place: int, counts: Sequence[int], leniency: Sequence[float]
    ) -> tuple[float, ...]:
        """Give the share of codes that an allowance compares, by length of answer."""
        found = []
        for rank, compared in self.compared.items():
            factor = float(np.interp(np.log(rank), np.log(counts), leniency))
            allowed = MISSES[place] * factor * (1 + 1e-9)
            found.append(compared[np.searchsorted(-np.array(MISSES), -allowed)])
        return tuple(np.maximum.accumulate(found).tolist())


def _largest(recalls: Grid, wanted: float) -> int:
    enough = np.flatnonzero(recalls.min(axis=0) >= wanted)
    return int(enough[0]) if len(enough) else len(MISSES) - 1


def _answers(
    view: View, vector: Vectors, ranks: Sequence[int], exact: Tried
) -> list[NDArray[np.uint64]]:
    """Give the rows of answers of several lengths: exact ones, and for long ones the best codes."""
    long = [rank for rank in ranks if rank > FILTERED[-1]]
    answers = [exact.best(rank) for rank in ranks if rank not in long]
    if long:
        best = Best(long[-1])
        compare(best, everything(view.segments), view.codebook.encode_query(vector).code, None)
        answers += [best.candidates().rows[:rank] for rank in long]
    return answers


def _tried(
    view: View, vector: Vectors, answers: Sequence[NDArray[np.uint64]], allowed: RowSet | None
) -> Grid:
    """Give recall, and share of codes compared, by length and allowance; shape ``(R, M, 2)``."""
    calibration = view.manifest.calibration
    if calibration is None:
        raise ValueError("no tail was measured")
    query = view.codebook.encode_query(vector)
    ranks = [max(1, len(rows)) for rows in answers]
    probing = Probing(view, query, max(ranks), allowed)
    places = [probing.places_of(view, rows) for rows in answers]
    results = np.ones((len(ranks), len(MISSES), 2))
    reached = [0] * len(ranks)
    goal = probing.first(ranks[0])
    while min(reached) < len(MISSES) and probing.done < goal:
        probing.until(goal)
        share = probing.compared / max(view.rows, 1)
        for number, rank in enumerate(ranks):
            last = probing.best.kth(rank)
            if last is None:
                continue
            beyond = probing.frontier.beyond(probing.done, last * query.unit, calibration)[0]
            enough = int(np.searchsorted(-np.array(MISSES) * rank, -beyond, "right"))
            found = np.count_nonzero(places[number] < probing.done) / rank
            results[number, reached[number] : enough] = found, share
            reached[number] = max(reached[number], enough)
        goal = min(int(GROWTH * goal) + 1, probing.lists)
    return results
