"""The nearest of many centres to each of many points."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

__all__ = ["Nearest"]

Matrix = NDArray[np.float32]
BLOCK = 4096
GROUPED = 2048
"""From so many centres on only those of the nearest groups are compared."""
TRIED = 8
"""Groups of centres that are looked through for each point."""
ROUNDS = 6


class Nearest:
    """Finds the nearest centre by Euclidean distance.

    Many centres are put into groups, about as many as centres a group, and only those of the
    nearest groups are compared: a few per cent of the work, for points of which nearly all are
    assigned as by comparing all centres.

    Parameters
    ----------
    centres
        Shape ``(L, C)``.
    """

    def __init__(self, centres: Matrix) -> None:
        self._centres, self._half = centres, _half(centres)
        self._groups: Matrix | None = None
        if len(centres) >= GROUPED:
            self._group()

    def _group(self) -> None:
        centres = self._centres
        count = 1 << round(np.log2(len(centres)) / 2)
        rng = np.random.default_rng(0)
        groups = centres[rng.choice(len(centres), count, replace=False)].copy()
        for _ in range(ROUNDS):
            of = np.argmax(centres @ groups.T - _half(groups), axis=1)
            found, sums, sizes = summed(centres, of)
            groups[found] = sums / sizes[:, None]
        of = np.argmax(centres @ groups.T - _half(groups), axis=1)
        self._order = np.argsort(of, kind="stable")
        self._begins = np.searchsorted(of[self._order], np.arange(count + 1))
        self._groups, self._group_half = groups, _half(groups)
        self._sorted, self._sorted_half = centres[self._order], self._half[self._order]

    def of(self, points: Matrix) -> NDArray[np.int32]:
        """Give the index of the nearest centre of each point; points have shape ``(N, C)``."""
        nearest = np.empty(len(points), np.int32)
        for start in range(0, len(points), BLOCK):
            part = slice(start, start + BLOCK)
            if self._groups is None:
                found = np.argmax(points[part] @ self._centres.T - self._half, axis=1)
            else:
                found = self._among_groups(points[part], self._groups)
            nearest[part] = found
        return nearest

    def _among_groups(self, points: Matrix, groups: Matrix) -> NDArray[np.intp]:
        near = points @ groups.T - self._group_half
        tried = np.argpartition(-near, TRIED - 1, axis=1)[:, :TRIED].ravel()
        order = np.argsort(tried, kind="stable")
        bounds = np.searchsorted(tried[order], np.arange(len(groups) + 1)).tolist()
        asking = order // TRIED
        best = np.full(len(points), -np.inf, np.float32)
        place = np.zeros(len(points), np.intp)
        for number, (first, last) in enumerate(pairwise(bounds)):
            begin, end = self._begins[number], self._begins[number + 1]
            if first == last or begin == end:
                continue
            which = asking[first:last]
            scores = points[which] @ self._sorted[begin:end].T - self._sorted_half[begin:end]
            found = scores.argmax(axis=1)
            score = scores[np.arange(len(which)), found]
            better = score > best[which]
            best[which[better]], place[which[better]] = score[better], begin + found[better]
        assigned: NDArray[np.intp] = self._order[place]
        return assigned


def summed(
    points: Matrix, of: NDArray[np.integer]
) -> tuple[NDArray[np.integer], Matrix, NDArray[np.intp]]:
    """Give the numbers that occur in ``of``, the sum of their points, and how many they are."""
    order = np.argsort(of, kind="stable")
    found, first, sizes = np.unique(of[order], return_index=True, return_counts=True)
    sums: Matrix = np.add.reduceat(points[order], first, axis=0)
    return found, sums, sizes


def _half(centres: Matrix) -> Matrix:
    half: Matrix = (centres**2).sum(axis=1) / 2
    return half
