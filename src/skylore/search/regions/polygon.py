"""Spherical polygons as triangles."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["directions", "triangles_of"]

FARTHEST = 85.0
"""Degrees from the middle; at 90 great circles no longer have an image in the plane."""


def directions(ra: NDArray[np.float64], dec: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the unit vectors ``(N, 3)`` of positions in degrees."""
    lon, lat = np.radians(ra), np.radians(dec)
    return np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=-1)


@lru_cache(maxsize=64)
def triangles_of(vertices: tuple[tuple[float, float], ...]) -> NDArray[np.float64]:
    """Cut a polygon into triangles.

    In the gnomonic projection great circles are straight, so that the polygon is cut as in the
    plane, by its ears (Meisters 1975).

    Parameters
    ----------
    vertices
        Right ascension and declination of each corner, degrees.

    Returns
    -------
    NDArray
        ``(T, 3, 3)``: for each triangle the normals of its three sides. A direction is inside
        where its product with all three is not negative; on a side that two triangles share, the
        normals are exact opposites, so that none is lost between them.

    Raises
    ------
    ValueError
        The corners lie too far apart, some are the same, or sides cross.
    """
    given = np.asarray(vertices, np.float64)
    corners = directions(given[:, 0], given[:, 1])
    plane = _projected(corners)
    _check_simple(plane)
    order = list(range(len(plane)))
    if _area(plane) < 0:
        order.reverse()
    triangles = np.stack([_sides(corners[list(ear)]) for ear in _ears(plane, order)])
    triangles.flags.writeable = False
    return triangles


def _projected(corners: NDArray[np.float64]) -> NDArray[np.float64]:
    middle = corners.mean(axis=0)
    length = np.linalg.norm(middle)
    if length == 0 or np.min(corners @ middle) / length < np.cos(np.radians(FARTHEST)):
        raise ValueError(f"the corners lie more than {FARTHEST:g} degrees from their mean")
    middle /= length
    aside = np.cross(middle, np.eye(3)[np.argmin(np.abs(middle))])
    aside /= np.linalg.norm(aside)
    axes = np.stack([aside, np.cross(middle, aside)])
    # Offsets keep the digits that the products of nearly equal directions would lose.
    return np.asarray((corners - middle) @ axes.T / (corners @ middle)[:, None])


def _turn(a: NDArray[np.float64], b: NDArray[np.float64], c: NDArray[np.float64]) -> float:
    """Give twice the area of a triangle, positive if it runs counter-clockwise."""
    return float((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]))


def _area(plane: NDArray[np.float64]) -> float:
    x, y = (plane - plane[0]).T
    return float(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1)) / 2)


def _check_simple(plane: NDArray[np.float64]) -> None:
    count = len(plane)
    if np.any(np.all(plane == np.roll(plane, -1, axis=0), axis=1)):
        raise ValueError("two neighbouring corners are the same; the border closes by itself")
    size = float(np.ptp(plane, axis=0).max())
    if abs(_area(plane)) <= 1e-12 * size**2:
        raise ValueError("the corners lie on one line")
    for i in range(count):
        for j in range(i + 2, count - (i == 0)):
            if _cross(plane[i], plane[i + 1], plane[j], plane[(j + 1) % count]):
                raise ValueError(f"the sides from corners {i + 1} and {j + 1} cross")


def _cross(
    a: NDArray[np.float64], b: NDArray[np.float64], c: NDArray[np.float64], d: NDArray[np.float64]
) -> bool:
    apart = _turn(a, b, c) * _turn(a, b, d) > 0 or _turn(c, d, a) * _turn(c, d, b) > 0
    if apart:
        return False
    # On one line, they meet only where their extents do.
    return all(
        max(min(a[i], b[i]), min(c[i], d[i])) <= min(max(a[i], b[i]), max(c[i], d[i]))
        for i in (0, 1)
    )


def _ears(plane: NDArray[np.float64], order: list[int]) -> list[tuple[int, int, int]]:
    left, found = list(order), []
    while len(left) > 3:
        ears = [place for place in range(len(left)) if _is_ear(plane, left, place)]
        if not ears:
            raise ValueError(
                "the polygon is too thin to be cut; leave out corners on straight sides"
            )
        place = max(ears, key=lambda p: _turn(*plane[_around(left, p)]))
        found.append(_around(left, place))
        del left[place]
    found.append(_around(left, 1))
    return [(a, b, c) for a, b, c in found if _turn(plane[a], plane[b], plane[c]) > 0]


def _around(left: list[int], place: int) -> list[int]:
    return [left[place - 1], left[place], left[(place + 1) % len(left)]]


def _is_ear(plane: NDArray[np.float64], left: list[int], place: int) -> bool:
    ear = _around(left, place)
    a, b, c = plane[ear]
    if _turn(a, b, c) < 0:
        return False
    others = plane[[i for i in left if i not in ear]]
    inside = np.ones(len(others), bool)
    for start, end in ((a, b), (b, c), (c, a)):
        step = end - start
        inside &= step[0] * (others[:, 1] - start[1]) - step[1] * (others[:, 0] - start[0]) >= 0
    return not inside.any()


def _sides(corners: NDArray[np.float64]) -> NDArray[np.float64]:
    normals = np.cross(corners, np.roll(corners, -1, axis=0))
    return np.asarray(normals / np.linalg.norm(normals, axis=1, keepdims=True))
