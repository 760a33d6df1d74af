"""Strong gravitational lenses, by tracing rays through an elliptical isothermal mass."""

from __future__ import annotations

import numpy as np

from skylore.simulation.canvas import Plane, empty, paint, place
from skylore.simulation.drawing import Drawing, jitter, random_angle
from skylore.simulation.profiles import radius_of, sersic

__all__ = ["deflection", "draw_lens"]


def deflection(x: Plane, y: Plane, einstein_radius: float, ratio: float) -> tuple[Plane, Plane]:
    """Return the deflection of a singular isothermal ellipsoid, in pixels.

    Kormann, Schneider & Bartelmann (1994, A&A 284, 285), equation 27a, with the intermediate-axis
    normalisation.

    Parameters
    ----------
    x, y
        Image-plane coordinates along the major and the minor axis, in pixels.
    einstein_radius
        Pixels.
    ratio
        Axis ratio of the mass; 1 is the round sphere.
    """
    squashed = min(ratio, 0.9999)
    focal = np.sqrt(1 - squashed**2)
    psi = np.sqrt(np.float32(squashed**2) * x * x + y * y) + np.float32(1e-6)
    front = np.float32(einstein_radius * np.sqrt(squashed) / focal)
    along = front * np.arctan(np.float32(focal) * x / psi)
    across = front * np.arctanh(np.clip(np.float32(focal) * y / psi, -1 + 1e-6, 1 - 1e-6))
    return along, across


def draw_lens(rng: np.random.Generator, radius: float) -> Drawing:
    """Draw a red elliptical, at times with companions, and a blue source behind it.

    How far the source lies from the axis decides whether it is seen as a ring, as arcs, or as
    separate images.
    """
    shape = str(rng.choice(["ring", "arc", "images"], p=[0.25, 0.5, 0.25]))
    ratio = float(rng.uniform(0.85, 0.98) if shape == "ring" else rng.uniform(0.6, 0.95))
    einstein, angle, centre = radius * rng.uniform(0.55, 0.95), random_angle(rng), jitter(rng)
    canvas, colour = empty(), rng.uniform(0.75, 1.0)
    r = radius_of(*place(*centre, angle, ratio))
    paint(canvas, sersic(r, einstein * rng.uniform(0.25, 0.55), rng.uniform(3, 5)), colour, 1.0)
    for _ in range(int(rng.integers(0, 4)) if rng.random() < 0.45 else 0):
        x, y = np.array(centre) + rng.normal(0, 1.3 * einstein, 2)
        member = radius_of(*place(float(x), float(y), random_angle(rng), rng.uniform(0.6, 1)))
        paint(canvas, sersic(member, 0.2 * einstein, 3.0), colour, rng.uniform(0.1, 0.5))
    source = _source_seen(rng, place(*centre, angle), einstein, ratio, shape)
    paint(canvas, source, rng.uniform(0.0, 0.25), rng.uniform(0.3, 1.1))
    return Drawing(canvas, {
        "axis_ratio": ratio, "lens": shape, "einstein_radius": float(einstein),
        "colour_index": colour,
    })  # fmt: skip


def _source_seen(
    rng: np.random.Generator, at: tuple[Plane, Plane], einstein: float, ratio: float, shape: str
) -> Plane:
    """Return the source's light where its rays arrive; lensing keeps surface brightness."""
    offset = {"ring": (0.0, 0.06), "arc": (0.15, 0.55), "images": (0.1, 0.6)}[shape]
    size = {"ring": (0.1, 0.22), "arc": (0.1, 0.25), "images": (0.03, 0.07)}[shape]
    away, turn = einstein * rng.uniform(*offset), random_angle(rng)
    bent = deflection(*at, einstein, ratio)
    x = at[0] - bent[0] - np.float32(away * np.cos(turn))
    y = at[1] - bent[1] - np.float32(away * np.sin(turn))
    scale = max(einstein * rng.uniform(*size), 0.7)
    return sersic(np.sqrt(x * x + y * y + 1e-4), scale, 1.0)
