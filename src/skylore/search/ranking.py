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
from skylore.search.index import vector_partitions

if TYPE_CHECKING:
    from skylore.archive.table import Archive

__all__ = ["by_id", "by_vector", "by_words", "fuse"]

PROBED = 0.05
REFINE = 10
RRF = 60
"""The constant of reciprocal rank fusion (Cormack, Clarke & Büttcher 2009)."""


def by_vector(
    archive: Archive,
    column: str,
    vector: NDArray[np.float32],
    count: int,
    where: str | None,
    *,
    use_index: bool,
) -> pa.Table:
    """Rank by cosine similarity: ``id``, ``_rowid`` and ``score``."""
    partitions = vector_partitions(archive, column) if use_index else 1
    nearest = {
        "column": column,
        "q": vector,
        "metric": "cosine",
        "use_index": use_index,
        "nprobes": max(20, int(partitions * PROBED)),
        "refine_factor": REFINE if use_index else None,
    }

    present = None if archive.filled(column) == len(archive) else f"{column} IS NOT NULL"

    def fetch(k: int) -> pa.Table:
        scanner = archive.objects.scanner(
            columns=[ID, "_distance"],
            nearest={**nearest, "k": k},
            filter=_and(where, present) or None,
            prefilter=True,
            with_row_id=True,
            disable_scoring_autoprojection=True,
        )
        table = scanner.to_table()
        similarity = pc.subtract(pa.scalar(1.0, pa.float32()), table["_distance"])
        return table.drop_columns(["_distance"]).append_column("score", similarity)

    return _exact_to(count, fetch)


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
    ids = archive.objects.to_table(columns=[ID], filter=where, with_row_id=True)
    ids = ids.sort_by(ID).slice(0, count)
    return ids.append_column("score", pa.nulls(ids.num_rows, pa.float32()))


def _exact_to(count: int, fetch: Callable[[int], pa.Table]) -> pa.Table:
    """Fetch until no object left out can tie with the last one kept, then sort and cut."""
    ask = count + 16
    while True:
        found = fetch(ask)
        ranked = found.sort_by([("score", "descending"), (ID, "ascending")])
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
    return fused.sort_by([("score", "descending"), (ID, "ascending")]).slice(0, count)


def _and(*parts: str | None) -> str:
    return " AND ".join(f"({part})" for part in parts if part)
