"""Regions of the sky as a few ranges of order-29 HEALPix cells."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from skylore.archive.sky import ORDER, joined
from skylore.search.regions.polygon import directions, triangles_of
from skylore.search.regions.shapes import Box, Polygon

__all__ = ["MOST_RANGES", "box_ranges", "cell_radius", "fewer", "polygon_ranges"]

MOST_RANGES = 32
"""A scan compares each row with each of them; the exact shape has the last word."""

PARTIAL = 64
"""Cells on the border are divided until there are so many."""

Distance = Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]]
"""From positions to their angular distance from the region: at most it outside, and inside
minus the distance from the border, at most it."""


def box_ranges(box: Box) -> list[tuple[int, int]]:
    """Cover a box; the ranges hold all of it and a little more."""
    middle = box.ra_min + box.width / 2

    def beyond(ra: NDArray[np.float64], dec: NDArray[np.float64]) -> NDArray[np.float64]:
        across = np.maximum(box.dec_min - dec, dec - box.dec_max)
        along = np.abs((ra - middle + 180) % 360 - 180) - box.width / 2
        if box.width >= 360:
            return np.asarray(across)
        # The nearest point of a meridian; beyond a right angle that is one of its ends.
        angle = np.radians(np.clip(along, -90, 90))
        meridian = np.degrees(np.arcsin(np.clip(np.sin(angle) * np.cos(np.radians(dec)), -1, 1)))
        behind = 90 - np.abs(dec)
        return np.asarray(np.maximum(across, np.where(along > 90, behind, meridian)))

    return _cover(beyond)


def polygon_ranges(polygon: Polygon) -> list[tuple[int, int]]:
    """Cover a polygon; the ranges hold all of it and a little more."""
    triangles = triangles_of(polygon.vertices)

    def beyond(ra: NDArray[np.float64], dec: NDArray[np.float64]) -> NDArray[np.float64]:
        heights = np.einsum("nd,tsd->nts", directions(ra, dec), triangles)
        nearest = np.asarray(-heights.min(axis=2).max(axis=1))
        return np.asarray(np.degrees(np.arcsin(np.clip(nearest, -1, 1))))

    return _cover(beyond)


def cell_radius(order: int) -> float:
    """Bound the distance in degrees from a cell's centre to any of its corners.

    The cell next to the pole's meridian at ``z = 2/3`` is the longest (Górski et al. 2005).
    """
    nside = 1 << order
    centre_z, corner_z = 2 / 3, 1 - (1 - 1 / nside) ** 2 / 3
    turn = np.pi / (4 * nside)
    centre = np.array([np.sqrt(1 - centre_z**2) * np.cos(turn), centre_z])
    corner = np.array([np.sqrt(1 - corner_z**2), corner_z])
    aside = np.sqrt(1 - centre_z**2) * np.sin(turn)
    chord = np.sqrt(np.sum((centre - corner) ** 2) + aside**2)
    return float(np.degrees(2 * np.arcsin(chord / 2)))


def _cover(beyond: Distance) -> list[tuple[int, int]]:
    cells = np.arange(12, dtype=np.int64)
    found: list[tuple[int, int]] = []
    for order in range(ORDER + 1):
        # A nanodegree more, so that no rounding leaves out a cell.
        reach = cell_radius(order) + 1e-9
        distance = beyond(*_centres(cells, order))
        inside = distance < -reach
        found += _ranges(cells[inside], order)
        cells = cells[(distance <= reach) & ~inside]
        if order == ORDER or len(cells) > PARTIAL or not len(cells):
            return fewer(joined([*found, *_ranges(cells, order)]), MOST_RANGES)
        cells = (cells[:, None] * 4 + np.arange(4)).ravel()
    raise AssertionError("the last order returns")


def _centres(
    cells: NDArray[np.int64], order: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    import astropy.units as u
    from cdshealpix import healpix_to_lonlat

    lon, lat = healpix_to_lonlat(cells.astype(np.uint64), order)
    return lon.to_value(u.deg), lat.to_value(u.deg)


def _ranges(cells: NDArray[np.int64], order: int) -> list[tuple[int, int]]:
    shift = 2 * (ORDER - order)
    return [(cell << shift, ((cell + 1) << shift) - 1) for cell in cells.tolist()]


def fewer(ranges: Sequence[tuple[int, int]], most: int) -> list[tuple[int, int]]:
    """Join ranges over the smallest gaps between them until at most ``most`` are left."""
    if len(ranges) <= most:
        return list(ranges)
    bounds = np.array(ranges, np.int64)
    gaps = bounds[1:, 0] - bounds[:-1, 1]
    kept = np.sort(np.argsort(gaps, kind="stable")[len(gaps) - (most - 1) :])
    first = np.concatenate([bounds[:1, 0], bounds[kept + 1, 0]])
    last = np.concatenate([bounds[kept, 1], bounds[-1:, 1]])
    return list(zip(first.tolist(), last.tolist(), strict=True))
