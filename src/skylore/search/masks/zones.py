"""Which blocks of rows can hold a match, by the smallest and largest value of each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skylore.search.masks.tree import All, Among, Cells, Column, Compare, Either, Flag, Predicate

__all__ = ["possible", "runs"]

Zones = Callable[[str], NDArray[Any]]


def possible(node: Predicate, zones: Zones, blocks: int) -> NDArray[np.bool_]:
    """Say which blocks a predicate may be true in; it is true in no other.

    Parameters
    ----------
    node
        The predicate.
    zones
        Gives the smallest and largest values ``(2, B)`` of a column.
    blocks
        How many there are, B.
    """
    if isinstance(node, All | Either):
        join = np.logical_and if isinstance(node, All) else np.logical_or
        found = join.reduce([possible(part, zones, blocks) for part in node.parts])
        return np.asarray(found)
    if isinstance(node, Compare) and isinstance(node.term, Column):
        low, high = zones(node.term.name)
        return _compared(node, low, high)
    if isinstance(node, Among) and isinstance(node.term, Column):
        low, high = zones(node.term.name)
        numbers = np.sort(np.array(node.numbers, low.dtype))
        return np.asarray(np.searchsorted(numbers, low) < np.searchsorted(numbers, high, "right"))
    if isinstance(node, Cells):
        low, high = zones(node.name)
        # The first range that ends at or after the smallest begins at or before the largest.
        place = np.searchsorted(node.last, low)
        begins = np.append(node.first, np.iinfo(np.int64).max)[place]
        return np.asarray((begins <= high) & (low <= high))
    if isinstance(node, Flag):
        return np.asarray(zones(node.name)[1] == 1)
    return np.ones(blocks, bool)


def _compared(node: Compare, low: NDArray[Any], high: NDArray[Any]) -> NDArray[np.bool_]:
    number, some = node.number, low <= high
    found: dict[str, NDArray[np.bool_]] = {
        "<": low < number,
        "<=": low <= number,
        ">": high > number,
        ">=": high >= number,
        "=": (low <= number) & (high >= number),
        "!=": (low != number) | (high != number),
    }
    return np.asarray(found[node.relation] & some)


def runs(blocks: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Give the first and the one after the last block of each run of neighbours."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], blocks, [False]]).astype(np.int8)))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))
