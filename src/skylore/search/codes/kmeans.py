"""k-means in blocks, for thousands of centres in a hundred dimensions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from skylore.search.codes.assignment import Nearest, summed

__all__ = ["assign", "kmeans"]

Matrix = NDArray[np.float32]
BLOCK = 32_768
ITERATIONS = 8


def assign(points: Matrix, centres: Matrix) -> NDArray[np.int32]:
    """Give the index of the nearest centre of each point, by Euclidean distance.

    Parameters
    ----------
    points, centres
        Shapes ``(N, C)`` and ``(L, C)``.
    """
    return Nearest(centres).of(points)


def kmeans(points: Matrix, count: int, rng: np.random.Generator) -> Matrix:
    """Find centres of shape ``(count, C)`` by Lloyd's algorithm from random points.

    A centre that loses all its points begins again at one drawn at random.
    """
    centres = points[rng.choice(len(points), count, replace=False)].copy()
    for _ in range(ITERATIONS):
        nearest = Nearest(centres)
        sums = np.zeros(centres.shape, np.float64)
        sizes = np.zeros(count, np.int64)
        for start in range(0, len(points), BLOCK):
            block = points[start : start + BLOCK]
            found, part, size = summed(block, nearest.of(block))
            sums[found] += part
            sizes[found] += size
        there = sizes > 0
        centres[there] = (sums[there] / sizes[there, None]).astype(np.float32)
        empty = np.flatnonzero(~there)
        centres[empty] = points[rng.choice(len(points), len(empty), replace=False)]
    return centres
