"""Galaxies out of order: mergers and irregulars."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from skylore.simulation.canvas import (
    CANVAS,
    Colours,
    Plane,
    add_points,
    empty,
    inclined,
    paint,
    place,
    tint,
)
from skylore.simulation.drawing import Drawing, Facts, jitter, random_angle
from skylore.simulation.profiles import exponential, radius_of, ridge, sersic, smooth_field

__all__ = ["draw_irregular", "draw_merger"]

_Point = tuple[float, float]
_Curve = NDArray[np.float64]
_Line = tuple[_Curve, _Curve]


def draw_merger(rng: np.random.Generator, radius: float) -> Drawing:
    """Draw two galaxies in contact, with tails, a bridge or shells as chance has it."""
    apart, towards = radius * rng.uniform(0.3, 1.25), random_angle(rng)
    share, centre = float(rng.uniform(0.25, 0.6)), jitter(rng)
    colour = rng.uniform(0.15, 0.9)
    ends = [
        (centre[0] + side * apart * np.cos(towards), centre[1] + side * apart * np.sin(towards))
        for side in (share, share - 1)
    ]
    canvas, facts = empty(), _signs(rng)
    for end, flux in zip(ends, (1 - share, share), strict=True):
        _body(rng, canvas, end, size=radius * rng.uniform(0.16, 0.3), colour=colour, flux=flux)
    turn = float(rng.choice([-1, 1]))
    if facts["tidal_tails"]:
        for end, away in zip(ends, (towards, towards + np.pi), strict=True):
            _tail(rng, canvas, end, away=away, radius=radius, turn=turn, colour=colour)
    if facts["bridge"]:
        _bridge(rng, canvas, (ends[0], ends[1]), colour)
    if facts["shells"]:
        _shells(rng, canvas, ends[0], axis=towards, radius=radius, colour=colour)
    return Drawing(canvas, {
        **facts, "merger": True, "companion_separation": float(apart), "colour_index": colour,
    })  # fmt: skip


def _signs(rng: np.random.Generator) -> Facts:
    """Choose the traces of the encounter; a pair in contact may show none yet."""
    return {
        "tidal_tails": bool(rng.random() < 0.55),
        "bridge": bool(rng.random() < 0.35),
        "shells": bool(rng.random() < 0.12),
    }


def _body(
    rng: np.random.Generator, canvas: Colours, at: _Point, *, size: float, colour: float,
    flux: float,
) -> None:  # fmt: skip
    """Paint one of the pair: a spheroid, or a disturbed disc with two open arms."""
    ratio, angle = rng.uniform(0.4, 1.0), random_angle(rng)
    own = float(np.clip(colour + rng.normal(0, 0.12), 0, 1))
    r = radius_of(*place(*at, angle, ratio))
    if rng.random() < 0.45:
        paint(canvas, sersic(r, size, rng.uniform(1.5, 4.0)), own, flux)
        return
    u, v = place(*at, angle, ratio)
    phase = 2 * (np.arctan2(v, u) - np.log(r) * np.float32(rng.uniform(1.2, 3.0)))
    lopsided: Plane = 1 + np.float32(0.5) * np.cos(np.arctan2(v, u) - random_angle(rng))
    paint(canvas, exponential(r, 0.7 * size) * lopsided, own, 0.45 * flux)
    paint(
        canvas, exponential(r, size) * ridge(phase, 2.0) * lopsided, max(0, own - 0.2), 0.3 * flux
    )
    paint(canvas, sersic(r, 0.3 * size, 1.5), min(1, own + 0.2), 0.25 * flux)


def _tail(
    rng: np.random.Generator, canvas: Colours, at: _Point, *, away: float, radius: float,
    turn: float, colour: float,
) -> None:  # fmt: skip
    """Paint a tail that leaves ``at`` outwards and curves as it goes (Toomre & Toomre 1972)."""
    along = np.linspace(0.0, 1.0, 220)
    reach = radius * (0.1 + rng.uniform(0.7, 1.5) * along)
    angle = away + turn * (rng.uniform(0.5, 2.0) * along**0.8 - 0.4)
    spread = (0.03 + 0.06 * along) * radius
    x = at[0] + reach * np.cos(angle)
    y = at[1] + reach * np.sin(angle)
    faint = np.exp(-1.6 * along)
    flux = faint * rng.uniform(0.08, 0.2)
    _stroke(rng, canvas, (x, y), spread=spread, flux=flux, colour=colour - 0.15)


def _bridge(
    rng: np.random.Generator, canvas: Colours, ends: tuple[_Point, _Point], colour: float
) -> None:
    along = np.linspace(0.0, 1.0, 160)
    (x0, y0), (x1, y1) = ends
    sag = rng.uniform(-0.25, 0.25) * np.sin(np.pi * along)
    x = x0 + (x1 - x0) * along - (y1 - y0) * sag
    y = y0 + (y1 - y0) * along + (x1 - x0) * sag
    spread = np.full(160, 0.08 * np.hypot(x1 - x0, y1 - y0) + 0.6)
    flux = np.full(160, rng.uniform(0.05, 0.14))
    _stroke(rng, canvas, (x, y), spread=spread, flux=flux, colour=colour)


def _stroke(
    rng: np.random.Generator, canvas: Colours, line: _Line, *, spread: _Curve, flux: _Curve,
    colour: float,
) -> None:  # fmt: skip
    """Paint a line as a cloud of points of Gaussian spread about it; the PSF smooths it."""
    stars = 24
    x = np.repeat(line[0], stars) + rng.normal(0, 1, stars * len(line[0])) * np.repeat(
        spread, stars
    )
    y = np.repeat(line[1], stars) + rng.normal(0, 1, stars * len(line[0])) * np.repeat(
        spread, stars
    )
    weights = np.repeat(flux, stars) / (stars * len(flux))
    add_points(canvas, x, y, tint(max(colour, 0.0))[:, None] * weights)


def _shells(
    rng: np.random.Generator, canvas: Colours, at: _Point, *, axis: float, radius: float,
    colour: float,
) -> None:  # fmt: skip
    """Paint sharp-edged arcs on alternate sides, as a radial merger leaves (Quinn 1984)."""
    u, v = place(*at, axis, rng.uniform(0.8, 1.0))
    r, theta = radius_of(u, v), np.arctan2(v, u)
    for number, reach in enumerate(sorted(rng.uniform(0.5, 1.1, 4))):
        inside = np.float32(reach * radius) - r
        edge = np.where(inside > 0, np.exp(-inside / np.float32(0.12 * radius)), 0)
        sector = np.exp(2.5 * (np.cos(theta - np.float32(np.pi * (number % 2))) - 1))
        paint(canvas, (edge * sector).astype(np.float32), colour, rng.uniform(0.02, 0.055))


def draw_irregular(rng: np.random.Generator, radius: float) -> Drawing:
    """Draw a lopsided, patchy, mostly blue galaxy with knots of young stars."""
    ratio, angle = inclined(float(rng.uniform(0, 70))), random_angle(rng)
    colour, clumps = rng.uniform(0.0, 0.4), rng.uniform(0.12, 0.5)
    x, y = jitter(rng)
    canvas = empty()
    u, v = place(x, y, angle, ratio)
    bend = rng.uniform(-0.5, 0.5) / radius
    r = radius_of(u, v + np.float32(bend) * u * u)
    patchy = np.exp(rng.uniform(0.4, 0.9) * smooth_field(rng, radius * rng.uniform(0.1, 0.25)))
    paint(canvas, sersic(r, radius * rng.uniform(0.4, 0.65), 0.8) * patchy, colour, 1 - clumps)
    _clumps(
        rng, canvas, (x, y), radius=radius, angle=angle, ratio=ratio, colour=colour, flux=clumps
    )
    return Drawing(canvas, {
        "axis_ratio": ratio, "clumpiness": float(clumps), "colour_index": colour,
    })  # fmt: skip


def _clumps(
    rng: np.random.Generator, canvas: Colours, at: _Point, *, radius: float, angle: float,
    ratio: float, colour: float, flux: float,
) -> None:  # fmt: skip
    count = int(rng.integers(4, 15))
    share = rng.exponential(1.0, count) + 0.1
    share *= flux / share.sum()
    for part in share:
        away, turn = 0.6 * radius * np.sqrt(rng.random()), random_angle(rng)
        u, v = away * np.cos(turn), away * np.sin(turn) * ratio
        x = at[0] + u * np.cos(angle) - v * np.sin(angle)
        y = at[1] + u * np.sin(angle) + v * np.cos(angle)
        own = float(np.clip(colour + rng.normal(-0.1, 0.1), 0, 1))
        width = max(radius * rng.uniform(0.03, 0.1), 0.6)
        _blob(canvas, x, y, width=width, colour=own, flux=float(part))


def _blob(canvas: Colours, x: float, y: float, *, width: float, colour: float, flux: float) -> None:
    """Add a round Gaussian by its two axes, which is all that it needs."""
    axis = np.arange(CANVAS, dtype=np.float32) - np.float32((CANVAS - 1) / 2)
    across = np.exp(-0.5 * ((axis - np.float32(x)) / np.float32(width)) ** 2)
    down: Plane = np.exp(-0.5 * ((axis - np.float32(y)) / np.float32(width)) ** 2)
    paint(canvas, down[:, None] * across[None, :], colour, flux)
