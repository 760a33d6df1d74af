"""Which way to answer a query."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

__all__ = ["EXACT_ROWS", "Plan", "choose"]

EXACT_ROWS = 100_000
"""Up to so many rows an exact scan is about as fast as an index, and always right."""

Method = Literal["list", "exact scan", "vector index", "full text", "hybrid"]


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
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: Method
    reason: str
    rows: int
    matching: int | None = None
    column: str | None = None


def choose(*, rows: int, matching: int, indexed: bool, exact: bool | None, column: str) -> Plan:
    """Choose between an exact scan and the vector index."""

    def plan(method: Method, reason: str) -> Plan:
        return Plan(method=method, reason=reason, rows=rows, matching=matching, column=column)

    if exact:
        return plan("exact scan", "the query asked for it")
    if not indexed:
        return plan("exact scan", f"there is no index on {column}")
    if exact is False:
        return plan("vector index", "the query asked for it")
    if matching <= EXACT_ROWS:
        return plan("exact scan", f"only {matching} objects pass the filters")
    return plan("vector index", f"{matching} objects pass the filters")
