"""The exact answer to many queries under many filters, in one pass over the vectors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from skylore.search.codes.codebook import unit_rows
from skylore.search.codes.source import VectorSource
from skylore.search.row_sets import RowSet

__all__ = ["exact_scores", "recall_of"]

ROUNDING = 2e-6
"""Scores in single precision that differ by less are the same."""


def exact_scores(
    source: VectorSource,
    queries: NDArray[np.float32],
    filters: Sequence[RowSet | None],
    count: int,
) -> list[NDArray[np.float32]]:
    """Give the best scores of each query, descending, under each filter.

    Parameters
    ----------
    source
        What is searched.
    queries
        Shape ``(Q, D)``.
    filters
        Sets of rows; None for all.
    count
        Scores a query.

    Returns
    -------
    list of numpy.ndarray
        For each filter, shape ``(Q, count)``; minus infinity where there are fewer rows.
    """
    asked = unit_rows(queries).T
    best = [np.full((count, len(queries)), -np.inf, np.float32) for _ in filters]
    for part in source.parts():
        for rows, vectors in source.read(part):
            scores = unit_rows(vectors) @ asked
            for number, allowed in enumerate(filters):
                chosen = scores if allowed is None else scores[allowed.contains(rows)]
                if len(chosen):
                    both = np.concatenate([best[number], chosen])
                    best[number] = np.partition(both, len(both) - count, axis=0)[-count:]
    return [np.sort(scores, axis=0)[::-1].T for scores in best]


def recall_of(found: NDArray[np.float32], exact: NDArray[np.float32], k: int) -> float:
    """Give the share of the ``k`` best that was found, by scores, so that ties count as found."""
    there = exact[:k][np.isfinite(exact[:k])]
    if not len(there):
        return 1.0
    good = np.count_nonzero(np.sort(found)[::-1][: len(there)] >= there[-1] - ROUNDING)
    return float(good) / len(there)
