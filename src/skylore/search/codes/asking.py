"""Asking codes without an archive, in the same way as with one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from skylore.search.codes.searching import Work, nearest, read_matches
from skylore.search.codes.source import VectorSource
from skylore.search.codes.view import View
from skylore.search.planner import Choice, Task, cheapest
from skylore.search.row_sets import RowSet

__all__ = ["Asked", "ask"]


@dataclass(frozen=True)
class Asked:
    """The best rows (``id``, ``_rowid``, ``score``), best first; the way taken, and the work."""

    table: pa.Table
    choice: Choice
    work: Work


def ask(
    source: VectorSource,
    view: View,
    vector: NDArray[np.float32],
    count: int,
    *,
    allowed: RowSet | None = None,
    recall: float = 0.95,
) -> Asked:
    """Find the rows most similar to a vector, the planner choosing the way.

    Parameters
    ----------
    source, view
        The vectors, and their codes (:func:`skylore.search.codes.view.open_view`).
    vector
        Of any length but zero, shape ``(D,)``.
    count
        Length of the answer.
    allowed
        The rows that pass the filters; None for all.
    recall
        The share of the exact answer that is promised, below 1.

    Raises
    ------
    ValueError
        The codes were never calibrated.
    """
    costs, calibration = view.manifest.costs, view.manifest.calibration
    if costs is None or calibration is None:
        raise ValueError("these codes were never calibrated")
    matching = view.rows if allowed is None else len(allowed)
    choice = cheapest(Task(view.rows, matching, count, recall), costs, calibration)
    if choice.way == "read matches" and allowed is not None:
        found = read_matches(source, vector, allowed)
    else:
        found = nearest(source, view, vector, count, allowed, recall=recall, way=choice.way)
    order = [("score", "descending"), ("id", "ascending")]
    return Asked(found.table.sort_by(order).slice(0, count), choice, found.work)
