"""What else is on the frame: faint galaxies, stars, and bright stars at the edge."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from skylore.simulation.canvas import CANVAS, SIDE, Colours, add_points, tint
from skylore.simulation.drawing import random_angle
from skylore.simulation.kinds.others import spikes

__all__ = ["add_surroundings"]

_STAMP = 41


def add_surroundings(
    rng: np.random.Generator, canvas: Colours, clear: float, seeing: float
) -> None:
    """Add neighbours in place.

    Parameters
    ----------
    rng
        Chooses them.
    canvas
        Light in standard deviations of the sky's noise.
    clear
        Pixels about the middle that neighbours mostly keep out of.
    seeing
        Full width at half maximum of the point spread function, which decides a star's peak.
    """
    crowding = float(rng.choice([2.5, 6.0, 18.0], p=[0.55, 0.37, 0.08]))
    area = 1.2 * seeing**2
    stars = _positions(rng, int(rng.poisson(crowding)), clear)
    peaks = np.exp(rng.uniform(np.log(3), np.log(400), len(stars))) * area
    flux = np.empty((3, len(stars)))
    for number, colour in enumerate(rng.choice([0.1, 0.5, 0.9, 1.3, 1.6], len(stars))):
        flux[:, number] = tint(float(colour)) * peaks[number]
    add_points(canvas, stars[:, 0], stars[:, 1], flux)
    for x, y in _positions(rng, int(rng.poisson(0.6 * crowding)), clear):
        _faint_galaxy(rng, canvas, float(x), float(y))
    if rng.random() < 0.06:
        _bright_star(rng, canvas, clear, area)


def _positions(rng: np.random.Generator, count: int, clear: float) -> NDArray[np.float64]:
    at = rng.uniform(-CANVAS / 2, CANVAS / 2, (count, 2))
    outside = np.hypot(at[:, 0], at[:, 1]) > 1.1 * clear + 4
    return at[outside | (rng.random(count) < 0.04)]


def _faint_galaxy(rng: np.random.Generator, canvas: Colours, x: float, y: float) -> None:
    """Add a small exponential disc, cut from a stamp so that many cost little."""
    middle = (CANVAS - 1) / 2
    left, top = int(x + middle) - _STAMP // 2, int(y + middle) - _STAMP // 2
    rows = slice(max(top, 0), min(top + _STAMP, CANVAS))
    columns = slice(max(left, 0), min(left + _STAMP, CANVAS))
    dx = np.arange(columns.start, columns.stop, dtype=np.float32)[None] - np.float32(x + middle)
    dy = np.arange(rows.start, rows.stop, dtype=np.float32)[:, None] - np.float32(y + middle)
    angle, ratio = random_angle(rng), rng.uniform(0.3, 1.0)
    along = dx * np.float32(np.cos(angle)) + dy * np.float32(np.sin(angle))
    across = (dy * np.float32(np.cos(angle)) - dx * np.float32(np.sin(angle))) / np.float32(ratio)
    light = np.exp(-np.sqrt(along**2 + across**2 + 0.2) / np.float32(rng.uniform(0.8, 2.6)))
    peak = np.exp(rng.uniform(np.log(2), np.log(60)))
    colours = tint(float(rng.uniform(0.0, 1.2))) * np.float32(peak)
    canvas[:, rows, columns] += colours[:, None, None] * light


def _bright_star(rng: np.random.Generator, canvas: Colours, clear: float, area: float) -> None:
    away = rng.uniform(max(clear + 12, 35), 0.65 * SIDE)
    turn, colour = random_angle(rng), float(rng.uniform(0, 1.3))
    x, y = away * np.cos(turn), away * np.sin(turn)
    flux = np.exp(rng.uniform(6.5, 9.5)) * area
    add_points(canvas, np.array([x]), np.array([y]), tint(colour)[:, None] * flux)
    length, angle = rng.uniform(4, 14), float(rng.choice([0, np.pi / 4]))
    spikes(canvas, (x, y), angle=angle, length=length, flux=0.04 * flux, colour=colour)
