"""Sets of rows on which recall is tried: random, and going with the vectors or a column."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from skylore.archive.schema import POSITION
from skylore.archive.staging import ROW
from skylore.search.codes.best import Best
from skylore.search.codes.scanning import compare, everything
from skylore.search.codes.view import View
from skylore.search.row_sets import RowSet

if TYPE_CHECKING:
    from skylore.archive.table import Archive

__all__ = ["TrialFilter", "at_random", "by_columns", "on_one_side", "some_rows"]

COLUMNS = 3
"""Number columns that are tried."""


@dataclass(frozen=True)
class TrialFilter:
    """A set of rows and how it was chosen; no set stands for all rows."""

    name: str
    rows: RowSet | None


def some_rows(view: View, count: int, rng: np.random.Generator) -> NDArray[np.uint64]:
    """Draw so many of the live rows of a view, or all there are, ascending.

    They are drawn segment by segment, which takes no memory for those that are not.
    """
    found, left, rows = [], min(count, view.rows), view.rows
    for live in view.segments:
        share = round(left * live.count / rows)
        there = len(live.segment) if live.live is None else np.flatnonzero(live.live)
        found.append(live.segment.rows[np.sort(rng.choice(there, share, replace=False))])
        left, rows = left - share, rows - live.count
    return np.sort(np.concatenate(found)) if found else np.empty(0, np.uint64)


def at_random(view: View, share: float, rng: np.random.Generator) -> TrialFilter:
    """Choose a share of the rows, at least one, whatever their vectors."""
    chosen = some_rows(view, max(1, round(share * view.rows)), rng)
    return TrialFilter(f"{share:.4%} at random", RowSet(chosen))


def on_one_side(view: View, share: float, rng: np.random.Generator) -> TrialFilter:
    """Choose the rows nearest to a random direction among those that vectors take."""
    direction = rng.normal(size=len(view.codebook.centres)) @ view.codebook.centres
    code = np.rint(127 * direction / np.abs(direction).max()).astype(np.int8)
    best = Best(max(1, round(share * view.rows)))
    compare(best, everything(view.segments), code, None)
    return TrialFilter(f"{share:.2%} on one side", RowSet(np.sort(best.candidates().rows)))


def by_columns(archive: Archive, view: View, share: float) -> Iterator[TrialFilter]:
    """Choose the rows of the lowest values of catalogue columns."""
    numbers = [
        field.name
        for field in archive.schema
        if pa.types.is_floating(field.type) and field.name not in POSITION
    ]
    coded = RowSet(some_rows(view, view.rows, np.random.default_rng(0)))
    for name in numbers[:COLUMNS]:
        table = archive.read([name], where=f"`{name}` IS NOT NULL", row_ids=True)
        rows, values = table[ROW].to_numpy(), table[name].to_numpy()
        inside = coded.contains(rows)
        rows, values = rows[inside], values[inside]
        if len(rows):
            lowest = np.argsort(values, kind="stable")[: max(1, round(share * len(rows)))]
            yield TrialFilter(f"{share:.0%} lowest {name}", RowSet(np.sort(rows[lowest])))
