"""What is no galaxy: stars, and faults of the image."""

from __future__ import annotations

import numpy as np

from skylore.simulation.canvas import CANVAS, Colours, add_points, empty, place, tint
from skylore.simulation.drawing import Drawing, jitter, random_angle

__all__ = ["draw_artefact", "draw_star", "spikes"]


def spikes(
    canvas: Colours, at: tuple[float, float], *, angle: float, length: float, flux: float,
    colour: float,
) -> None:  # fmt: skip
    """Add the cross that the struts of a telescope's spider diffract from a bright star."""
    for turn in (0.0, np.pi / 2):
        u, v = place(*at, angle + turn)
        light = np.exp(-np.abs(u) / np.float32(length)) * np.exp(-0.5 * (v / 0.7) ** 2)
        canvas += tint(colour)[:, None, None] * light * np.float32(flux / (4 * length))


def draw_star(rng: np.random.Generator, radius: float) -> Drawing:
    """Draw a star: a point, when bright with spikes."""
    at, colour = jitter(rng), float(rng.choice([rng.uniform(0, 0.35), rng.uniform(0.6, 1.2)]))
    canvas = empty()
    x, y = np.array([at[0]]), np.array([at[1]])
    add_points(canvas, x, y, tint(colour)[:, None])
    bright = bool(radius > 12 and rng.random() < 0.8)
    if bright:
        angle = float(rng.choice([0.0, np.pi / 4])) + rng.normal(0, 0.05)
        length, flux = radius * rng.uniform(0.3, 0.8), rng.uniform(0.01, 0.05)
        spikes(canvas, at, angle=angle, length=length, flux=flux, colour=colour)
    return Drawing(canvas, {"colour_index": min(colour, 1.0), "spikes": bright})


def draw_artefact(rng: np.random.Generator, radius: float) -> Drawing:
    """Draw a fault: a satellite's trail, a saturated star that bleeds, or scattered light."""
    fault = str(rng.choice(["trail", "bleed", "scattered light"], p=[0.5, 0.25, 0.25]))
    canvas = empty()
    draw = {"trail": _trail, "bleed": _bleed, "scattered light": _scattered}[fault]
    draw(rng, canvas, radius)
    return Drawing(canvas, {"artefact": fault}, absolute=True)


def _trail(rng: np.random.Generator, canvas: Colours, radius: float) -> None:
    """Draw a satellite that crossed during one band's exposure: its trail is of one colour."""
    x, y = rng.normal(0, 6, 2)
    u, v = place(float(x), float(y), random_angle(rng))
    start = -CANVAS if rng.random() < 0.5 else rng.uniform(-60, 0)
    inside = (u > start) & (u < start + rng.uniform(3 * radius, 3 * CANVAS))
    line = inside * np.exp(-0.5 * (v / rng.uniform(0.6, 1.8)) ** 2)
    shares = np.full(3, 1.0)
    if rng.random() < 0.75:
        shares = np.array([0.02, 0.02, 0.02])
        shares[rng.choice(3, p=[0.2, 0.6, 0.2])] = 1.0
    canvas += (shares * np.exp(rng.uniform(2.5, 7)))[:, None, None].astype(np.float32) * line


def _bleed(rng: np.random.Generator, canvas: Colours, radius: float) -> None:
    """Draw a star so bright that its charge spills along the columns of the detector."""
    at, brightness = jitter(rng), np.exp(rng.uniform(10, 13))
    point = np.array([at[0]]), np.array([at[1]])
    add_points(canvas, *point, tint(rng.uniform(0, 1))[:, None] * brightness)
    turn = rng.normal(0, 0.05)
    spikes(canvas, at, angle=turn, length=radius, flux=0.03 * brightness, colour=0.4)
    u, v = place(*at, np.pi / 2 if rng.random() < 0.8 else 0.0)
    column = np.exp(-0.5 * (v / rng.uniform(0.5, 1.2)) ** 2) / (1 + (u / radius) ** 2)
    canvas += np.float32(np.exp(rng.uniform(4, 7))) * column


def _scattered(rng: np.random.Generator, canvas: Colours, radius: float) -> None:
    """Draw light of a bright star outside the frame, or a step in one band's background."""
    x, y = rng.normal(0, 30, 2)
    u, _ = place(float(x), float(y), random_angle(rng) if rng.random() < 0.6 else 0.0)
    band = np.exp(-0.5 * (u / rng.uniform(15, 70)) ** 2)
    shares = tint(rng.uniform(0, 1)) if rng.random() < 0.3 else tint(rng.choice([-0.8, 2.0]))
    canvas += (shares * np.float32(rng.uniform(3, 25)))[:, None, None] * band
    across, down = rng.normal(0, 3, (2, 1))
    add_points(canvas, across, down, tint(0.6)[:, None] * radius * 60)
