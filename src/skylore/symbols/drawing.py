"""Drawing a symbol: white on black, as galaxies are on the sky."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from skylore.encoders.base import Pixels
from skylore.symbols.symbol import Symbol

__all__ = ["draw"]

Points = NDArray[np.float64]
"""``(N, 2)``: across and up, in radii of the body."""

FINER = 4
"""Drawn so many times larger and then averaged, which makes edges smooth."""
REACH = 0.86
"""Half the frame that the drawing takes up at most."""
BLACK, DISC, FAINT, MIDDLE, BRIGHT = 0, 45, 90, 170, 255
PEN = 0.055
TURN = np.linspace(0, 2 * np.pi, 241)
INNER_DISC = 0.2
"""Where arms begin in a galaxy without bar and bulge."""
GOLDEN = np.pi * (3 - np.sqrt(5))


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
        ``(size, size, 3)``, the body in the centre.
    """
    paper = _Paper(size, symbol)
    for points, tone in (*_body(symbol), *_companions(symbol)):
        paper.area(points, tone)
    for stroke in _strokes(symbol):
        paper.line(stroke)
    for points in (*_bulge(symbol), *_clumps(symbol), *_spikes(symbol)):
        paper.area(points, BRIGHT)
    return paper.pixels()


class _Stroke(NamedTuple):
    """A line as wide as a share of the body's radius, which tapers to ``end`` of that."""

    points: Points
    tone: int
    width: float = PEN
    end: float = 1.0


def _strokes(symbol: Symbol) -> Iterator[_Stroke]:
    for tail in _tails(symbol):
        yield _Stroke(tail, MIDDLE, 1.6 * PEN, 0.3)
    if symbol.lane:
        yield _Stroke(_along(1.0), BLACK, symbol.lane)
    for curve in (*_arms(symbol), *_arcs(symbol)):
        yield _Stroke(curve, BRIGHT)
    if symbol.ring:
        yield _Stroke(_ellipse(symbol.ring, symbol.axis_ratio), BRIGHT)
    if symbol.bar:
        yield _Stroke(_along(symbol.bar), BRIGHT, 1.8 * PEN)


class _Paper:
    """A frame to draw on in radii of the body."""

    def __init__(self, size: int, symbol: Symbol) -> None:
        self._size = size
        side = size * FINER
        self._image = Image.new("L", (side, side))
        self._pen = ImageDraw.Draw(self._image)
        self._half = side / 2
        self._scale = REACH * self._half / _extent(symbol)
        turn = np.radians(symbol.angle)
        cos, sin = np.cos(turn), np.sin(turn)
        flip = -1.0 if symbol.mirrored else 1.0
        self._turn = np.array([[cos, sin], [-sin * flip, cos * flip]])

    def _placed(self, points: Points) -> list[tuple[float, float]]:
        placed = points @ self._turn * self._scale * (1, -1) + self._half
        return [(x, y) for x, y in placed.tolist()]

    def area(self, points: Points, tone: int) -> None:
        self._pen.polygon(self._placed(points), fill=tone)

    def line(self, stroke: _Stroke) -> None:
        """Draw it as discs side by side, which have no joints."""
        placed = self._placed(stroke.points)
        taper = np.linspace(1.0, stroke.end, len(placed))
        for (x, y), half in zip(placed, taper * stroke.width * self._scale, strict=True):
            self._pen.ellipse((x - half, y - half, x + half, y + half), fill=stroke.tone)

    def pixels(self) -> Pixels:
        small = self._image.resize((self._size, self._size), Image.Resampling.BOX)
        return np.repeat(np.asarray(small)[:, :, None], 3, axis=2)


def _extent(symbol: Symbol) -> float:
    """How far the drawing reaches from the centre, in radii of the body."""
    companion = 1 + 1.2 * symbol.companion_size if symbol.companions else 1.0
    tail = 1.75 if symbol.tails else 1.0
    arc = 1.5 if symbol.arcs else 1.0
    return max(1 + symbol.lopsidedness, companion, tail, arc)


def _along(reach: float) -> Points:
    across = np.linspace(-reach, reach, 120)
    return np.stack([across, 0 * across], axis=1)


def _ellipse(radius: float, axis_ratio: float, *, at: tuple[float, float] = (0, 0)) -> Points:
    across, up = radius * np.cos(TURN) + at[0], radius * axis_ratio * np.sin(TURN) + at[1]
    return np.stack([across, up], axis=1)


def _outline(symbol: Symbol) -> Points:
    radius = 1 + symbol.lopsidedness * (np.cos(TURN) + 0.5 * np.cos(2 * TURN + 1)) / 1.5
    across, up = radius * np.cos(TURN), radius * np.sin(TURN) * symbol.axis_ratio
    return np.stack([across, up], axis=1)


def _body(symbol: Symbol) -> Iterator[tuple[Points, int]]:
    """Give nested areas, brighter inwards: a ball, a disc, or the lens shape of its side."""
    if symbol.is_edge_on:
        across = np.linspace(-1, 1, 61)
        up = symbol.axis_ratio * (1 - across**2)
        yield np.concatenate([np.stack([across, up], 1), np.stack([across, -up], 1)[::-1]]), MIDDLE
    elif not symbol.shading and not symbol.spikes:
        # Faint and without an edge, which would look like a ring.
        for share in (1.0, 0.75, 0.5):
            yield share * _outline(symbol), round(DISC + 2 * (1 - share) * (FAINT - DISC))
    elif symbol.shading:
        for share in (1.0, 0.75, 0.5, 0.25):
            yield share * _outline(symbol), round(FAINT + (BRIGHT - FAINT) * (1 - share) / 0.75)


def _companions(symbol: Symbol) -> Iterator[tuple[Points, int]]:
    """Give smaller galaxies that overlap the body, on alternating sides."""
    size = symbol.companion_size
    for i in range(symbol.companions):
        direction = 0.5 + i * 2.2
        reach = 1 + 0.15 * size
        at = (reach * float(np.cos(direction)), reach * float(np.sin(direction)))
        for share in (1.0, 0.6, 0.3):
            tone = round(FAINT + (BRIGHT - FAINT) * (1 - share) / 0.7)
            yield _ellipse(share * size, 0.75, at=at), tone


def _arms(symbol: Symbol) -> Iterator[Points]:
    """Give logarithmic spirals r = r₀ exp(θ tan(pitch)), from the bar's or the bulge's end."""
    start = max(symbol.bar, symbol.bulge, INNER_DISC)
    if symbol.is_edge_on or start >= 1:
        return
    angle = np.linspace(0, np.log(1 / start) / np.tan(np.radians(symbol.pitch)), 200)
    radius = start * np.exp(angle * np.tan(np.radians(symbol.pitch)))
    for arm in range(symbol.arms):
        turned = angle + 2 * np.pi * arm / symbol.arms
        up = radius * np.sin(turned) * symbol.axis_ratio
        yield np.stack([radius * np.cos(turned), up], axis=1)


def _bulge(symbol: Symbol) -> Iterator[Points]:
    """Give a superellipse |x|ⁿ + |y|ⁿ = rⁿ: n = 2 is round, larger ones are boxes."""
    if symbol.bulge:
        power = 2 / (2 + 6 * symbol.boxiness)
        shape = np.stack([np.cos(TURN), np.sin(TURN)], axis=1)
        flattening = np.array([1.0, 0.8 if symbol.is_edge_on else np.sqrt(symbol.axis_ratio)])
        yield symbol.bulge * np.sign(shape) * np.abs(shape) ** power * flattening


def _tails(symbol: Symbol) -> Iterator[Points]:
    """Give streams that leave the ends of the body and bend around it."""
    sweep = np.linspace(0, 1, 120)
    for i in range(symbol.tails):
        angle = np.pi * i + 1.5 * sweep
        radius = 0.75 + sweep
        up = radius * np.sin(angle) * max(symbol.axis_ratio, 0.5)
        yield np.stack([radius * np.cos(angle), up], axis=1)


def _arcs(symbol: Symbol) -> Iterator[Points]:
    for i in range(symbol.arcs):
        angle = 2.4 * i + np.linspace(-0.75, 0.75, 80)
        yield 1.4 * np.stack([np.cos(angle), np.sin(angle)], axis=1)


def _clumps(symbol: Symbol) -> Iterator[Points]:
    for i in range(symbol.clumps):
        radius = 0.8 * np.sqrt((i + 0.5) / symbol.clumps)
        at = (radius * np.cos(GOLDEN * i), radius * np.sin(GOLDEN * i) * symbol.axis_ratio)
        yield _ellipse(0.09, 1.0, at=at)


def _spikes(symbol: Symbol) -> Iterator[Points]:
    for i in range(symbol.spikes):
        angle = 2 * np.pi * i / symbol.spikes
        along = np.array([np.cos(angle), np.sin(angle)])
        aside = 0.06 * np.array([-along[1], along[0]])
        yield np.stack([along, aside, -aside])
