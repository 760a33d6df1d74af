"""Galaxies without arms: ellipticals, lenticulars and discs seen from the side."""

from __future__ import annotations

import numpy as np

from skylore.simulation.canvas import Colours, Plane, empty, inclined, paint, place
from skylore.simulation.drawing import Drawing, jitter, random_angle
from skylore.simulation.profiles import edge_on_disc, exponential, radius_of, sersic

__all__ = ["draw_edge_on", "draw_elliptical", "draw_lenticular", "redden"]

_EXTINCTION = np.array([0.62, 0.85, 1.2], dtype=np.float32)
"""Dust dims blue light most (Cardelli et al. 1989, in i, r and g relative to V)."""


def redden(canvas: Colours, depth: Plane) -> None:
    """Dim ``canvas`` in place by dust of the optical depth ``depth`` in front of the light."""
    canvas *= np.exp(-_EXTINCTION[:, None, None] * depth)


def draw_elliptical(rng: np.random.Generator, radius: float) -> Drawing:
    """Draw a spheroid near de Vaucouleurs's law, of any flattening up to a cigar."""
    flattest, roundest = rng.choice([(0.84, 1.0), (0.5, 0.82), (0.3, 0.49)], p=[0.45, 0.38, 0.17])
    ratio = float(rng.uniform(flattest, roundest))
    index, colour = rng.uniform(2.4, 5.0), rng.uniform(0.62, 1.0)
    u, v = place(*jitter(rng), random_angle(rng), ratio)
    r = radius_of(u, v)
    canvas = empty()
    paint(canvas, sersic(r, radius * rng.uniform(0.28, 0.6), index), colour, 1.0)
    facts = {"axis_ratio": ratio, "colour_index": colour, "bulge_fraction": 1.0}
    return Drawing(canvas, {**facts, "sersic_index": float(index)})


def draw_lenticular(rng: np.random.Generator, radius: float) -> Drawing:
    """Draw a bulge in a disc that is smooth: without arms, clumps or dust."""
    inclination = float(np.degrees(np.arccos(rng.uniform(0.25, 1.0))))
    ratio, bulge = inclined(inclination), rng.uniform(0.15, 0.6)
    colour = rng.uniform(0.45, 0.95)
    centre, angle = jitter(rng), random_angle(rng)
    canvas = empty()
    disc = exponential(radius_of(*place(*centre, angle, ratio)), radius * rng.uniform(0.24, 0.42))
    paint(canvas, disc, colour, 1 - bulge)
    spheroid = radius_of(*place(*centre, angle, 0.5 + 0.5 * ratio))
    paint(canvas, sersic(spheroid, radius * rng.uniform(0.08, 0.2), rng.uniform(1.5, 3.5)),
          min(1.0, colour + 0.12), bulge)  # fmt: skip
    return Drawing(canvas, {
        "axis_ratio": ratio, "inclination": inclination, "bulge_fraction": float(bulge),
        "colour_index": colour,
    })  # fmt: skip


def draw_edge_on(rng: np.random.Generator, radius: float) -> Drawing:
    """Draw a disc from the side, with or without bulge, boxy bulge, dust lane and warp."""
    colour, scale = rng.uniform(0.15, 0.9), radius * rng.uniform(0.2, 0.38)
    height = max(scale * rng.uniform(0.14, 0.42), 0.7)
    bulge = float(rng.choice([0.0, rng.uniform(0.08, 0.5)], p=[0.35, 0.65]))
    boxy = bool(bulge > 0.15 and rng.random() < 0.25)
    warp = float(rng.choice([0.0, rng.uniform(0.08, 0.2)], p=[0.85, 0.15]))
    u, v = place(*jitter(rng), random_angle(rng))
    bent = v - _bend(rng, u, radius, warp)
    canvas = empty()
    paint(canvas, edge_on_disc(u, bent, scale, height), colour, 1 - bulge)
    if bulge:
        paint(canvas, _side_bulge(rng, u, v, scale, boxy), min(1.0, colour + 0.2), bulge)
    dust = float(rng.choice([0.0, rng.uniform(0.7, 2.2)], p=[0.62, 0.38]))
    if dust and radius > 14:
        lane = np.exp(-0.5 * ((bent - rng.normal(0, 0.2) * height) / max(0.4 * height, 0.6)) ** 2)
        redden(canvas, dust * lane * np.exp(-0.5 * (u / (1.6 * scale)) ** 2))
    return Drawing(canvas, {
        "axis_ratio": float(np.clip(1.7 * height / scale * (1 + bulge), 0.1, 0.5)),
        "inclination": float(rng.uniform(84, 90)), "edge_on": True, "bulge_fraction": bulge,
        "boxy_bulge": boxy, "warp": warp > 0, "dust_lane": bool(dust and radius > 14),
        "colour_index": colour,
    })  # fmt: skip


def _bend(rng: np.random.Generator, u: Plane, radius: float, warp: float) -> Plane:
    """Lift the ends of a warped disc, mostly to opposite sides."""
    beyond = np.maximum(np.abs(u) - np.float32(0.35 * radius), 0)
    sides = np.sign(u) if rng.random() < 0.8 else np.ones_like(u)
    return np.asarray(warp * sides * beyond**2 / (0.65 * radius), dtype=np.float32)


def _side_bulge(rng: np.random.Generator, u: Plane, v: Plane, scale: float, boxy: bool) -> Plane:
    ratio, size = rng.uniform(0.55, 0.9), scale * rng.uniform(0.25, 0.6)
    if not boxy:
        return sersic(radius_of(u, v / ratio), size, rng.uniform(1.2, 3.0))
    corner = (np.abs(u) ** 4 + np.abs(v / ratio) ** 4 + 0.1) ** 0.25
    return sersic(corner, size, 1.0)
