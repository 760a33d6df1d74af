"""Drawing a symbol: white on black, as galaxies are on the sky."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageDraw

from skylore.encoders.base import Pixels
from skylore.symbols import parts
from skylore.symbols.parts import BLACK, Area, Points, Stroke
from skylore.symbols.symbol import Symbol

__all__ = ["draw"]

FINER = 4
"""Drawn so many times larger and then averaged, which makes edges smooth."""
REACH = 0.86
"""Half the frame that the drawing takes up at most."""


def draw(symbol: Symbol, size: int = 64) -> Pixels:
    """Draw a symbol.

    Parameters
    ----------
    symbol : Symbol
    size : int
        Side of the image in pixels.

    Returns
    -------
    array of uint8
        ``(size, size, 3)``, the body in the centre, or what it merges with and it together.
    """
    drawn = list(_drawn(symbol))
    paper = _Paper(size, symbol, *_frame(symbol, drawn))
    for part in drawn:
        if isinstance(part, Stroke):
            paper.line(part)
        else:
            paper.light(part)
    return paper.pixels()


def _drawn(symbol: Symbol) -> Iterator[list[Area] | Stroke]:
    """Give all parts, those in front last."""
    yield from parts.tails(symbol)
    yield parts.body(symbol)
    yield from parts.companions(symbol)
    yield from parts.arms(symbol)
    yield from parts.arcs(symbol)
    yield from parts.ring(symbol)
    yield from parts.bar(symbol)
    yield parts.bulge(symbol)
    yield from parts.lane(symbol)
    yield parts.clumps(symbol)
    yield parts.spikes(symbol)


def _frame(symbol: Symbol, drawn: list[list[Area] | Stroke]) -> tuple[NDArray[np.float64], float]:
    """Give the middle of the drawing and how far it reaches, in radii of the body."""
    strokes = [part for part in drawn if isinstance(part, Stroke) and part.tone != BLACK]
    areas = [area for part in drawn if not isinstance(part, Stroke) for area in part]
    light = np.concatenate([*(s.points for s in strokes), *(area.points for area in areas)])
    wide = max((stroke.widths.max() for stroke in strokes), default=0.0)
    middle = np.zeros(2)
    if symbol.companions:
        middle = (light.min(axis=0) + light.max(axis=0)) / 2
    reach = float(np.hypot(*(light - middle).T).max()) + float(wide) / 2
    return middle, max(1.0, reach)


class _Paper:
    """A frame to draw on in radii of the body."""

    def __init__(
        self, size: int, symbol: Symbol, middle: NDArray[np.float64], reach: float
    ) -> None:
        self._size, self._middle = size, middle
        side = size * FINER
        self._image = Image.new("L", (side, side))
        self._half = side / 2
        self._scale = REACH * self._half / reach
        turn = np.radians(symbol.angle)
        cos, sin = np.cos(turn), np.sin(turn)
        flip = -1.0 if symbol.mirrored else 1.0
        self._turn = np.array([[cos, sin], [-sin * flip, cos * flip]])

    def _placed(self, points: Points) -> list[tuple[float, float]]:
        placed = (points - self._middle) @ self._turn * self._scale * (1, -1) + self._half
        return [(x, y) for x, y in placed.tolist()]

    def light(self, areas: list[Area]) -> None:
        """Fill them one over the other, and add what is brighter than what is there."""
        layer = Image.new("L", self._image.size)
        pen = ImageDraw.Draw(layer)
        for area in areas:
            pen.polygon(self._placed(area.points), fill=area.tone)
        self._image = ImageChops.lighter(self._image, layer)

    def line(self, stroke: Stroke) -> None:
        """Draw it as discs side by side, which have no joints."""
        pen = ImageDraw.Draw(self._image)
        halves = (stroke.widths * self._scale).tolist()
        for (x, y), half in zip(self._placed(stroke.points), halves, strict=True):
            pen.ellipse((x - half, y - half, x + half, y + half), fill=stroke.tone)

    def pixels(self) -> Pixels:
        small = self._image.resize((self._size, self._size), Image.Resampling.BOX)
        return np.repeat(np.asarray(small)[:, :, None], 3, axis=2)
