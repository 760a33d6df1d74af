"""The objects most similar to a query, by whichever way keeps its recall at the least cost."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from skylore.archive.staging import ROW
from skylore.search.codes.scanning import with_codes
from skylore.search.codes.searching import Work
from skylore.search.codes.view import View, view_of
from skylore.search.planner import Plan, choose
from skylore.search.query import Query
from skylore.search.ranking import by_codes, by_scan
from skylore.search.row_sets import RowSet, rows_passing
from skylore.search.space import open_space

if TYPE_CHECKING:
    from skylore.archive.table import Archive

__all__ = ["by_similarity"]


def by_similarity(
    archive: Archive, query: Query, count: int, where: str | None
) -> tuple[pa.Table, Plan, Work | None]:
    """Rank the objects that satisfy a predicate; gives plan and work, too.

    Objects that the query names as examples are left out.

    Raises
    ------
    QueryError
        A term cannot be used.
    """
    space = open_space(archive, query)
    column = space.column
    vector = space.vector_of(query.terms)
    examples = space.examples(query.terms)
    view = None if query.exact or query.recall == 1 else view_of(archive, column)
    start = time.perf_counter()
    allowed = _allowed(archive, view, where) if view and where else None
    filtered = time.perf_counter() - start
    rows = archive.filled(column) - len(examples)
    others = _and_not(where, examples)
    plan = choose(
        rows=rows,
        matching=_matching(archive, column, where, allowed, examples) if where else rows,
        count=count,
        recall=query.recall,
        exact=query.exact,
        column=column,
        codes=view.manifest if view else None,
        uncoded=view.uncoded if view else 0,
    )
    if view is None or plan.way is None:
        return by_scan(archive, column, vector, count, others), plan, None
    ranking, work = by_codes(
        archive, view, vector, count + len(examples), allowed, recall=query.recall, way=plan.way
    )
    left = pc.invert(pc.is_in(ranking[ROW], pa.array(examples, pa.uint64())))
    work = replace(work, filter_ms=1e3 * filtered)
    return ranking.filter(left).slice(0, count), plan, work


def _allowed(archive: Archive, view: View, where: str) -> RowSet:
    """Find the rows that pass the filters and have a vector."""
    passing = rows_passing(archive, where)
    if archive.filled(view.manifest.column) == len(archive) or view.uncoded:
        return passing
    return with_codes(view, passing)


def _matching(
    archive: Archive, column: str, where: str, allowed: RowSet | None, examples: list[int]
) -> int:
    """Count the objects that pass the filters, without the examples."""
    if allowed is None:
        return archive.count(f"({_and_not(where, examples)}) AND {column} IS NOT NULL")
    return len(allowed) - int(allowed.contains(np.array(examples, np.uint64)).sum())


def _and_not(where: str | None, examples: list[int]) -> str | None:
    if not examples:
        return where
    others = f"_rowid NOT IN ({', '.join(str(row) for row in examples)})"
    return f"({where}) AND {others}" if where else others
