"""Regions of the sky as SQL predicates.

Whole cells come first, which an index or a zone map answers; the exact shape has the last word.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence

from skylore.archive.schema import PIXEL, POSITION
from skylore.archive.sky import cone_ranges
from skylore.search.regions.cover import box_ranges, polygon_ranges
from skylore.search.regions.moc import Moc, moc_ranges
from skylore.search.regions.polygon import triangles_of
from skylore.search.regions.shapes import Box, Cone, Polygon

__all__ = ["CELLS", "cells_sql", "read_cells", "region_sql"]

RA, DEC = POSITION

_RANGE = rf"\({PIXEL} >= (\d+) AND {PIXEL} <= (\d+)\)"
_ONE = _RANGE.replace("(\\d+)", "\\d+")
CELLS = re.compile(rf"{_ONE}(?: OR {_ONE})+")
"""Two ranges of cells or more as :func:`cells_sql` writes them; one is as fast as any other."""


def region_sql(region: Cone | Box | Polygon | Moc) -> str:
    """Write a region as a predicate over the columns of positions and cells."""
    if isinstance(region, Cone):
        cells = cone_ranges(region.ra, region.dec, region.radius)
        return f"({cells_sql(cells)}) AND {_cone(region)}"
    if isinstance(region, Box):
        return f"({cells_sql(box_ranges(region))}) AND {_box(region)}"
    if isinstance(region, Polygon):
        return f"({cells_sql(polygon_ranges(region))}) AND ({_polygon(region)})"
    return cells_sql(moc_ranges(region))


def cells_sql(ranges: Sequence[tuple[int, int]]) -> str:
    """Write ranges of order-29 cells, both ends included."""
    return _any(f"{PIXEL} >= {first} AND {PIXEL} <= {last}" for first, last in ranges)


def read_cells(sql: str) -> list[tuple[int, int]]:
    """Read what :func:`cells_sql` wrote."""
    return [(int(first), int(last)) for first, last in re.findall(_RANGE, sql)]


def _any(parts: Iterable[str]) -> str:
    return " OR ".join(f"({part})" for part in parts)


def _cone(cone: Cone) -> str:
    """Compare the haversine of the separation."""
    haversine = (
        f"power(sin(radians({DEC} - {cone.dec!r}) / 2), 2)"
        f" + cos(radians({DEC})) * {math.cos(math.radians(cone.dec))!r}"
        f" * power(sin(radians({RA} - {cone.ra!r}) / 2), 2)"
    )
    return f"{haversine} <= {math.sin(math.radians(cone.radius) / 2) ** 2!r}"


def _box(box: Box) -> str:
    inside = [f"{DEC} >= {box.dec_min!r} AND {DEC} <= {box.dec_max!r}"]
    after, before = f"{RA} >= {box.ra_min!r}", f"{RA} <= {box.ra_max!r}"
    return " AND ".join(
        [*inside, f"({after} {'AND' if box.ra_min < box.ra_max else 'OR'} {before})"]
    )


def _polygon(polygon: Polygon) -> str:
    """Ask for a triangle on whose inner side of all three great circles a position lies."""
    across = f"cos(radians({DEC}))"
    x, y, z = (
        f"{across} * cos(radians({RA}))",
        f"{across} * sin(radians({RA}))",
        f"sin(radians({DEC}))",
    )

    def inner(normal: Sequence[float]) -> str:
        a, b, c = (repr(float(part)) for part in normal)
        return f"{x} * ({a}) + {y} * ({b}) + {z} * ({c}) >= 0"

    return _any(
        " AND ".join(inner(side) for side in three) for three in triangles_of(polygon.vertices)
    )
