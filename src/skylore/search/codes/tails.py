"""How far above the mean of their list members score, as measured on all codes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from skylore.search.codes.best import Best
from skylore.search.codes.codebook import CodedQuery
from skylore.search.codes.kernel import dots, pack
from skylore.search.codes.probing import TINY, lists_of, sizes_of
from skylore.search.codes.scanning import compare, everything, rows_of
from skylore.search.codes.view import View
from skylore.search.row_sets import RowSet

__all__ = ["falling_shares", "measured_tail"]

RANKS = (1, 10, 100, 1000, 10_000)
EDGES = np.concatenate([np.arange(-4, 12, 0.1), np.geomspace(12, 60, 20)])
MOST = 0.25
"""Deeper ranks than this share of all rows say nothing of tails."""

Values = NDArray[np.float64]


def measured_tail(
    view: View, queries: NDArray[np.float32]
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Measure the share of a list's members that score so many deviations above its mean.

    For each query, all codes are compared, and each list is asked how many of its members are among
    the best 1, 10, ... 10,000: once a list and rank there is a deviation of the threshold, a number
    of members, and of those above it.

    Parameters
    ----------
    view
        Codes.
    queries
        Near objects and far from all, shape ``(Q, D)``.

    Returns
    -------
    tuple
        Ascending deviations, and the share beyond each.
    """
    above, of = np.zeros(len(EDGES)), np.zeros(len(EDGES))
    sizes = sizes_of(view.segments, view.codebook.lists)
    ranks = [rank for rank in RANKS if rank <= max(1, MOST * view.rows)]
    for vector in queries:
        query = view.codebook.encode_query(vector)
        means, spreads = view.codebook.scores_of(query)
        scores, lists = _best(view, query, ranks[-1])
        for rank in ranks:
            lowest = np.partition(scores, -rank)[-rank]
            counted = np.bincount(lists[scores >= lowest], minlength=len(sizes))
            deviations = (lowest * query.unit - means) / (spreads + TINY)
            bins = np.clip(np.digitize(deviations, EDGES) - 1, 0, len(EDGES) - 1)
            above += np.bincount(bins, counted, len(EDGES))
            of += np.bincount(bins, sizes, len(EDGES))
    middles = np.append((EDGES[1:] + EDGES[:-1]) / 2, EDGES[-1])
    return tuple(middles.tolist()), tuple(falling_shares(middles, above, of).tolist())


def _best(view: View, query: CodedQuery, count: int) -> tuple[NDArray[np.int32], NDArray[np.intp]]:
    """Give scores and lists of the best rows."""
    best, packed = Best(count), pack(query.code)
    compare(best, everything(view.segments), query.code, None)
    found = list(rows_of(view, RowSet(np.sort(best.candidates().rows))))
    scores = np.concatenate([dots(portion.codes(), packed) for portion in found])
    return scores, np.concatenate([lists_of(portion) for portion in found])


def falling_shares(at: Values, above: Values, of: Values) -> Values:
    """Give shares that nowhere rise, by pooling neighbours that do (isotonic regression).

    Where nothing was seen any more, they fall as those of a normal distribution through the last.
    """
    blocks: list[tuple[float, float, int]] = []
    for seen, total in zip(above, of, strict=True):
        block = (float(seen), float(total), 1)
        while blocks and block[0] * blocks[-1][1] >= blocks[-1][0] * block[1]:
            before = blocks.pop()
            block = (before[0] + block[0], before[1] + block[1], before[2] + block[2])
        blocks.append(block)
    share = np.concatenate([np.full(n, a / b if b else 1.0) for a, b, n in blocks])
    there = np.flatnonzero(share > 0)
    last = int(there[-1]) if len(there) else 0
    fall = np.minimum((at[last] ** 2 - at**2) / 2, 0)
    extended = np.where(np.arange(len(at)) <= last, share, share[last] * np.exp(fall))
    floored: Values = np.maximum(extended, 1e-300)
    return floored
