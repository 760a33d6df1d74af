"""A disc on the sky, and the parts that spirals and rings share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skylore.simulation.canvas import Colours, Plane, add_points, inclined, paint, place, tint
from skylore.simulation.drawing import Facts, jitter, random_angle
from skylore.simulation.profiles import bar, radius_of, sersic

__all__ = ["Disc", "add_bar", "add_bulge", "add_knots", "facts_of_disc", "lay_disc"]


@dataclass(frozen=True)
class Disc:
    """A disc on the sky: its geometry, and polar coordinates in its own plane.

    Attributes
    ----------
    centre
        Pixels from the middle of the frame.
    angle
        Position angle of the major axis in radians.
    inclination
        Degrees; 0 is face-on.
    u, v, r, theta
        Coordinates in the plane.
    radius
        Apparent radius in pixels.
    scale
        Exponential scale length in pixels.
    """

    centre: tuple[float, float]
    angle: float
    inclination: float
    u: Plane
    v: Plane
    r: Plane
    theta: Plane
    radius: float
    scale: float

    @property
    def ratio(self) -> float:
        """Axis ratio on the sky."""
        return inclined(self.inclination)


def lay_disc(rng: np.random.Generator, radius: float, steepest: float = 66.0) -> Disc:
    """Lay a disc at a random angle, no steeper than ``steepest`` degrees."""
    inclination = float(np.degrees(np.arccos(rng.uniform(np.cos(np.radians(steepest)), 1.0))))
    centre, angle = jitter(rng), random_angle(rng)
    u, v = place(*centre, angle, inclined(inclination))
    scale = radius * rng.uniform(0.24, 0.45)
    theta = np.arctan2(v, u)
    return Disc(centre, angle, inclination, u, v, radius_of(u, v), theta, radius, scale)


def add_bar(
    rng: np.random.Generator, canvas: Colours, disc: Disc, *, length: float, angle: float,
    flux: float,
) -> None:  # fmt: skip
    """Add a bar of ``length`` pixels at ``angle`` in the plane of the disc."""
    cosine, sine = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    along, across = cosine * disc.u + sine * disc.v, cosine * disc.v - sine * disc.u
    light = bar(along, across, length, rng.uniform(0.2, 0.4), rng.uniform(2.0, 3.5))
    paint(canvas, light, rng.uniform(0.55, 0.9), flux)


def add_bulge(rng: np.random.Generator, canvas: Colours, disc: Disc, flux: float) -> None:
    """Add a bulge, the larger the more light it has."""
    r = radius_of(*place(*disc.centre, disc.angle, 0.5 + 0.5 * disc.ratio))
    size = disc.radius * (0.04 + 0.32 * flux * rng.uniform(0.5, 1.2))
    paint(canvas, sersic(r, size, rng.uniform(1.0, 3.2)), rng.uniform(0.6, 0.95), flux)


def add_knots(
    rng: np.random.Generator, canvas: Colours, disc: Disc,
    at: tuple[NDArray[np.floating], NDArray[np.floating]], flux: float,
) -> None:  # fmt: skip
    """Add ``K`` knots ``at`` radii ``(K,)`` in pixels and azimuths ``(K,)`` in the disc's plane."""
    r, theta = at
    u, v = r * np.cos(theta), r * np.sin(theta) * disc.ratio
    x = disc.centre[0] + u * np.cos(disc.angle) - v * np.sin(disc.angle)
    y = disc.centre[1] + u * np.sin(disc.angle) + v * np.cos(disc.angle)
    share = rng.exponential(1.0, len(x))
    colours = tint(float(rng.uniform(0.0, 0.25)))[:, None]
    add_points(canvas, x, y, colours * share / share.sum() * flux)


def facts_of_disc(disc: Disc, bulge: float) -> Facts:
    """Return what is true of any disc."""
    return {
        "axis_ratio": disc.ratio,
        "inclination": disc.inclination,
        "bulge_fraction": float(bulge),
    }
