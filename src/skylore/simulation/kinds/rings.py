"""Ring galaxies: resonance rings, and the waves of collisions."""

from __future__ import annotations

import numpy as np

from skylore.simulation.canvas import Colours, empty, paint, place
from skylore.simulation.disc import (
    Disc,
    add_bar,
    add_bulge,
    add_knots,
    facts_of_disc,
    lay_disc,
)  # fmt: skip
from skylore.simulation.drawing import Drawing, Facts, random_angle
from skylore.simulation.profiles import annulus, exponential, radius_of, sersic

__all__ = ["draw_ring"]


def draw_ring(rng: np.random.Generator, radius: float) -> Drawing:
    """Draw a ring galaxy: resonance rings about a nucleus or bar, or a collision's wave."""
    where = str(rng.choice(["inner", "outer", "collisional"], p=[0.35, 0.4, 0.25]))
    disc, canvas = lay_disc(rng, radius, 62.0), empty()
    if where == "collisional":
        return _collisional(rng, canvas, disc)
    bulge, ring = rng.uniform(0.12, 0.45), rng.uniform(0.15, 0.45)
    strength = float(rng.uniform(0.05, 0.15)) if rng.random() < 0.5 else 0.0
    middle = radius * (rng.uniform(0.35, 0.55) if where == "inner" else rng.uniform(0.65, 0.85))
    colour = rng.uniform(0.25, 0.85)
    underlying = disc.scale if where == "inner" else 0.6 * disc.scale
    paint(canvas, exponential(disc.r, underlying), colour, max(1 - bulge - ring - strength, 0.1))
    crest = annulus(disc.r, middle, middle * rng.uniform(0.08, 0.17) + 0.4)
    uneven = 1 + rng.uniform(0, 0.35) * np.cos(disc.theta - random_angle(rng))
    paint(canvas, crest * uneven, max(colour - rng.uniform(0.1, 0.4), 0.0), ring)
    if strength:
        reach, angle = middle * rng.uniform(0.6, 0.95), random_angle(rng)
        add_bar(rng, canvas, disc, length=reach, angle=angle, flux=strength)
    add_bulge(rng, canvas, disc, bulge)
    facts: Facts = {"ring": where, "bar_strength": strength, "colour_index": float(colour)}
    return Drawing(canvas, {**facts_of_disc(disc, bulge), **facts})


def _collisional(rng: np.random.Generator, canvas: Colours, disc: Disc) -> Drawing:
    """Draw the expanding, star-forming wave of a head-on collision (Lynds & Toomre 1976)."""
    middle, colour = disc.radius * rng.uniform(0.6, 0.8), rng.uniform(0.0, 0.35)
    crest = annulus(disc.r, middle, middle * rng.uniform(0.09, 0.16) + 0.4)
    uneven = np.exp(rng.uniform(0.3, 0.8) * np.cos(disc.theta - random_angle(rng)))
    paint(canvas, crest * uneven, colour, 0.6)
    paint(canvas, exponential(disc.r, disc.scale), colour + 0.15, 0.2)
    at = random_angle(rng)
    away = middle * rng.uniform(0.2, 0.7)
    x, y = disc.centre[0] + away * np.cos(at), disc.centre[1] + away * np.sin(at)
    nucleus = radius_of(*place(x, y, random_angle(rng), rng.uniform(0.6, 1.0)))
    paint(canvas, sersic(nucleus, 0.12 * disc.radius, 1.8), rng.uniform(0.5, 0.9), 0.25)
    add_knots(rng, canvas, disc, (np.full(18, middle), rng.uniform(0, 2 * np.pi, 18)), 0.1)
    facts: Facts = {"ring": "collisional", "clumpiness": 0.1, "colour_index": float(colour)}
    return Drawing(canvas, {**facts_of_disc(disc, 0.25), **facts})
