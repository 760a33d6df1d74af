"""Surface-brightness profiles and patterns, in any units of brightness."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from skylore.simulation.canvas import CANVAS, Plane

__all__ = [
    "annulus", "bar", "edge_on_disc", "exponential", "fade_in", "radius_of", "ridge", "sersic",
    "smooth_field", "winding_phase",
]  # fmt: skip

_SOFTENING = np.float32(0.45)
"""Pixels within which a cusp is flat, as it would be averaged over a pixel."""


def radius_of(u: Plane, v: Plane) -> Plane:
    """Return the distance from the centre, softened within the central pixel."""
    return _plane(np.sqrt(u * u + v * v + _SOFTENING**2))


def sersic(radius: Plane, effective_radius: float, index: float) -> Plane:
    """Return the profile of Sérsic (1963), 1 at the effective radius.

    ``b_n`` follows Prugniel & Simien (1997), good to 1e-3 for ``0.5 <= n <= 10``.
    """
    b = 2 * index - 1 / 3 + 0.009876 / index
    scaled = (radius / np.float32(effective_radius)) ** np.float32(1 / index)
    return _plane(np.exp(np.float32(-b) * (scaled - 1)))


def exponential(radius: Plane, scale: float) -> Plane:
    """Return the exponential disc of Freeman (1970), 1 at the centre."""
    return _plane(np.exp(radius * np.float32(-1 / scale)))


def annulus(radius: Plane, middle: float, width: float) -> Plane:
    """Return a ring of Gaussian section, 1 on its crest; ``width`` is one standard deviation."""
    return _plane(np.exp(np.float32(-0.5 / width**2) * (radius - np.float32(middle)) ** 2))


def bar(u: Plane, v: Plane, length: float, ratio: float, boxiness: float) -> Plane:
    """Return a flat-topped bar whose outline is a generalised ellipse (Athanassoula et al. 1990).

    Parameters
    ----------
    u, v
        Coordinates along and across it, in the plane of the disc.
    length
        Semi-major axis in pixels.
    ratio
        Minor over major axis.
    boxiness
        The exponent ``c``: 2 is an ellipse, more is boxy.
    """
    c = np.float32(boxiness)
    along = np.abs(u * np.float32(1 / length)) ** c
    across = np.abs(v * np.float32(1 / (length * ratio))) ** c
    return _plane(np.exp(-np.minimum((along + across) ** np.float32(3 / boxiness), 60)))


def edge_on_disc(u: Plane, v: Plane, scale: float, height: float) -> Plane:
    """Return a disc seen from the side: exponential along it, sech² across (van der Kruit 1981).

    The line-of-sight integral ``(|u|/h) K1(|u|/h)`` is drawn by its close, smooth approximation
    ``exp(1 - sqrt(1 + (u/h)²))``.
    """
    along = np.exp(1 - np.sqrt(1 + (u * np.float32(1 / scale)) ** 2))
    across = np.cosh(np.minimum(np.abs(v) * np.float32(1 / height), 30)) ** -2
    return _plane(along * across)


def winding_phase(radius: Plane, angle: Plane, arms: int, pitch: float, start: float) -> Plane:
    """Return the phase of a logarithmic spiral; an arm lies where it is a multiple of 2π.

    Parameters
    ----------
    radius, angle
        Polar coordinates in the plane of the disc.
    arms
        How many arms.
    pitch
        Pitch angle in degrees; a negative one winds the other way.
    start
        Radius in pixels at which the first arm crosses angle 0.
    """
    slope = np.float32(1 / np.tan(np.radians(pitch)))
    return _plane(np.float32(arms) * (angle - np.log(radius * np.float32(1 / start)) * slope))


def ridge(phase: Plane, sharpness: float) -> Plane:
    """Return arms along a phase: a von Mises crest, 1 on the arm."""
    return _plane(np.exp(np.float32(sharpness) * (np.cos(phase) - 1)))


def fade_in(radius: Plane, at: float, width: float) -> Plane:
    """Return a step from 0 inside ``at`` to 1 outside it; a negative width steps down."""
    return _plane(0.5 * (1 + np.tanh((radius - np.float32(at)) * np.float32(1 / width))))


def smooth_field(rng: np.random.Generator, scale: float) -> Plane:
    """Return Gaussian noise of unit variance that is smooth over ``scale`` pixels."""
    from scipy import fft

    white: NDArray[np.float32] = rng.standard_normal((CANVAS, CANVAS), dtype=np.float32)
    frequency = np.fft.fftfreq(CANVAS).astype(np.float32)
    decay = np.exp(np.float32(-2 * np.pi**2 * scale**2) * frequency**2)
    spectrum = fft.rfft2(white) * (decay[:, None] * decay[None, : CANVAS // 2 + 1])
    field = fft.irfft2(spectrum, s=white.shape)
    return _plane(field / (field.std() + 1e-12))


def _plane(values: NDArray[Any]) -> Plane:
    return np.asarray(values, dtype=np.float32)
