"""Answering a query."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

import pyarrow as pa

from skylore.archive.schema import ID
from skylore.archive.staging import ROW
from skylore.errors import ColumnError, FilterError, QueryError
from skylore.search.filters import predicate_for
from skylore.search.index import has_index
from skylore.search.ordering import by_column
from skylore.search.planner import Plan
from skylore.search.query import Query, TextTerm
from skylore.search.ranking import by_id, by_words, fuse
from skylore.search.results import Results
from skylore.search.row_sets import rows_passing
from skylore.search.similarity import by_similarity
from skylore.search.space import words_column

if TYPE_CHECKING:
    from skylore.archive.table import Archive
    from skylore.search.codes.searching import Work

__all__ = ["WORDS", "answer"]

WORDS = ("captions", "caption")
"""Columns of words, best first."""
SHOWN = ("caption", "ra", "dec")
REMEMBERED = 512
"""Filters of late whose types fit, which are not planned again."""
FUSED = 10
"""A hybrid search fuses rankings this many times as long as the answer, and at least 200 long."""


_lock = threading.Lock()


def answer(archive: Archive, query: Query) -> Results:
    """Answer a query.

    Raises
    ------
    QueryError
        A term or filter cannot be used.
    ColumnError
        A column that the query needs is not there yet.
    """
    if query.rerank is not None:
        raise QueryError(
            "the query asks for its hits to be re-ranked, and does not say by whom: give a judge "
            "(rerank=Reranking(judge, …)), or --rerank openai:MODEL"
        )
    where = predicate_for(query, archive.schema)
    if query.where is not None or query.ranges:
        _check_types(archive, where)
    ways = {"list": _listed, "vector": by_similarity, "text": _by_words, "hybrid": _hybrid}
    way = ways[_mode(archive, query) if query.terms else "list"]
    try:
        ranking, plan, work = way(archive, query, query.offset + query.k, where)
    except (OSError, pa.ArrowInvalid) as error:
        if query.where is None:
            raise
        raise FilterError(f"the filter cannot be computed: {_first_part(error)}") from error
    table = _table(archive, query, ranking.slice(query.offset))
    return Results(query, plan, table, archive, work=work)


def _check_types(archive: Archive, where: str | None) -> None:
    """Let the engine plan the filter, which fails where types do not fit; once a version."""
    key = (archive.version, where)
    fitting: OrderedDict[tuple[int, str | None], None] = archive.cached("fitting", OrderedDict)
    with _lock:
        if key in fitting:
            fitting.move_to_end(key)
            return
    try:
        archive.objects.scanner(columns=[ID], filter=where, limit=1).explain_plan()
    except (ValueError, OSError) as error:
        reason = _first_part(error)
        raise FilterError(
            f"the filter {(where or '')[:200]} does not fit its columns: {reason}"
        ) from error
    with _lock:
        fitting[key] = None
        if len(fitting) > REMEMBERED:
            fitting.popitem(last=False)


def _first_part(error: Exception) -> str:
    """Leave out where in the engine an error came from."""
    return str(error).split(", /")[0]


def _mode(archive: Archive, query: Query) -> str:
    if query.mode is not None:
        return query.mode
    only_words = all(isinstance(term, TextTerm) and term.weight > 0 for term in query.terms)
    no_vectors = words_column(archive) is None
    return "text" if only_words and no_vectors and _words_column(archive) else "vector"


def _listed(
    archive: Archive, query: Query, count: int, where: str | None
) -> tuple[pa.Table, Plan, None]:
    rows = len(archive)
    sort = query.sort
    plan = Plan(
        method="list",
        reason=f"the query has no terms; ordered by {sort or 'id'}",
        rows=rows,
        matching=len(rows_passing(archive, where)) if where else rows,
    )
    found = by_column(archive, sort, count, where) if sort else by_id(archive, count, where)
    return found, plan, None


def _by_words(
    archive: Archive, query: Query, count: int, where: str | None
) -> tuple[pa.Table, Plan, None]:
    words = " ".join(term.text for term in query.terms if isinstance(term, TextTerm))
    if len([t for t in query.terms if isinstance(t, TextTerm) and t.weight > 0]) < len(query.terms):
        raise QueryError(
            "a search in the captions takes words alone; use --mode vector for images, objects "
            "and --minus"
        )
    column = _words_column(archive)
    if column is None:
        raise ColumnError(f"{archive} has no captions to search; run `skylore caption`")
    reason = "the query asked for it" if query.mode else "pictures and words are not aligned"
    if not has_index(archive, column):
        reason += "; without an index only whole words are found, so run `skylore index`"
    plan = Plan(
        method="full text",
        reason=reason,
        rows=archive.filled(column),
        column=column,
    )
    return by_words(archive, column, words, count, where), plan, None


def _hybrid(
    archive: Archive, query: Query, count: int, where: str | None
) -> tuple[pa.Table, Plan, Work | None]:
    long = max(FUSED * count, 200)
    vectors, plan, work = by_similarity(archive, query, long, where)
    words, _, _ = _by_words(archive, query, long, where)
    reason = f"{plan.method} on {plan.column} and full text, fused by rank"
    plan = plan.model_copy(update={"method": "hybrid", "reason": reason})
    return fuse([vectors, words], count), plan, work


def _words_column(archive: Archive) -> str | None:
    return next((name for name in WORDS if name in archive.schema.names), None)


def _table(archive: Archive, query: Query, ranking: pa.Table) -> pa.Table:
    names = query.columns
    if names is None:
        sorted_by = [query.sort.column] if query.sort else []
        shown = dict.fromkeys([*sorted_by, *SHOWN])
        names = tuple(name for name in shown if _has_values(archive, name))
    archive.require(names)
    start = query.offset + 1
    ranks = pa.array(range(start, start + ranking.num_rows), pa.int64())
    table = pa.table({"rank": ranks, ID: ranking[ID], "score": ranking["score"]})
    extra = [name for name in names if name not in ("rank", ID, "score")]
    if extra:
        values = archive.take(ranking[ROW], extra)
        for name in extra:
            table = table.append_column(archive.schema.field(name), values[name])
    return table


def _has_values(archive: Archive, name: str) -> bool:
    return name in archive.schema.names and archive.filled(name) > 0
