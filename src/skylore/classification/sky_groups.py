"""Groups of objects that may not be split between training and test."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["sky_groups", "within_reach"]

Floats = NDArray[np.float64]


def sky_groups(ra: ArrayLike, dec: ArrayLike, separation: ArrayLike) -> NDArray[np.int64]:
    """Group objects whose images overlap on the sky, directly or through others.

    The connected components of the graph that joins objects closer than ``separation``
    (friends of friends; Huchra & Geller 1982).

    Parameters
    ----------
    ra, dec : array_like, shape (N,)
        Degrees; an object without a position (NaN) is a group of its own.
    separation : float or array_like, shape (N,)
        Degrees: the width of a cutout, so that no galaxy is seen in two groups. Where widths
        differ, two objects are joined if one of them reaches the other.

    Returns
    -------
    ndarray, shape (N,), int64
        The number of the group of each object.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    places, unit = _on_sky(ra, dec)
    count = len(np.atleast_1d(np.asarray(ra)))
    reach = _chords(np.broadcast_to(np.asarray(separation, float), (count,))[places])
    pairs = places[_pairs(unit, reach)] if len(places) else np.empty((0, 2), np.int64)
    graph = coo_array((np.ones(len(pairs), np.int8), pairs.T), shape=(count, count))
    _, groups = connected_components(graph, directed=False)
    numbers: NDArray[np.int64] = groups.astype(np.int64)
    return numbers


def within_reach(
    ra: ArrayLike, dec: ArrayLike, separation: ArrayLike, known: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Tell which objects lie closer than ``separation`` to a known one, ``(N,)``.

    Parameters
    ----------
    ra, dec, separation
        As :func:`sky_groups` takes them; an object without a position is near none.
    known : ndarray, shape (N,), bool
        The known ones, which are near themselves.
    """
    from scipy.spatial import KDTree

    near = known.copy()
    places, unit = _on_sky(ra, dec)
    chosen = known[places]
    if chosen.any():
        reach = _chords(np.broadcast_to(np.asarray(separation, float), known.shape)[places])
        apart, _ = KDTree(unit[chosen]).query(unit)
        near[places] |= apart <= reach
    return near


def _on_sky(ra: ArrayLike, dec: ArrayLike) -> tuple[NDArray[np.int64], Floats]:
    """Give the places of objects with a position, and their unit vectors."""
    alpha = np.radians(np.atleast_1d(np.asarray(ra, float)))
    delta = np.radians(np.atleast_1d(np.asarray(dec, float)))
    places = np.flatnonzero(np.isfinite(alpha) & np.isfinite(delta))
    alpha, delta = alpha[places], delta[places]
    unit = np.stack(
        [np.cos(delta) * np.cos(alpha), np.cos(delta) * np.sin(alpha), np.sin(delta)], axis=1
    )
    return places, unit


def _chords(degrees: Floats) -> Floats:
    chords: Floats = 2 * np.sin(np.radians(np.minimum(degrees, 180.0)) / 2)
    return chords


def _pairs(unit: Floats, reach: Floats) -> NDArray[np.int64]:
    """Give pairs of rows that are within the reach of one of them, ``(P, 2)``."""
    from scipy.spatial import KDTree

    tree = KDTree(unit)
    if (reach == reach[0]).all():
        pairs: NDArray[np.int64] = tree.query_pairs(reach[0], output_type="ndarray")
        return pairs.reshape(-1, 2)
    found = tree.query_ball_point(unit, reach)
    counts = np.fromiter(map(len, found), np.int64, len(found))
    first = np.repeat(np.arange(len(found)), counts)
    return np.stack([first, np.concatenate(found).astype(np.int64)], axis=1)
