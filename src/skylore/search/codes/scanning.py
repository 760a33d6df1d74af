"""Comparing codes: all in order, those of some rows, or those of some lists."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from skylore.cores import usable_cores
from skylore.search.codes.best import Best
from skylore.search.codes.kernel import dots, pack
from skylore.search.codes.view import LiveSegment, View
from skylore.search.row_sets import RowSet

if TYPE_CHECKING:
    from numkong import PackedMatrix

__all__ = ["Portion", "compare", "everything", "members", "rows_of", "with_codes"]

BLOCK = 65_536
THREADS = usable_cores()
ROWS_A_THREAD = 1 << 19
"""Fewer rows are not worth a thread of their own."""


@dataclass(frozen=True)
class Portion:
    """Some places of a segment: a range, or chosen ones."""

    live: LiveSegment
    places: slice | NDArray[np.uint32]

    def __len__(self) -> int:
        if isinstance(self.places, slice):
            return int(self.places.stop - self.places.start)
        return len(self.places)

    @property
    def chosen(self) -> NDArray[np.intp]:
        """The places, one by one."""
        if isinstance(self.places, slice):
            return np.arange(self.places.start, self.places.stop)
        return self.places.astype(np.intp)

    def codes(self) -> NDArray[np.int8]:
        """Give their codes."""
        codes = self.live.segment.codes
        if isinstance(self.places, slice):
            return codes[self.places]
        chosen: NDArray[np.int8] = np.take(codes, self.places, axis=0)
        return chosen


def everything(segments: Sequence[LiveSegment]) -> list[Portion]:
    """Give all places."""
    return [
        Portion(live, slice(start, min(start + BLOCK, len(live.segment))))
        for live in segments
        for start in range(0, len(live.segment), BLOCK)
    ]


def rows_of(view: View, rows: RowSet) -> list[Portion]:
    """Give the places of some rows, as far as they have live codes."""
    portions: list[Portion] = []
    for live in view.segments:
        places = live.segment.places(rows.between(*live.segment.bounds))
        if live.live is not None:
            places = places[live.live[places]]
        portions += _blocks(live, places)
    return portions


def with_codes(view: View, rows: RowSet) -> RowSet:
    """Give those of some rows that have live codes."""
    found = [portion.live.segment.rows[portion.places] for portion in rows_of(view, rows)]
    return RowSet(np.sort(np.concatenate(found)) if found else np.empty(0, np.uint64))


def members(segments: Sequence[LiveSegment], lists: NDArray[np.int64]) -> list[Portion]:
    """Give the places of the members of some lists."""
    portions: list[Portion] = []
    for live in segments:
        first = live.segment.offsets[lists]
        size = live.segment.offsets[lists + 1] - first
        before = np.cumsum(size) - size
        places = np.repeat(first - before, size) + np.arange(size.sum())
        portions += _blocks(live, places.astype(np.uint32))
    return portions


def _blocks(live: LiveSegment, places: NDArray[np.uint32]) -> Iterator[Portion]:
    for start in range(0, len(places), BLOCK):
        yield Portion(live, places[start : start + BLOCK])


def compare(
    best: Best, portions: Sequence[Portion], code: NDArray[np.int8], allowed: RowSet | None
) -> int:
    """Show ``best`` the live rows of portions that are allowed; returns how many were compared.

    Many rows are shared among threads, each of which keeps its own best.
    """
    query = pack(code)
    total = sum(map(len, portions))
    threads = max(1, min(THREADS, total // ROWS_A_THREAD))
    kept = [best, *(Best(best.count, best.floor) for _ in range(threads - 1))]

    def run(number: int) -> None:
        for portion in portions[number::threads]:
            _score(kept[number], portion, query, allowed)

    if threads == 1:
        run(0)
    else:
        list(_pool().map(run, range(threads)))
    for other in kept[1:]:
        best.merge(other)
    return total


def _score(best: Best, portion: Portion, query: PackedMatrix, allowed: RowSet | None) -> None:
    live, places = portion.live, portion.places
    scores = dots(portion.codes(), query)
    high = np.flatnonzero(scores >= best.floor)
    if live.live is not None:
        high = high[live.live[places][high]]
    ids = live.segment.rows
    # The places first: most rows of a list are never looked at.
    rows = ids[places][high] if isinstance(places, slice) else ids[places[high]]
    if allowed is not None:
        inside = allowed.contains(rows)
        rows, high = rows[inside], high[inside]
    if len(rows):
        best.add(rows, scores[high])


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(THREADS, thread_name_prefix="skylore-codes")
