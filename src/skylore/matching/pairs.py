"""Pairs of directions that lie within an angle of each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scipy.spatial import cKDTree

__all__ = ["Pairs", "join", "nearest_of", "pairs_within", "tree_of"]

MOST_PAIRS = 5_000_000
"""At a time; where there are more, the directions are taken in halves."""


@dataclass(frozen=True)
class Pairs:
    """Pairs of a position of the list and a row of the archive.

    Attributes
    ----------
    listed
        ``(P,)``: place in the list.
    rows
        ``(P,)``: row ids.
    separation
        ``(P,)``: arcseconds.
    """

    listed: NDArray[np.int64]
    rows: NDArray[np.uint64]
    separation: NDArray[np.float64]


def tree_of(directions: NDArray[np.float64]) -> cKDTree:
    """Build a k-d tree over unit vectors ``(N, 3)``."""
    from scipy.spatial import cKDTree

    return cKDTree(directions)


def pairs_within(
    tree: cKDTree, directions: NDArray[np.float64], rows: NDArray[np.uint64], radius: float
) -> list[Pairs]:
    """Find all pairs within a radius, by their chords.

    Parameters
    ----------
    tree
        The list.
    directions, rows
        Unit vectors ``(N, 3)`` and row ids ``(N,)`` of the archive.
    radius
        Arcseconds, included.
    """
    if not len(rows):
        return []
    other = tree_of(directions)
    # The last digits of a chord are rounded; the separation decides.
    chord = 2 * np.sin(np.radians(radius / 3600) / 2) * (1 + 1e-9)
    if len(rows) > 1 and tree.count_neighbors(other, chord) > MOST_PAIRS:
        half = len(rows) // 2
        return [
            *pairs_within(tree, directions[:half], rows[:half], radius),
            *pairs_within(tree, directions[half:], rows[half:], radius),
        ]
    found = tree.sparse_distance_matrix(other, chord, output_type="ndarray")
    separation = np.degrees(2 * np.arcsin(np.minimum(found["v"] / 2, 1))) * 3600
    kept = separation <= radius
    return [Pairs(found["i"][kept], rows[found["j"][kept]], separation[kept])]


def join(parts: list[Pairs]) -> Pairs:
    """Put pairs in order: by place in the list, separation and row id."""
    listed = np.concatenate([np.empty(0, np.int64), *(p.listed for p in parts)])
    rows = np.concatenate([np.empty(0, np.uint64), *(p.rows for p in parts)])
    separation = np.concatenate([np.empty(0), *(p.separation for p in parts)])
    order = np.lexsort((rows, separation, listed))
    return Pairs(listed[order], rows[order], separation[order])


def nearest_of(pairs: Pairs) -> Pairs:
    """Keep the first pair of each position of the list; pairs are in order."""
    first = np.ones(len(pairs.listed), bool)
    first[1:] = pairs.listed[1:] != pairs.listed[:-1]
    return Pairs(pairs.listed[first], pairs.rows[first], pairs.separation[first])
