"""The parts of a symbol, as areas and strokes in radii of its body."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from skylore.symbols.symbol import Symbol

__all__ = [
    "BLACK",
    "Area",
    "Points",
    "Stroke",
    "arcs",
    "arms",
    "bar",
    "body",
    "bulge",
    "clumps",
    "companions",
    "lane",
    "ring",
    "spikes",
    "tails",
]

Points = NDArray[np.float64]
"""``(N, 2)``: across and up, in radii of the body."""

BLACK, RIM, FAINT, MIDDLE, BRIGHT = 0, 28, 100, 170, 255
PEN = 0.055
TURN = np.linspace(0, 2 * np.pi, 241)
SHADES = 20
"""Nested areas of a body: enough for its light to have no edges, which would look like rings."""
INNER_DISC = 0.2
"""Where arms begin in a galaxy without bar and bulge."""
GOLDEN = np.pi * (3 - np.sqrt(5))
LUMPS = 5
"""Harmonics of an irregular outline."""


class Area(NamedTuple):
    """A filled outline."""

    points: Points
    tone: int


class Stroke(NamedTuple):
    """A line, half as wide as ``widths`` says at each of its points."""

    points: Points
    tone: int
    widths: NDArray[np.float64]


def _stroke(points: Points, tone: int, width: float = PEN, end: float = 1.0) -> Stroke:
    """Make a line that tapers to a share of its width."""
    return Stroke(points, tone, width * np.linspace(1.0, end, len(points)))


def _along(reach: float) -> Points:
    across = np.linspace(-reach, reach, 120)
    return np.stack([across, 0 * across], axis=1)


def _ellipse(radius: float, axis_ratio: float) -> Points:
    return radius * np.stack([np.cos(TURN), axis_ratio * np.sin(TURN)], axis=1)


def _shaded(
    whole: Points, rim: int, centre: int, power: float, at: tuple[float, float] = (0, 0)
) -> list[Area]:
    """Fill an outline with light that rises inwards: the higher the power, the later."""
    shares = np.linspace(1, 1 / SHADES, SHADES)
    light = ((1 - shares) / (1 - 1 / SHADES)) ** power
    tones = np.round(rim + (centre - rim) * light).astype(int).tolist()
    return [Area(share * whole + at, tone) for share, tone in zip(shares, tones, strict=True)]


def _outline(symbol: Symbol) -> Points:
    """Give an ellipse, or a lumpy outline whose harmonics chance has placed."""
    radius = np.ones_like(TURN)
    if symbol.lopsidedness:
        phases = np.random.default_rng(_seed(symbol)).uniform(0, 2 * np.pi, LUMPS)
        waves = np.arange(1, LUMPS + 1)
        lumps = (np.cos(waves[:, None] * TURN + phases[:, None]) / waves[:, None]).sum(axis=0)
        radius += symbol.lopsidedness * lumps / np.abs(lumps).max()
    return np.stack([radius * np.cos(TURN), radius * np.sin(TURN) * symbol.axis_ratio], axis=1)


def _seed(symbol: Symbol) -> int:
    return int(symbol.chance * (1 << 32))


def body(symbol: Symbol) -> list[Area]:
    """Give a ball, a faint disc, what lies between them, or the lens shape of a disc's side."""
    if symbol.is_edge_on:
        across = np.linspace(-1, 1, 61)
        up = symbol.axis_ratio * (1 - across**2)
        side = np.concatenate([np.stack([across, up], 1), np.stack([across, -up], 1)[::-1]])
        return _shaded(side, FAINT, MIDDLE + 40, 1.0)
    if symbol.spikes and not symbol.shading:
        return []
    return _shaded(_outline(symbol), RIM, _centre(symbol), 1 + 0.5 * symbol.shading)


def _centre(symbol: Symbol) -> int:
    return round(FAINT + symbol.shading * (BRIGHT - FAINT))


def _companion_places(symbol: Symbol) -> list[tuple[float, float]]:
    """Give directions and places of the companions, which overlap the body."""
    reach = 0.9 + 0.2 * symbol.companion_size
    directions = [0.5 + 2.2 * i for i in range(symbol.companions)]
    return [(reach * float(np.cos(d)), reach * float(np.sin(d))) for d in directions]


def companions(symbol: Symbol) -> Iterator[list[Area]]:
    """Give smaller galaxies, each as its own light."""
    shape, centre = _ellipse(symbol.companion_size, 0.75), max(MIDDLE, _centre(symbol))
    for place in _companion_places(symbol):
        yield _shaded(shape, RIM, centre, 1 + 0.5 * symbol.shading, place)


def lane(symbol: Symbol) -> Iterator[Stroke]:
    """Give a dark band."""
    if symbol.lane:
        yield _stroke(_along(1.0), BLACK, symbol.lane)


def arms(symbol: Symbol) -> Iterator[Stroke]:
    """Give logarithmic spirals r = r₀ exp(θ tan(pitch)), from the bar's or the bulge's end.

    They are as wide as leaves them apart: their distance grows with the radius.
    """
    start = max(symbol.bar, symbol.bulge, INNER_DISC)
    if symbol.is_edge_on or start >= 1 or not symbol.arms:
        return
    rise = np.tan(np.radians(symbol.pitch))
    angle = np.linspace(0, np.log(1 / start) / rise, 240)
    radius = start * np.exp(angle * rise)
    apart = np.exp(2 * np.pi * rise / symbol.arms) - 1
    widths = np.minimum(PEN, radius * min(0.11, 0.25 * apart))
    for arm in range(symbol.arms):
        turned = angle + 2 * np.pi * arm / symbol.arms
        up = radius * np.sin(turned) * symbol.axis_ratio
        yield Stroke(np.stack([radius * np.cos(turned), up], axis=1), BRIGHT, widths)


def arcs(symbol: Symbol) -> Iterator[Stroke]:
    """Give bent images around the body, thin at their ends."""
    along = np.linspace(-1, 1, 80)
    for i in range(symbol.arcs):
        angle = 2.4 * i + 0.75 * along
        points = 1.4 * np.stack([np.cos(angle), np.sin(angle)], axis=1)
        yield Stroke(points, BRIGHT, PEN * np.sqrt(1 - 0.95 * along**2))


def ring(symbol: Symbol) -> Iterator[Stroke]:
    """Give a ring in the disc."""
    if symbol.ring:
        yield _stroke(_ellipse(symbol.ring, symbol.axis_ratio), BRIGHT)


def bar(symbol: Symbol) -> Iterator[Stroke]:
    """Give a bar through the centre."""
    if symbol.bar:
        yield _stroke(_along(symbol.bar), BRIGHT, 1.6 * PEN)


def bulge(symbol: Symbol) -> list[Area]:
    """Give a superellipse |x|ⁿ + |y|ⁿ = rⁿ: n = 2 is round, larger ones are boxes."""
    if not symbol.bulge:
        return []
    power = 2 / (2 + 6 * symbol.boxiness)
    shape = np.stack([np.cos(TURN), np.sin(TURN)], axis=1)
    flattening = np.array([1.0, 0.8 if symbol.is_edge_on else np.sqrt(symbol.axis_ratio)])
    whole = symbol.bulge * np.sign(shape) * np.abs(shape) ** power * flattening
    return _shaded(whole, FAINT + 30, BRIGHT, 0.6)


def tails(symbol: Symbol) -> Iterator[Stroke]:
    """Give streams that leave the far ends of the body, or of what merges with it, and bend."""
    places = _companion_places(symbol)
    away = float(np.arctan2(places[0][1], places[0][0])) if places else np.pi
    for i in range(symbol.tails):
        if i and places:
            points = symbol.companion_size * _stream(away, 0.75) + places[0]
        else:
            points = _stream(away + np.pi * (i + 1), max(symbol.axis_ratio, 0.5))
        yield _stroke(points, MIDDLE, 1.8 * PEN, 0.25)


def _stream(start: float, flat: float) -> Points:
    sweep = np.linspace(0, 1, 120)
    angle, radius = start + 1.3 * sweep, 0.45 + 1.3 * sweep
    return np.stack([radius * np.cos(angle), radius * np.sin(angle) * flat], axis=1)


def clumps(symbol: Symbol) -> list[Area]:
    """Give knots of different sizes, spread over the body as chance has it."""
    rng = np.random.default_rng(_seed(symbol))
    sizes = rng.uniform(0.06, 0.13, symbol.clumps)
    shifts = rng.normal(0, 0.08, (symbol.clumps, 2))
    turns = GOLDEN * np.arange(symbol.clumps)
    radii = 0.75 * np.sqrt((np.arange(symbol.clumps) + 0.5) / max(1, symbol.clumps))
    spread = radii[:, None] * np.stack([np.cos(turns), np.sin(turns)], axis=1) + shifts
    places = spread * (1, symbol.axis_ratio)
    return [
        Area(_ellipse(size, 1.0) + place, BRIGHT)
        for size, place in zip(sizes.tolist(), places, strict=True)
    ]


def spikes(symbol: Symbol) -> list[Area]:
    """Give the rays of a star."""
    angles = 2 * np.pi * np.arange(symbol.spikes) / max(1, symbol.spikes)
    rays = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    asides = 0.06 * np.stack([-rays[:, 1], rays[:, 0]], axis=1)
    return [
        Area(np.stack([ray, aside, -aside]), BRIGHT)
        for ray, aside in zip(rays, asides, strict=True)
    ]
