"""Rankings: best score first, ties by id, exact up to the last place asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from skylore.archive.schema import ID
from skylore.archive.staging import ROW
from skylore.search.codes.fragments import ArchiveVectors
from skylore.search.codes.searching import Work, nearest, read_matches
from skylore.search.codes.view import View
from skylore.search.listing import first_by_id
from skylore.search.planner import Way
from skylore.search.row_sets import RowSet

if TYPE_CHECKING:
    from skylore.archive.table import Archive

__all__ = ["by_codes", "by_id", "by_scan", "by_words", "fuse"]

BEST_FIRST = [("score", "descending"), (ID, "ascending")]
RRF = 60
"""The constant of reciprocal rank fusion (Cormack, Clarke & Büttcher 2009)."""


def by_scan(
    archive: Archive, column: str, vector: NDArray[np.float32], count: int, where: str | None
) -> pa.Table:
    """Rank by cosine similarity, reading every vector: ``id``, ``_rowid`` and ``score``."""
    present = None if archive.filled(column) == len(archive) else f"{column} IS NOT NULL"

    def fetch(k: int) -> pa.Table:
        scanner = archive.objects.scanner(
            columns=[ID, "_distance"],
            nearest={
                "column": column,
                "q": vector,
                "metric": "cosine",
                "use_index": False,
                "k": k,
            },
            filter=_and(where, present) or None,
            prefilter=True,
            with_row_id=True,
            disable_scoring_autoprojection=True,
        )
        table = scanner.to_table()
        similarity = pc.subtract(pa.scalar(1.0, pa.float32()), table["_distance"])
        return table.drop_columns(["_distance"]).append_column("score", similarity)

    return _exact_to(count, fetch)


def by_codes(
    archive: Archive,
    view: View,
    vector: NDArray[np.float32],
    count: int,
    allowed: RowSet | None,
    *,
    recall: float,
    way: Way,
) -> tuple[pa.Table, Work]:
    """Rank by cosine similarity, comparing codes first: ``id``, ``_rowid`` and ``score``.

    Scores are exact; hits are complete to the recall, and the work says what it took.
    """
    source = ArchiveVectors(archive, view.manifest.column)
    if way == "read matches" and allowed is not None:
        found = read_matches(source, vector, allowed)
    else:
        found = nearest(source, view, vector, count, allowed, recall=recall, way=way)
    return found.table.sort_by(BEST_FIRST).slice(0, count), found.work


def by_words(archive: Archive, column: str, words: str, count: int, where: str | None) -> pa.Table:
    """Rank by BM25 over the words of a column: ``id``, ``_rowid`` and ``score``."""
    from lance.query import MatchQuery

    def fetch(k: int) -> pa.Table:
        scanner = archive.objects.scanner(
            columns=[ID, "_score"],
            full_text_query=MatchQuery(words, column),
            limit=k,
            filter=where,
            prefilter=True,
            with_row_id=True,
            disable_scoring_autoprojection=True,
        )
        return scanner.to_table().rename_columns({"_score": "score"})

    return _exact_to(count, fetch)


def by_id(archive: Archive, count: int, where: str | None) -> pa.Table:
    """List objects by id, without scores."""
    ids = first_by_id(archive, count, where)
    return ids.append_column("score", pa.nulls(ids.num_rows, pa.float32()))


def _exact_to(count: int, fetch: Callable[[int], pa.Table]) -> pa.Table:
    """Fetch until no object left out can tie with the last one kept, then sort and cut."""
    ask = count + 16
    while True:
        found = fetch(ask)
        ranked = found.sort_by(BEST_FIRST)
        if found.num_rows < ask or ranked["score"][count - 1] != ranked["score"][-1]:
            return ranked.slice(0, count)
        ask *= 4


def fuse(rankings: Sequence[pa.Table], count: int) -> pa.Table:
    """Fuse rankings by the sum of 1 / (60 + rank) over those that an object is in."""
    scores: dict[int, float] = {}
    ids: dict[int, str | int] = {}
    for ranking in rankings:
        rows, names = ranking[ROW].to_pylist(), ranking[ID].to_pylist()
        for rank, (row, name) in enumerate(zip(rows, names, strict=True), start=1):
            scores[row] = scores.get(row, 0.0) + 1 / (RRF + rank)
            ids[row] = name
    fused = pa.table(
        {
            ID: pa.array(list(ids.values()), rankings[0].schema.field(ID).type),
            ROW: pa.array(list(ids), pa.uint64()),
            "score": pa.array([scores[row] for row in ids], pa.float32()),
        }
    )
    return fused.sort_by(BEST_FIRST).slice(0, count)


def _and(*parts: str | None) -> str:
    return " AND ".join(f"({part})" for part in parts if part)
