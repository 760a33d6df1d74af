"""k-means in blocks, for a few thousand centres in a hundred dimensions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["assign", "kmeans"]

Matrix = NDArray[np.float32]
BLOCK = 8192
ITERATIONS = 8


def assign(points: Matrix, centres: Matrix) -> NDArray[np.int32]:
    """Give the index of the nearest centre of each point, by Euclidean distance.

    Parameters
    ----------
    points, centres
        Shapes ``(N, C)`` and ``(L, C)``.
    """
    half = (centres**2).sum(1) / 2
    nearest = np.empty(len(points), np.int32)
    for start in range(0, len(points), BLOCK):
        part = slice(start, start + BLOCK)
        nearest[part] = np.argmax(points[part] @ centres.T - half, axis=1)
    return nearest


def kmeans(points: Matrix, count: int, rng: np.random.Generator) -> Matrix:
    """Find centres of shape ``(count, C)`` by Lloyd's algorithm from random points.

    A centre that loses all its points begins again at one drawn at random.
    """
    centres = points[rng.choice(len(points), count, replace=False)].copy()
    for _ in range(ITERATIONS):
        nearest = assign(points, centres)
        order = np.argsort(nearest, kind="stable")
        found, first, size = np.unique(nearest[order], return_index=True, return_counts=True)
        sums = np.add.reduceat(points[order], first, axis=0)
        centres[found] = sums / size[:, None]
        empty = np.setdiff1d(np.arange(count), found)
        centres[empty] = points[rng.choice(len(points), len(empty), replace=False)]
    return centres
