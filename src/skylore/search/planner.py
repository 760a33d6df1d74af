"""Which way to answer a query. Pure arithmetic on what was counted and measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from skylore.search.codes.manifest import Calibration, Costs, Manifest

__all__ = [
    "CODED_ROWS",
    "Choice",
    "Method",
    "Plan",
    "Way",
    "cheapest",
    "choose",
    "estimate",
    "level_of",
]

CODED_ROWS = 100_000
"""Archives with fewer vectors are read whole in less time than it takes to notice."""

Way = Literal["read matches", "scan codes", "gather codes", "probe lists"]
Method = Literal["list", "exact scan", "full text", "hybrid"] | Way

REASONS: dict[Way, str] = {
    "read matches": "few objects pass the filters: each is compared in full",
    "gather codes": "the codes of the objects that pass the filters are compared",
    "scan codes": "all codes are compared",
    "probe lists": "the codes of the nearest lists are compared",
}


class Plan(BaseModel):
    """How a query was answered.

    Attributes
    ----------
    method
        What ran.
    reason
        Why.
    rows
        Objects that could be hits: those with a value in the searched column.
    matching
        Those of them that pass the filters; None if the filters were not counted on their own.
    column
        The searched column.
    estimate_ms
        What the search was expected to take, filters aside; None where nothing was measured.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: Method
    reason: str
    rows: int
    matching: int | None = None
    column: str | None = None
    estimate_ms: float | None = None

    @property
    def way(self) -> Way | None:
        """The way through the codes; None if they are not used."""
        return next((way for way in REASONS if way == self.method), None)


class Choice(BaseModel):
    """A way through the codes and what it is expected to take, in milliseconds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    way: Way
    ms: float


def choose(
    *,
    rows: int,
    matching: int,
    count: int,
    recall: float,
    exact: bool | None,
    column: str,
    codes: Manifest | None,
    uncoded: int,
) -> Plan:
    """Choose between reading every vector and the cheapest way through the codes.

    Parameters
    ----------
    rows, matching
        Objects with a vector, and those of them that pass the filters.
    count
        Hits wanted, those of earlier pages included.
    recall
        Share of the exact answer that is promised; 1 for all of it.
    exact
        Whether the query asked for an exact answer.
    column
        The searched column.
    codes
        What is known of its codes; None if there are none.
    uncoded
        Objects that have no code yet, if too many to be coded on the way.
    """

    def plan(method: Method, reason: str, ms: float | None = None) -> Plan:
        ms = None if ms is None else round(ms, 1)
        return Plan(
            method=method,
            reason=reason,
            rows=rows,
            matching=matching,
            column=column,
            estimate_ms=ms,
        )

    if exact:
        return plan("exact scan", "the query asked for it")
    if recall == 1:
        return plan("exact scan", "the query asked for a recall of 1")
    if codes is None or codes.costs is None or codes.calibration is None:
        return plan("exact scan", f"there is no index on {column}")
    if uncoded:
        reason = f"{uncoded} objects are not in the index of {column} yet; run `skylore index`"
        return plan("exact scan", reason)
    choice = cheapest(Task(rows, matching, count, recall), codes.costs, codes.calibration)
    return plan(choice.way, REASONS[choice.way], choice.ms)


@dataclass(frozen=True)
class Task:
    """What is to be found.

    Attributes
    ----------
    rows, matching
        Rows with codes, and those of them that may be hits.
    count
        Hits wanted.
    recall
        Share of the exact answer that is promised.
    """

    rows: int
    matching: int
    count: int
    recall: float


def cheapest(task: Task, costs: Costs, calibration: Calibration) -> Choice:
    """Choose the cheapest way through the codes that keeps the recall."""
    ways: tuple[Way, ...] = ("read matches", "gather codes", "scan codes", "probe lists")
    if task.matching >= task.rows:
        ways = ("scan codes", "probe lists")
    times = {way: estimate(way, task, costs, calibration) for way in ways}
    best = min(times, key=lambda way: times[way])
    return Choice(way=best, ms=times[best])


def estimate(way: Way, task: Task, costs: Costs, calibration: Calibration) -> float:
    """Say what a way is expected to take, in milliseconds, filters aside."""
    compared = min(task.matching, 1.5 * task.count + 16)
    refine = 2 * costs.read + 1e-3 * costs.refine * compared
    if way == "read matches":
        return costs.start + costs.read + 1e-3 * costs.refine * task.matching
    if way == "gather codes":
        return costs.start + 1e-6 * costs.gather * task.matching + refine
    if way == "scan codes":
        return costs.start + 1e-6 * costs.scan * task.rows + refine
    rank = task.count * task.rows / max(task.matching, 1)
    # A filter leaves as many hits to be found, so that it takes no fewer lists than none.
    share = max(
        probed_share(each, task.rows, task.recall, calibration) for each in (task.count, rank)
    )
    return 2 * costs.start + 1e-6 * costs.probe * task.rows * share + refine


def probed_share(rank: float, rows: int, recall: float, calibration: Calibration) -> float:
    """Give the share of rows in the lists that hold the ``rank`` best, to a recall."""
    if rank >= rows or not calibration.ranks:
        return 1.0
    shares = calibration.shares[level_of(recall, calibration)]
    at, of = np.log(calibration.ranks), np.log(shares)
    slope = max(0.0, float((of[-1] - of[-2]) / (at[-1] - at[-2]))) if len(at) > 1 else 1.0
    beyond = slope * max(float(np.log(rank) - at[-1]), 0.0)
    return min(1.0, float(np.exp(np.interp(np.log(rank), at, of) + beyond)))


def level_of(recall: float, calibration: Calibration) -> int:
    """Give the place of the lowest calibrated recall that is at least the asked one."""
    place = int(np.searchsorted(calibration.recalls, recall - 1e-9))
    return min(place, len(calibration.recalls) - 1)
