"""Spiral galaxies, with and without a bar."""

from __future__ import annotations

import numpy as np

from skylore.simulation.canvas import Colours, Plane, empty, paint
from skylore.simulation.disc import (
    Disc,
    add_bar,
    add_bulge,
    add_knots,
    facts_of_disc,
    lay_disc,
)  # fmt: skip
from skylore.simulation.drawing import Drawing, Facts, random_angle
from skylore.simulation.kinds.smooth import redden
from skylore.simulation.profiles import annulus, exponential, fade_in, ridge, winding_phase

__all__ = ["draw_barred_spiral", "draw_spiral", "winding_of"]


def winding_of(pitch: float) -> str:
    """Name how tightly arms of a pitch angle in degrees wind."""
    return "tight" if pitch < 15 else "medium" if pitch < 25 else "loose"


def draw_spiral(rng: np.random.Generator, radius: float) -> Drawing:
    """Draw an unbarred spiral, grand-design or flocculent."""
    disc, canvas = lay_disc(rng, radius), empty()
    bulge = float(rng.choice([rng.uniform(0.0, 0.08), rng.uniform(0.08, 0.45)], p=[0.3, 0.7]))
    facts = _arms(rng, canvas, disc, inner=0.1 * radius, phase=random_angle(rng), flux=1 - bulge)
    add_bulge(rng, canvas, disc, bulge)
    return Drawing(canvas, {**facts, **facts_of_disc(disc, bulge)})


def draw_barred_spiral(rng: np.random.Generator, radius: float) -> Drawing:
    """Draw a spiral whose arms leave the ends of a bar; some also have a ring round the bar."""
    disc, canvas = lay_disc(rng, radius, 60.0), empty()
    bulge, strength = rng.uniform(0.0, 0.2), rng.uniform(0.06, 0.3)
    length, angle = radius * rng.uniform(0.24, 0.5), random_angle(rng)
    flux = 1 - bulge - strength
    facts = _arms(rng, canvas, disc, inner=length, phase=angle, flux=flux, barred=True)
    add_bar(rng, canvas, disc, length=length, angle=angle, flux=strength)
    add_bulge(rng, canvas, disc, bulge)
    if rng.random() < 0.2:
        crest = annulus(disc.r, 1.05 * length, 0.12 * length + 0.5)
        paint(canvas, crest, rng.uniform(0.2, 0.6), rng.uniform(0.06, 0.15))
        facts["ring"] = "inner"
    return Drawing(canvas, {**facts, **facts_of_disc(disc, bulge), "bar_strength": strength})


def _arms(
    rng: np.random.Generator, canvas: Colours, disc: Disc, *, inner: float, phase: float,
    flux: float, barred: bool = False,
) -> Facts:  # fmt: skip
    """Paint the disc with its arms, which begin at ``inner`` pixels at the angle ``phase``."""
    flocculent = bool(not barred and rng.random() < 0.18)
    count = 2 if barred and rng.random() < 0.85 else int(
        rng.choice([1, 2, 3, 4, 5], p=[0.06, 0.56, 0.18, 0.12, 0.08])
    )  # fmt: skip
    pitch, turn = float(rng.uniform(8, 40)), float(rng.choice([-1, 1]))
    contrast, colour = rng.uniform(0.35, 0.85), rng.uniform(0.1, 0.75)
    crest = (
        _patches(rng, disc, pitch * turn) if flocculent
        else _grand(rng, disc, count, pitch=pitch * turn, inner=inner, phase=phase)
    )  # fmt: skip
    crest = crest * fade_in(disc.r, 0.8 * inner, 0.25 * inner + 0.5)
    crest = crest * fade_in(disc.r, disc.radius * rng.uniform(0.85, 1.15), -0.15 * disc.radius)
    base = exponential(disc.r, disc.scale)
    paint(canvas, base, min(1.0, colour + 0.15), flux * (1 - contrast))
    paint(canvas, base**0.85 * crest, max(0.0, colour - 0.15), flux * contrast)
    if not flocculent and rng.random() < 0.35:
        slip = winding_phase(disc.r, disc.theta - phase, count, pitch * turn, inner) + 0.9 * turn
        redden(canvas, rng.uniform(0.3, 0.9) * ridge(slip, 7.0) * fade_in(disc.r, inner, 2.0))
    clumps = float(rng.choice([0.0, rng.uniform(0.02, 0.1)]))
    if clumps:
        _arm_knots(rng, canvas, disc, crest, clumps * flux)
    return {
        "arm_count": None if flocculent else count, "flocculent": flocculent,
        "pitch_angle": pitch, "winding": winding_of(pitch), "clumpiness": clumps,
        "colour_index": float(colour),
    }  # fmt: skip


def _grand(
    rng: np.random.Generator, disc: Disc, count: int, *, pitch: float, inner: float, phase: float
) -> Plane:
    """Return arms of one pattern, each of its own strength and a little frayed."""
    sharpness = rng.uniform(1.2, 4.5) / (1 if count < 4 else 1.5)
    wander = rng.uniform(0, 0.35) * np.sin(disc.r * np.float32(6 / disc.radius) + random_angle(rng))
    along = winding_phase(disc.r, disc.theta - np.float32(phase) + wander, count, pitch, inner)
    uneven = 1 + rng.uniform(0, 0.35) * np.cos(disc.theta - random_angle(rng))
    fray = 1 + 0.3 * np.cos(2 * disc.theta + 5 * np.log(disc.r) + random_angle(rng))
    return np.asarray(ridge(along, sharpness) * uneven * fray, dtype=np.float32)


def _patches(rng: np.random.Generator, disc: Disc, pitch: float) -> Plane:
    """Return short broken arms: a sum of unrelated spirals (Elmegreen & Elmegreen 1984)."""
    total = np.zeros_like(disc.r)
    for arms in rng.integers(3, 11, 6):
        angle = pitch * rng.uniform(0.7, 1.3)
        total += np.cos(winding_phase(disc.r, disc.theta, int(arms), angle, random_angle(rng) + 1))
    return np.asarray(np.exp(np.float32(rng.uniform(0.5, 0.8)) * total), dtype=np.float32)


def _arm_knots(
    rng: np.random.Generator, canvas: Colours, disc: Disc, crest: Plane, flux: float
) -> None:
    """Put star-forming knots where the arms are bright."""
    weight = (crest * exponential(disc.r, 1.6 * disc.scale)).ravel().astype(np.float64)
    steps = np.cumsum(weight)
    picks = np.searchsorted(steps, rng.uniform(0, steps[-1], int(rng.integers(6, 30))))
    add_knots(rng, canvas, disc, (disc.r.ravel()[picks], disc.theta.ravel()[picks]), flux)
