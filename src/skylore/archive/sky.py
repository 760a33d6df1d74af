"""Positions on the sphere as HEALPix cells."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

__all__ = ["ORDER", "cells_of", "cone_ranges", "healpix_29", "joined", "separation"]

ORDER = 29
_CELLS_ACROSS = 4
_HEMISPHERE = 89.0
"""Wider cones are cut by their separation alone."""


def healpix_29(ra: NDArray[np.float64], dec: NDArray[np.float64]) -> NDArray[np.int64]:
    """Give the order-29 nested HEALPix cells of ICRS positions.

    Parameters
    ----------
    ra, dec
        Degrees, ``(N,)``. The index is that of HATS (``_healpix_29``).
    """
    import astropy.units as u
    from astropy.coordinates import Latitude, Longitude
    from cdshealpix import lonlat_to_healpix

    cells = lonlat_to_healpix(Longitude(ra, u.deg), Latitude(dec, u.deg), ORDER)
    return np.asarray(cells).astype(np.int64)


def cells_of(objects: pa.Table) -> pa.Array:
    """Give the cells of a table with ``ra`` and ``dec``; null where there is no position."""
    ra, dec = (objects[n].to_numpy(zero_copy_only=False).astype(float) for n in ("ra", "dec"))
    known = np.isfinite(ra) & np.isfinite(dec)
    cells = np.zeros(len(ra), np.int64)
    if known.any():
        cells[known] = healpix_29(ra[known], dec[known])
    return pa.array(cells, mask=~known)


def cone_ranges(ra: float, dec: float, radius: float) -> list[tuple[int, int]]:
    """Cover a cone with ranges of order-29 cells.

    Parameters
    ----------
    ra, dec, radius
        Degrees.

    Returns
    -------
    list of (int, int)
        First and last cell of each range, both included. The ranges hold the whole cone and a
        little more: the separation has the last word.
    """
    import astropy.units as u
    from astropy.coordinates import Latitude, Longitude
    from cdshealpix import cone_search

    cell_at_order_0 = 58.6
    if radius > _HEMISPHERE:
        return [(0, 12 * 4**ORDER - 1)]
    rounding = 1e-9
    radius = radius * (1 + rounding) + rounding
    order = int(np.clip(np.log2(_CELLS_ACROSS * cell_at_order_0 / max(radius, 1e-7)), 0, ORDER))
    cells, orders, _ = cone_search(
        Longitude(ra, u.deg), Latitude(dec, u.deg), radius * u.deg, depth=order
    )
    shift = 2 * (ORDER - orders.astype(np.int64))
    first = cells.astype(np.int64) << shift
    last = ((cells.astype(np.int64) + 1) << shift) - 1
    return joined(zip(first.tolist(), last.tolist(), strict=True))


def joined(given: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Put ranges into order, and join those that overlap or touch; both ends are included."""
    ranges: list[tuple[int, int]] = []
    for start, end in sorted(given):
        if ranges and start <= ranges[-1][1] + 1:
            ranges[-1] = (ranges[-1][0], max(end, ranges[-1][1]))
        else:
            ranges.append((start, end))
    return ranges


def separation(
    ra: NDArray[np.float64], dec: NDArray[np.float64], ra0: float, dec0: float
) -> NDArray[np.float64]:
    """Give the great-circle distance in degrees by the haversine formula."""
    phi, phi0, half = np.radians(dec), np.radians(dec0), np.radians(ra - ra0) / 2
    h = np.sin((phi - phi0) / 2) ** 2 + np.cos(phi) * np.cos(phi0) * np.sin(half) ** 2
    distance: NDArray[np.float64] = np.degrees(2 * np.arcsin(np.sqrt(np.clip(h, 0, 1))))
    return distance
