"""The measurement of what a vector index loses."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from skylore.archive.schema import ID, VECTORS
from skylore.errors import ColumnError, QueryError
from skylore.search.index import vector_partitions
from skylore.search.planner import EXACT_ROWS
from skylore.search.ranking import by_vector

if TYPE_CHECKING:
    from skylore.archive.table import Archive

__all__ = ["Audit", "audit_index"]


@dataclass(frozen=True)
class Audit:
    """What a vector index finds of the exact answer.

    Attributes
    ----------
    column, rows, queries
        What was measured, on how many sampled queries.
    recall_at_10, recall_at_100
        Mean share of the exact best that the index gives.
    worst_at_100
        The lowest of any query.
    index_ms, exact_ms
        Median duration of a search on this machine, now.
    """

    column: str
    rows: int
    queries: int
    recall_at_10: float
    recall_at_100: float
    worst_at_100: float
    index_ms: float
    exact_ms: float

    def __str__(self) -> str:
        """Say it in one line."""
        return (
            f"{self.column}: recall@10 {self.recall_at_10:.3f}, "
            f"recall@100 {self.recall_at_100:.3f} (worst query {self.worst_at_100:.2f}) "
            f"over {self.queries} queries on {self.rows} rows; "
            f"median {self.index_ms:.1f} ms by index, {self.exact_ms:.1f} ms exact"
        )

    def to_json(self) -> dict[str, object]:
        """Give the figures by name."""
        return asdict(self)


def audit_index(archive: Archive, *, queries: int = 100, seed: int = 0) -> list[Audit]:
    """Compare the index with the exact answer, on sampled objects moved by some noise.

    Raises
    ------
    ColumnError
        There is no vector index.
    """
    indexed = [
        name
        for name in VECTORS
        if name in archive.schema.names and vector_partitions(archive, name)
    ]
    if not indexed:
        raise ColumnError(
            f"{archive} has no vector index to audit; up to {EXACT_ROWS} rows the exact scan is "
            "used; `skylore index --vector-rows N` builds one from N rows on"
        )
    return [_audit(archive, name, queries, np.random.default_rng(seed)) for name in indexed]


def _audit(archive: Archive, column: str, queries: int, rng: np.random.Generator) -> Audit:
    shares: list[tuple[float, float]] = []
    times: dict[bool, list[float]] = {True: [], False: []}
    for query in _sampled(archive, column, queries, rng):
        found: dict[bool, list[str]] = {}
        for use_index in (True, False):
            start = time.perf_counter()
            hits = by_vector(archive, column, query, 100, None, use_index=use_index)
            times[use_index].append(time.perf_counter() - start)
            found[use_index] = hits[ID].to_pylist()
        shares.append((_share(found, 10), _share(found, 100)))
    at_10, at_100 = np.array(shares).T
    return Audit(
        column=column,
        rows=archive.filled(column),
        queries=len(shares),
        recall_at_10=float(at_10.mean()),
        recall_at_100=float(at_100.mean()),
        worst_at_100=float(at_100.min()),
        index_ms=1e3 * float(np.median(times[True])),
        exact_ms=1e3 * float(np.median(times[False])),
    )


def _share(found: dict[bool, list[str]], k: int) -> float:
    exact = found[False][:k]
    return len(set(exact) & set(found[True][:k])) / len(exact)


def _sampled(
    archive: Archive, column: str, queries: int, rng: np.random.Generator
) -> list[np.ndarray[tuple[int], np.dtype[np.float32]]]:
    """Take queries near objects, but on none: sampled vectors with noise of 0.3 their length."""
    sample = archive.objects.sample(min(len(archive), 2 * queries), columns=[column])
    values = sample[column].drop_null().combine_chunks()
    if len(values) < 2:
        raise QueryError(f"{column} has too few vectors to audit")
    dimension = archive.schema.field(column).type.list_size
    vectors = np.asarray(values.flatten(), np.float32).reshape(-1, dimension)
    noise = rng.normal(size=vectors.shape).astype(np.float32)
    noise *= 0.3 * np.linalg.norm(vectors, axis=1, keepdims=True) / np.sqrt(dimension)
    return list((vectors + noise)[:queries])
