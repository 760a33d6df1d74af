"""Groups of objects that may not be split between training and test."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["sky_groups"]


def sky_groups(ra: ArrayLike, dec: ArrayLike, separation: float) -> NDArray[np.int64]:
    """Group objects whose images overlap on the sky, directly or through others.

    The connected components of the graph that joins objects closer than ``separation``
    (friends of friends; Huchra & Geller 1982).

    Parameters
    ----------
    ra, dec : array_like, shape (N,)
        Degrees; an object without a position (NaN) is a group of its own.
    separation : float
        Degrees: the width of a cutout, so that no galaxy is seen in two groups.

    Returns
    -------
    ndarray, shape (N,), int64
        The number of the group of each object.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components
    from scipy.spatial import KDTree

    alpha, delta = np.radians(np.asarray(ra, float)), np.radians(np.asarray(dec, float))
    places = np.flatnonzero(np.isfinite(alpha) & np.isfinite(delta))
    alpha, delta = alpha[places], delta[places]
    count = len(np.atleast_1d(ra))
    pairs = np.empty((0, 2), np.int64)
    if len(places):
        unit = np.stack(
            [np.cos(delta) * np.cos(alpha), np.cos(delta) * np.sin(alpha), np.sin(delta)], axis=1
        )
        chord = 2 * np.sin(np.radians(min(separation, 180.0)) / 2)
        pairs = places[KDTree(unit).query_pairs(chord, output_type="ndarray")].reshape(-1, 2)
    graph = coo_array((np.ones(len(pairs), np.int8), pairs.T), shape=(count, count))
    _, groups = connected_components(graph, directed=False)
    numbers: NDArray[np.int64] = groups.astype(np.int64)
    return numbers
