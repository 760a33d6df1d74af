"""The nearest rows by way of their codes."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from skylore.archive.schema import ID
from skylore.archive.staging import ROW
from skylore.search.codes.best import Best, Candidates
from skylore.search.codes.codebook import CodedQuery, unit_rows
from skylore.search.codes.probing import Wanted, probe_lists
from skylore.search.codes.refining import Errors, refine
from skylore.search.codes.scanning import compare, everything, rows_of
from skylore.search.codes.source import VectorSource
from skylore.search.codes.view import View
from skylore.search.planner import Way, level_of
from skylore.search.row_sets import RowSet

__all__ = ["Found", "Work", "nearest", "read_matches"]

BLOCK = 8192
"""Rows read in full at a time."""


@dataclass(frozen=True)
class Work:
    """What a search took.

    Attributes
    ----------
    filter_ms, codes_ms, refine_ms
        For the filters, the codes, and the vectors read in full.
    codes, lists, refined
        Codes compared, lists probed, vectors read in full.
    """

    filter_ms: float = 0.0
    codes_ms: float = 0.0
    refine_ms: float = 0.0
    codes: int = 0
    lists: int = 0
    refined: int = 0

    def __str__(self) -> str:
        """Say it in one line."""
        total = self.filter_ms + self.codes_ms + self.refine_ms
        probed = f" in {self.lists} lists" if self.lists else ""
        return (
            f"{total:.1f} ms: filters {self.filter_ms:.1f}, {self.codes} codes{probed} "
            f"{self.codes_ms:.1f}, {self.refined} vectors in full {self.refine_ms:.1f}"
        )


@dataclass(frozen=True)
class Found:
    """Rows with exact scores (``id``, ``_rowid``, ``score``), in no order, and the work done."""

    table: pa.Table
    work: Work


def nearest(
    source: VectorSource,
    view: View,
    vector: NDArray[np.float32],
    count: int,
    allowed: RowSet | None,
    *,
    recall: float,
    way: Way,
) -> Found:
    """Find the rows most similar to a vector, to a recall.

    Parameters
    ----------
    source, view
        The vectors, and their codes at the same version.
    vector
        Of any length but zero, shape ``(D,)``.
    count
        How many; more are returned, and all that tie with the last.
    allowed
        The rows that pass the filters; None if all do.
    recall
        The share of the exact answer that is promised.
    way
        Which codes to compare.
    """
    calibration = view.manifest.calibration
    if calibration is None:
        raise ValueError("these codes were never calibrated")
    level = level_of(recall, calibration)
    query = view.codebook.encode_query(vector)
    reader = Reader(source, vector)
    wanted, codes_s = Wanted(count, 4 * count + 256, allowed, level), 0.0
    while True:
        start = time.perf_counter()
        best, codes, lists = _best(view, query, wanted, way)
        candidates = best.candidates()
        codes_s += time.perf_counter() - start
        refined = refine(
            candidates.scores * query.unit,
            count,
            Errors(calibration.margin(level, count), calibration.bias, calibration.spread),
            lambda begin, end, found=candidates: reader.scores(found, begin, end),  # type: ignore[misc] # bound now
            complete=candidates.complete,
        )
        if not refined.short:
            break
        wanted = replace(wanted, pool=8 * wanted.pool)
    work = Work(
        codes_ms=1e3 * codes_s,
        refine_ms=1e3 * reader.seconds,
        codes=codes,
        lists=lists,
        refined=len(reader),
    )
    return Found(reader.table(), work)


def _best(view: View, query: CodedQuery, wanted: Wanted, way: Way) -> tuple[Best, int, int]:
    if way == "probe lists":
        return probe_lists(view, query, wanted)
    best, allowed = Best(wanted.pool), wanted.allowed
    if way == "gather codes" and allowed is not None:
        return best, compare(best, rows_of(view, allowed), query.code, None), 0
    return best, compare(best, everything(view.segments), query.code, allowed), 0


def read_matches(source: VectorSource, vector: NDArray[np.float32], allowed: RowSet) -> Found:
    """Compare a vector with all rows of a set in full."""
    reader = Reader(source, vector)
    reader.read(allowed.rows)
    work = Work(refine_ms=1e3 * reader.seconds, refined=len(reader))
    return Found(reader.table(), work)


class Reader:
    """Reads vectors and scores them exactly; no row twice."""

    def __init__(self, source: VectorSource, vector: NDArray[np.float32]) -> None:
        self._source = source
        self._vector = vector.astype(np.float64) / np.linalg.norm(vector.astype(np.float64))
        self._tables: list[pa.Table] = []
        self._known: dict[int, float] = {}
        self.seconds = 0.0

    def __len__(self) -> int:
        return sum(table.num_rows for table in self._tables)

    def scores(self, found: Candidates, begin: int, end: int) -> NDArray[np.float64]:
        """Give the exact scores of some candidates."""
        rows = found.rows[begin:end]
        self.read(np.array([r for r in rows.tolist() if r not in self._known], np.uint64))
        return np.array([self._known[row] for row in rows.tolist()], np.float64)

    def read(self, rows: NDArray[np.uint64]) -> None:
        """Read rows in blocks."""
        start = time.perf_counter()
        for first in range(0, len(rows), BLOCK):
            self._read(rows[first : first + BLOCK])
        self.seconds += time.perf_counter() - start

    def _read(self, rows: NDArray[np.uint64]) -> None:
        taken = self._source.take(rows)
        scores = unit_rows(taken.vectors.astype(np.float64)) @ self._vector
        # Rounded, so that equal vectors tie wherever they stand in a matrix.
        rounded = np.round(scores, 9).astype(np.float32)
        self._known.update(zip(taken.rows.tolist(), scores.tolist(), strict=True))
        score = pa.array(rounded)
        self._tables.append(pa.table({ID: taken.ids, ROW: pa.array(taken.rows), "score": score}))

    def table(self) -> pa.Table:
        """Give all that was read."""
        if not self._tables:
            self._read(np.empty(0, np.uint64))
        return pa.concat_tables(self._tables)
