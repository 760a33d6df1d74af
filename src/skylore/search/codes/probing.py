"""Probing lists until few hits can be expected in those that are left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skylore.search.codes.best import Best
from skylore.search.codes.codebook import Codebook, CodedQuery
from skylore.search.codes.manifest import Calibration
from skylore.search.codes.scanning import Portion, compare, everything, members, rows_of
from skylore.search.codes.view import LiveSegment, View
from skylore.search.row_sets import RowSet

__all__ = ["Frontier", "Probing", "Wanted", "lists_of", "probe_lists", "sizes_of", "tail_share"]

Values = NDArray[np.float64]
TINY = 1e-9
WHOLE = 8
"""Segments with fewer rows a list than this are compared whole."""
SAMPLED = 20_000
"""Rows that pass the filters, of which the lists are counted."""
FIRST = 0.002
"""The share of all rows that the first wave compares."""
GROWTH = 1.6
"""A wave ends when so many times as many lists are probed, since the last of the best has risen."""
GATHERED = 2.0
"""A chosen row costs as much as so many of a list."""
AHEAD = 3.0
"""Lists are probed in the order of what is so many standard deviations above their mean score."""


class Frontier:
    """The lists in the order in which a query probes them, and what can be expected in each.

    Attributes
    ----------
    order
        Lists, the most promising first.
    """

    def __init__(self, codebook: Codebook, query: CodedQuery, members_of: Values) -> None:
        means, spreads = codebook.scores_of(query)
        self.order = np.argsort(-(means + AHEAD * spreads), kind="stable")
        self._means, self._spreads = means[self.order], spreads[self.order] + TINY
        self._members = members_of[self.order]

    def first(self, rows: float) -> int:
        """Give how many lists hold so many members."""
        return int(np.searchsorted(np.cumsum(self._members), rows)) + 1

    def beyond(self, done: int, lowest: float, calibration: Calibration) -> Values:
        """Give how many members better than ``lowest`` to expect in all lists but the first n.

        For n from ``done`` on; the last value is 0.
        """
        deviations = (lowest - self._means[done:]) / self._spreads[done:]
        expected = self._members[done:] * tail_share(deviations, calibration)
        return np.append(np.cumsum(expected[::-1])[::-1], 0.0)


def tail_share(deviations: Values, calibration: Calibration) -> Values:
    """Give the share of a list's members that are so many deviations above its mean, or more."""
    at, share = (np.asarray(values) for values in calibration.tail)
    found: Values = np.exp(np.interp(deviations, at, np.log(share)))
    return found


@dataclass(frozen=True)
class Wanted:
    """What is looked for.

    Attributes
    ----------
    count
        Rows of the answer.
    pool
        Candidates to keep.
    allowed
        The rows that may be hits; None for all.
    level
        Place of the recall in the calibration.
    """

    count: int
    pool: int
    allowed: RowSet | None
    level: int


class Probing:
    """The lists of a view, probed from the most promising on.

    Attributes
    ----------
    best
        The best rows so far.
    frontier
        The order of the lists.
    done, compared
        Lists probed and codes compared so far.
    """

    def __init__(self, view: View, query: CodedQuery, pool: int, allowed: RowSet | None) -> None:
        self.lists = view.codebook.lists
        small = [live for live in view.segments if len(live.segment) < WHOLE * self.lists]
        self._large = [live for live in view.segments if len(live.segment) >= WHOLE * self.lists]
        self._query, self._allowed = query, allowed
        self.best = Best(pool)
        self.compared = compare(self.best, everything(small), query.code, allowed)
        sizes = sizes_of(self._large, self.lists)
        passing = _passing(view, self._large, sizes, allowed)
        self.frontier = Frontier(view.codebook, query, passing)
        self.rows, self.done = float(sizes.sum()), 0
        self._before = np.append(0.0, np.cumsum(sizes[self.frontier.order]))

    def first(self, count: int) -> int:
        """Give how many lists the first wave takes."""
        return min(self.frontier.first(max(FIRST * self.rows, 4.0 * count)), self.lists)

    def until(self, goal: int) -> None:
        """Probe lists until so many are done."""
        chosen = np.sort(self.frontier.order[self.done : goal]).astype(np.int64)
        portions = members(self._large, chosen)
        self.compared += compare(self.best, portions, self._query.code, self._allowed)
        self.done = min(goal, self.lists)

    def rows_until(self, goal: int) -> float:
        """Give how many rows lie in the lists that are left until so many are done."""
        return float(self._before[goal] - self._before[self.done])

    def places_of(self, view: View, rows: NDArray[np.uint64]) -> NDArray[np.intp]:
        """Give when the list of each row is probed; -1 for rows that are compared at once."""
        rank = np.empty(self.lists, np.intp)
        rank[self.frontier.order] = np.arange(self.lists)
        large = {id(live) for live in self._large}
        found = [
            rank[lists_of(portion)] if id(portion.live) in large else np.full(len(portion), -1)
            for portion in rows_of(view, RowSet(np.sort(rows)))
        ]
        return np.concatenate(found) if found else np.empty(0, np.intp)


def probe_lists(view: View, query: CodedQuery, wanted: Wanted) -> tuple[Best, int, int]:
    """Compare the codes of lists in waves.

    After each wave the score of the ``count``-th best row bounds what a better one in another list
    must have. How many such there are to be expected follows from the mean of each list's scores,
    their standard deviation along this query's direction, the measured tail of scores so
    standardised (which is nearly the same for queries near objects and far from all), and the
    number of its members that pass the filters; where filters go with the vectors, so do these
    numbers. It ends when that is a small share of ``count``, as calibrated.

    Returns
    -------
    tuple
        The best rows, the number of codes compared, and of lists probed.
    """
    calibration = view.manifest.calibration
    if calibration is None:
        raise ValueError("these codes were never calibrated")
    probing = Probing(view, query, wanted.pool, wanted.allowed)
    few = calibration.allowance(wanted.level, wanted.count)
    goal = probing.first(wanted.count)
    while probing.done < goal:
        probing.until(goal)
        lowest = probing.best.kth(wanted.count)
        if lowest is None:
            goal = min(4 * goal, probing.lists)
            continue
        beyond = probing.frontier.beyond(probing.done, lowest * query.unit, calibration)
        enough = probing.done + int(np.argmax(beyond <= few))
        if wanted.allowed is not None and _rather_gathered(probing, enough, len(wanted.allowed)):
            best = Best(wanted.pool)
            gathered = compare(best, rows_of(view, wanted.allowed), query.code, None)
            return best, probing.compared + gathered, probing.done
        goal = min(enough, int(GROWTH * probing.done) + 1)
    return probing.best, probing.compared, probing.done


def _rather_gathered(probing: Probing, enough: int, matching: int) -> bool:
    """Whether it has turned out that comparing the rows that pass the filters is less work.

    Said only when half of that work is done already, as what the first waves foretell is too much.
    """
    worth = GATHERED * matching
    return probing.compared > worth / 2 and probing.rows_until(enough) > worth


def sizes_of(segments: Sequence[LiveSegment], lists: int) -> Values:
    """Give how many members each list has."""
    sizes = np.zeros(lists)
    for live in segments:
        sizes += np.diff(live.segment.offsets)
    return sizes


def lists_of(portion: Portion) -> NDArray[np.intp]:
    """Give the list of each place."""
    found: NDArray[np.intp] = (
        np.searchsorted(portion.live.segment.offsets, portion.chosen, "right") - 1
    )
    return found


def _passing(
    view: View, segments: list[LiveSegment], sizes: Values, allowed: RowSet | None
) -> Values:
    """Estimate how many members of each list pass the filters, from a sample of those that do."""
    if allowed is None:
        return sizes
    if allowed in view.passing:
        return view.passing[allowed]
    step = max(1, len(allowed) // SAMPLED)
    sample = RowSet(allowed.rows[::step])
    counted = np.zeros(len(sizes))
    chosen = {id(live) for live in segments}
    for portion in rows_of(view, sample):
        if id(portion.live) in chosen:
            counted += np.bincount(lists_of(portion), minlength=len(sizes))
    share = counted.sum() / max(sizes.sum(), 1)
    # Half a row more, spread as if the filter had nothing to do with the vectors, since a list
    # without a sampled row need not be empty.
    passing: Values = (counted + 0.5 * np.minimum(1, share * sizes)) * step
    view.passing[allowed] = passing
    return passing
