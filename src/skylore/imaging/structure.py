"""Structure of a galaxy beyond statmorph: spiral arms, lumps, outline, colour."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Ellipse", "arm_strength", "colour_index", "elliptical_radius", "fit_ellipse", "outline",
]  # fmt: skip

_Image = NDArray[np.float64]
_Mask = NDArray[np.bool_]

_RINGS = 16
_ANGLES = 96
_WINDING = np.concatenate([np.arange(-8.0, -1.4, 0.5), np.arange(1.5, 8.1, 0.5)])


@dataclass(frozen=True)
class Ellipse:
    """The shape of a source from its second moments.

    Attributes
    ----------
    x, y
        Centre: the flux-weighted middle of the brightest fifth of the light, in pixels.
    ellipticity
        ``1 − b/a``.
    angle
        Of the major axis, from the positive x axis towards positive y, in radians.
    half_light
        Semi-major axis that holds half of the segment's light, in pixels.
    """

    x: float
    y: float
    ellipticity: float
    angle: float
    half_light: float


def fit_ellipse(light: _Image, segment: _Mask) -> Ellipse:
    """Describe the light of ``segment`` by an ellipse (Stobie 1980 moments).

    Parameters
    ----------
    light
        ``(H, W)`` above the sky.
    segment
        ``(H, W)`` pixels of the source; at least one of them with light.
    """
    rows, columns = np.nonzero(segment)
    flux = np.clip(light[rows, columns], 0, None)
    bright = flux >= _level_holding(flux, 0.2)
    x0, y0 = (np.average(c[bright], weights=flux[bright]) for c in (columns, rows))
    xm, ym = (np.average(c, weights=flux) for c in (columns, rows))
    # each pixel is a square of variance 1/12, not a point
    xx = np.average((columns - xm) ** 2, weights=flux) + 1 / 12
    yy = np.average((rows - ym) ** 2, weights=flux) + 1 / 12
    xy = np.average((columns - xm) * (rows - ym), weights=flux)
    root = np.hypot((xx - yy) / 2, xy)
    minor, major = (xx + yy) / 2 - root, (xx + yy) / 2 + root
    axis_ratio = float(np.sqrt(max(minor, 0) / major))
    angle = 0.5 * float(np.arctan2(2 * xy, xx - yy))
    shape = Ellipse(float(x0), float(y0), 1 - axis_ratio, angle, 0.5)
    radius = elliptical_radius(columns, rows, shape)
    order = np.argsort(radius, kind="stable")
    share = np.cumsum(flux[order])
    half = radius[order][np.searchsorted(share, 0.5 * share[-1])]
    return replace(shape, half_light=max(float(half), 0.5))


def arm_strength(light: _Image, hidden: _Mask, ellipse: Ellipse) -> tuple[float, float]:
    r"""Amplitudes of two-armed logarithmic spirals and of lopsidedness.

    The light is deprojected with ``ellipse`` and sampled on rings between 0.4 and 2 half-light
    radii. With the relative Fourier coefficients :math:`C_m(r)` of each ring, the spiral amplitude
    is :math:`\max_p |\langle C_2(r) e^{-ip\ln r}\rangle|` over winding numbers
    :math:`1.5 ≤ |p| ≤ 8` (Considère & Athanassoula 1982; Puerari & Dottori 1992), less
    half the unwound amplitude at :math:`p = 0`, which bars and misfitted ellipses make. The
    lopsided amplitude is the mean of :math:`|C_1|` (Rix & Zaritsky 1995).

    Parameters
    ----------
    light
        ``(H, W)`` above the sky.
    hidden
        ``(H, W)`` pixels of other sources, which count as no light.
    ellipse
        Of the source.

    Returns
    -------
    tuple of float
        Spiral and lopsided amplitude, relative to the mean light of a ring.
    """
    from scipy.ndimage import map_coordinates

    radii = np.geomspace(0.4, 2.0, _RINGS) * ellipse.half_light
    theta = np.arange(_ANGLES) * (2 * np.pi / _ANGLES)
    u = radii[:, None] * np.cos(theta)
    v = radii[:, None] * np.sin(theta) * (1 - ellipse.ellipticity)
    x = ellipse.x + u * np.cos(ellipse.angle) - v * np.sin(ellipse.angle)
    y = ellipse.y + u * np.sin(ellipse.angle) + v * np.cos(ellipse.angle)
    rings = map_coordinates(np.where(hidden, 0, light), [y, x], order=1, mode="nearest")
    fourier = np.fft.rfft(rings, axis=1)
    mean = np.maximum(fourier[:, 0].real, 1e-9)
    trusted = mean / _ANGLES > 0.02 * rings.max()
    if trusted.sum() < 4:
        return float("nan"), float("nan")
    twofold = (fourier[:, 2] / mean)[trusted]
    phase = np.exp(-1j * np.outer(_WINDING, np.log(radii[trusted])))
    wound = np.abs(phase @ twofold).max() / trusted.sum()
    unwound = np.abs(twofold.mean())
    lopsided = np.abs(fourier[:, 1] / mean)[trusted].mean()
    return float(max(wound - 0.5 * unwound, 0.0)), float(lopsided)


def outline(light: _Image, blend: _Mask, level: float) -> tuple[float, float]:
    """Asymmetry and solidity of the outline of everything that is connected.

    Asymmetry is the share of the outline's area that has no counterpart after half a turn about
    its middle (shape asymmetry, Pawlik et al. 2016); solidity is the area over that of the
    convex hull. Tails, bridges and pairs in contact raise the one and lower the other.

    Parameters
    ----------
    light, blend
        ``(H, W)`` light above the sky, and pixels of the connected region.
    level
        Light at the outline.
    """
    from scipy.ndimage import gaussian_filter
    from skimage.measure import label
    from skimage.morphology import convex_hull_image

    above = label((gaussian_filter(light, 1.0) > level) & blend)
    if not above.any():
        return float("nan"), float("nan")
    shape = above == np.argmax(np.bincount(above[above > 0]))
    rows, columns = np.nonzero(shape)
    turned_y = np.rint(2 * rows.mean() - rows).astype(int)
    turned_x = np.rint(2 * columns.mean() - columns).astype(int)
    height, width = shape.shape
    on_image = (turned_y >= 0) & (turned_y < height) & (turned_x >= 0) & (turned_x < width)
    matched = shape[turned_y[on_image], turned_x[on_image]].sum() + (~on_image).sum()
    hull = convex_hull_image(shape).sum()
    return float(1 - matched / rows.size), float(rows.size / hull)


def colour_index(red: _Image, blue: _Image, where: _Mask) -> float:
    """``2.5 log10`` of the red over the blue light in ``where``; larger is redder, NaN if dark."""
    one, other = float(red[where].sum()), float(blue[where].sum())
    return 2.5 * float(np.log10(one / other)) if one > 0 and other > 0 else float("nan")


def elliptical_radius(x: NDArray[np.intp], y: NDArray[np.intp], ellipse: Ellipse) -> _Image:
    """Semi-major axis, in pixels, of the ellipse of this shape through each point ``(x, y)``."""
    right, up = x - ellipse.x, y - ellipse.y
    along = right * np.cos(ellipse.angle) + up * np.sin(ellipse.angle)
    across = up * np.cos(ellipse.angle) - right * np.sin(ellipse.angle)
    radius: _Image = np.hypot(along, across / max(1 - ellipse.ellipticity, 0.05))
    return radius


def _level_holding(flux: _Image, share: float) -> float:
    """Find the level above which ``share`` of all light lies."""
    falling = np.sort(flux)[::-1]
    light = np.cumsum(falling)
    return float(falling[np.searchsorted(light, share * light[-1])])
