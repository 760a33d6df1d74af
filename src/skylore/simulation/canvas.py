"""The frame that light is drawn on, and its coordinates."""

from __future__ import annotations

from functools import cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "CANVAS", "MARGIN", "SIDE", "Colours", "Plane", "add_points", "empty", "inclined", "paint",
    "place", "tint",
]  # fmt: skip

SIDE = 160
"""Width and height of a simulated image in pixels."""

MARGIN = 10
"""Pixels drawn beyond every edge, so that the point spread function does not wrap round."""

CANVAS = SIDE + 2 * MARGIN

Plane: TypeAlias = NDArray[np.float32]
"""``(CANVAS, CANVAS)`` surface brightness or coordinates."""

Colours: TypeAlias = NDArray[np.float32]
"""``(3, CANVAS, CANVAS)`` surface brightness in red, green and blue, linear."""

_BLUEST = np.log(np.array([0.74, 0.92, 1.30], dtype=np.float32))
_REDDEST = np.log(np.array([1.42, 1.00, 0.46], dtype=np.float32))


def empty() -> Colours:
    """Return a dark canvas."""
    return np.zeros((3, CANVAS, CANVAS), dtype=np.float32)


def tint(colour: float) -> NDArray[np.float32]:
    """Return the red, green and blue shares, ``(3,)``, of light between blue (0) and red (1)."""
    return np.exp(_BLUEST + np.float32(colour) * (_REDDEST - _BLUEST))


def paint(canvas: Colours, light: Plane, colour: float, flux: float) -> None:
    """Add ``light``, scaled to the total ``flux``, in one colour."""
    total = float(light.sum(dtype=np.float64))
    if total > 0.0:
        canvas += (tint(colour) * np.float32(flux / total))[:, None, None] * light


def place(x: float, y: float, angle: float, ratio: float = 1.0) -> tuple[Plane, Plane]:
    """Return coordinates along the major axis and, stretched by ``1 / ratio``, across it.

    Parameters
    ----------
    x, y
        The centre, in pixels from the middle of the frame.
    angle
        The major axis, in radians from ``+x`` towards ``+y``.
    ratio
        Axis ratio; ellipses of that ratio become circles.
    """
    columns, rows = _grid()
    dx, dy = columns - np.float32(x), rows - np.float32(y)
    cosine, sine = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    across: Plane = (cosine * dy - sine * dx) * np.float32(1 / ratio)
    return cosine * dx + sine * dy, across


def inclined(inclination: float, thickness: float = 0.18) -> float:
    """Return the axis ratio of an oblate disc seen at ``inclination`` degrees (Hubble 1926)."""
    squared = float(np.cos(np.radians(inclination))) ** 2
    return float(np.sqrt(thickness**2 + (1 - thickness**2) * squared))


def add_points(
    canvas: Colours, x: NDArray[np.floating], y: NDArray[np.floating], flux: NDArray[np.floating]
) -> None:
    """Add point sources, each shared among the four pixels about it.

    Parameters
    ----------
    canvas
        Where to add them, in place.
    x, y
        ``(N,)`` pixels from the middle of the frame; points off the canvas are left out.
    flux
        ``(3, N)`` red, green and blue.
    """
    middle = (CANVAS - 1) / 2
    column, row = np.floor(x + middle).astype(int), np.floor(y + middle).astype(int)
    right, down = x + middle - column, y + middle - row
    for across, down_by, share in (
        (0, 0, (1 - right) * (1 - down)),
        (1, 0, right * (1 - down)),
        (0, 1, (1 - right) * down),
        (1, 1, right * down),
    ):
        i, j = row + down_by, column + across
        inside = (i >= 0) & (i < CANVAS) & (j >= 0) & (j < CANVAS)
        for channel in range(3):
            values = (flux[channel] * share)[inside]
            np.add.at(canvas[channel], (i[inside], j[inside]), values.astype(np.float32))


@cache
def _grid() -> tuple[Plane, Plane]:
    axis = np.arange(CANVAS, dtype=np.float32) - np.float32((CANVAS - 1) / 2)
    columns, rows = np.meshgrid(axis, axis)
    columns.setflags(write=False)
    rows.setflags(write=False)
    return columns, rows
