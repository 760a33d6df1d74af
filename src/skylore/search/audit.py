"""The measurement of what answers by way of an index lose, and what they take."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from skylore.archive.schema import VECTORS
from skylore.errors import ColumnError
from skylore.search.codes.calibration import near_and_far
from skylore.search.codes.fragments import ArchiveVectors
from skylore.search.codes.trial_filters import (
    TrialFilter,
    at_random,
    by_columns,
    on_one_side,
)
from skylore.search.codes.truth import exact_scores, recall_of
from skylore.search.codes.view import View, view_of
from skylore.search.planner import CODED_ROWS, Task, cheapest
from skylore.search.ranking import by_codes

if TYPE_CHECKING:
    from skylore.archive.table import Archive

__all__ = ["Audit", "AuditLine", "audit_index"]

SHARES = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
SIDES = (1e-1, 1e-2, 1e-3)
LENGTH = 100


@dataclass(frozen=True)
class AuditLine:
    """What was found under one filter.

    Attributes
    ----------
    filter
        How the rows that pass were chosen.
    matching
        Their number.
    way
        How they were searched.
    recall_at_10, recall_at_100
        Mean share of the exact best that was found.
    worst_at_100
        The lowest of any query.
    p50_ms, p99_ms
        Duration of a search on this machine, now, without the filter's own.
    estimate_ms
        What the planner expected.
    """

    filter: str
    matching: int
    way: str
    recall_at_10: float
    recall_at_100: float
    worst_at_100: float
    p50_ms: float
    p99_ms: float
    estimate_ms: float

    def __str__(self) -> str:
        """Say it in one line."""
        return (
            f"  {self.filter:<22} {self.matching:>10}  {self.way:<12}  {self.recall_at_10:9.3f}"
            f"  {self.recall_at_100:10.3f}  {self.worst_at_100:6.2f}  {self.p50_ms:7.1f}"
            f"  {self.p99_ms:7.1f}  {self.estimate_ms:8.1f}"
        )


@dataclass(frozen=True)
class Audit:
    """What the index of a column keeps of its promise.

    Attributes
    ----------
    column, rows, queries
        What was measured, on how many queries: every second near a sampled object, the others as
        far from all objects as words may be.
    recall
        What was asked.
    lines
        One a filter.
    """

    column: str
    rows: int
    queries: int
    recall: float
    lines: tuple[AuditLine, ...]

    def __str__(self) -> str:
        """Lay out a table."""
        head = (
            f"{self.column}: {self.rows} rows, {self.queries} queries, recall asked {self.recall}\n"
            f"  {'filter':<22} {'matching':>10}  {'way':<12}  recall@10  recall@100   worst"
            "   p50 ms   p99 ms  expected"
        )
        return "\n".join([head, *map(str, self.lines)])

    def to_json(self) -> dict[str, object]:
        """Give the figures by name."""
        return asdict(self)


def audit_index(
    archive: Archive, *, queries: int = 100, recall: float = 0.95, seed: int = 0
) -> list[Audit]:
    """Compare with the exact answer, over filters that pass all to a millionth of the rows.

    Some filters are random; others go with the vectors, or take the lowest values of a column.

    Raises
    ------
    ColumnError
        There is no index of vectors.
    """
    views = [view_of(archive, name) for name in VECTORS if name in archive.schema.names]
    coded = [view for view in views if view is not None]
    if not coded:
        raise ColumnError(
            f"{archive} has no vector index to audit; up to {CODED_ROWS} rows the exact scan is "
            "used; `skylore index --vector-rows N` builds one from N rows on"
        )
    return [_audit(archive, view, queries, recall, np.random.default_rng(seed)) for view in coded]


def _audit(
    archive: Archive, view: View, queries: int, recall: float, rng: np.random.Generator
) -> Audit:
    column = view.manifest.column
    source = ArchiveVectors(archive, column)
    asked = near_and_far(source.sample(4 * queries, 2), queries, rng)
    filters = [
        TrialFilter("none", None),
        *(at_random(view, share, rng) for share in SHARES if share * view.rows >= 1),
        *(on_one_side(view, share, rng) for share in SIDES if share * view.rows >= 1),
        *by_columns(archive, view, 0.01),
    ]
    exact = exact_scores(source, asked, [f.rows for f in filters], LENGTH)
    lines = tuple(
        _line(Trial(archive, view, trial), asked, truth, recall)
        for trial, truth in zip(filters, exact, strict=True)
    )
    return Audit(column, view.rows, len(asked), recall, lines)


@dataclass(frozen=True)
class Trial:
    """A filter on an archive."""

    archive: Archive
    view: View
    chosen: TrialFilter


def _line(
    trial: Trial,
    queries: NDArray[np.float32],
    exact: NDArray[np.float32],
    recall: float,
) -> AuditLine:
    view, rows = trial.view, trial.chosen.rows
    costs, calibration = view.manifest.costs, view.manifest.calibration
    if costs is None or calibration is None:
        raise ColumnError(f"the index of {view.manifest.column} is unfinished: `skylore index`")
    matching = view.rows if rows is None else len(rows)
    choice = cheapest(Task(view.rows, matching, LENGTH, recall), costs, calibration)
    shares, taken = [], []
    for query, truth in zip(queries, exact, strict=True):
        start = time.perf_counter()
        table, _ = by_codes(trial.archive, view, query, LENGTH, rows, recall=recall, way=choice.way)
        taken.append(1e3 * (time.perf_counter() - start))
        scores = table["score"].to_numpy()
        shares.append((recall_of(scores, truth, 10), recall_of(scores, truth, LENGTH)))
    at_10, at_100 = np.array(shares).T
    return AuditLine(
        filter=trial.chosen.name,
        matching=matching,
        way=choice.way,
        recall_at_10=float(at_10.mean()),
        recall_at_100=float(at_100.mean()),
        worst_at_100=float(at_100.min()),
        p50_ms=float(np.median(taken)),
        p99_ms=float(np.quantile(taken, 0.99)),
        estimate_ms=choice.ms,
    )
