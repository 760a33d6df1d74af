"""Probing lists until few hits can be expected in those that are left."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skylore.search.codes.best import Best
from skylore.search.codes.codebook import Codebook, CodedQuery
from skylore.search.codes.manifest import Calibration
from skylore.search.codes.scanning import compare, everything, members, rows_of
from skylore.search.codes.view import LiveSegment, View
from skylore.search.row_sets import RowSet

__all__ = ["Frontier", "Wanted", "probe_lists", "tail_share"]

Values = NDArray[np.float64]
WHOLE = 8
"""Segments with fewer rows a list than this are compared whole."""
SAMPLED = 20_000
"""Rows that pass the filters, of which the lists are counted."""
FIRST = 0.004
"""The share of all rows that the first wave compares."""


class Frontier:
    """The lists in the order in which a query probes them, and what can be expected in each.

    Attributes
    ----------
    order
        Lists, the most promising first.
    """

    def __init__(self, codebook: Codebook, query: CodedQuery, members_of: Values) -> None:
        centres = (codebook.centres @ query.projected).astype(np.float64)
        spreads = codebook.spreads * float(np.linalg.norm(query.projected))
        self.order = np.argsort(-(centres + 2 * spreads), kind="stable")
        self._centres, self._spreads = centres[self.order], spreads[self.order]
        self._members = members_of[self.order]

    def first(self, rows: float) -> int:
        """Give how many lists hold so many members."""
        return int(np.searchsorted(np.cumsum(self._members), rows)) + 1

    def misses(self, lowest: float, calibration: Calibration) -> Values:
        """Give how many members better than ``lowest`` to expect from each place in order on."""
        beyond = tail_share((lowest - self._centres) / self._spreads, calibration)
        expected: Values = np.cumsum((self._members * beyond)[::-1])[::-1]
        return np.append(expected, 0.0)


def tail_share(deviations: Values, calibration: Calibration) -> Values:
    """Give the share of a list's members that lie further than so many spreads above its centre."""
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


def probe_lists(view: View, query: CodedQuery, wanted: Wanted) -> tuple[Best, int, int]:
    """Compare the codes of lists in waves.

    After each wave the score of the ``count``-th best row bounds what a better one in another list
    must have. How many such there are to be expected follows from the distance of each list's
    centre and the number of its members that pass the filters; where filters go with the vectors,
    so do these numbers. It ends when that is a small share of ``count``, as calibrated.

    Returns
    -------
    tuple
        The best rows, the number of codes compared, and of lists probed.
    """
    calibration = view.manifest.calibration
    if calibration is None:
        raise ValueError("these codes were never calibrated")
    lists = view.codebook.lists
    small = [live for live in view.segments if len(live.segment) < WHOLE * lists]
    large = [live for live in view.segments if len(live.segment) >= WHOLE * lists]
    count, allowed = wanted.count, wanted.allowed
    best = Best(wanted.pool)
    compared = compare(best, everything(small), query.code, allowed)
    sizes = _sizes(large, lists)
    frontier = Frontier(view.codebook, query, _passing(view, large, sizes, allowed))
    done, goal = 0, frontier.first(max(FIRST * sizes.sum(), 4.0 * count))
    while done < goal:
        chosen = np.sort(frontier.order[done:goal]).astype(np.int64)
        compared += compare(best, members(large, chosen), query.code, allowed)
        done = min(goal, lists)
        lowest = best.kth(count)
        if lowest is None:
            goal = min(4 * done, lists)
            continue
        expected = frontier.misses(lowest * query.unit, calibration)
        enough = int(np.argmax(expected <= calibration.misses[wanted.level] * count))
        goal = min(max(enough, done), 2 * done)
    return best, compared, done


def _sizes(segments: list[LiveSegment], lists: int) -> Values:
    sizes = np.zeros(lists)
    for live in segments:
        sizes += np.diff(live.segment.offsets)
    return sizes


def _passing(
    view: View, segments: list[LiveSegment], sizes: Values, allowed: RowSet | None
) -> Values:
    """Estimate how many members of each list pass the filters, from a sample of those that do."""
    if allowed is None:
        return sizes
    step = max(1, len(allowed) // SAMPLED)
    sample = RowSet(allowed.rows[::step])
    counted = np.zeros(len(sizes))
    chosen = {id(live) for live in segments}
    for portion in rows_of(view, sample):
        if id(portion.live) in chosen:
            offsets = portion.live.segment.offsets
            found = np.searchsorted(offsets, portion.chosen, "right") - 1
            counted += np.bincount(found, minlength=len(sizes))
    share = counted.sum() / max(sizes.sum(), 1)
    # Half a row more, spread as if the filter had nothing to do with the vectors, since a list
    # without a sampled row need not be empty.
    passing: Values = (counted + 0.5 * np.minimum(1, share * sizes)) * step
    return passing
