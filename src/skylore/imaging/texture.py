"""How much the light of a source departs from smooth elliptical rings, overall and in fine detail.

Display images are compressive: an asinh stretch is linear up to a knee and logarithmic above it
(Lupton et al. 2004), so that the same relative contrast of the light is a constant *share* of faint
pixels and a constant *number of counts* in bright ones. Departures are therefore taken relative to
``K tanh(light / K)``; relative to the light itself the arms of a bright galaxy would count less
than the noise of a faint one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from skylore.imaging.structure import Ellipse, elliptical_radius

__all__ = ["fine_structure", "residual_light"]

_Image = NDArray[np.float64]
_Mask = NDArray[np.bool_]

_KNEE = 20.0  # counts
_FAINTEST = 3.0  # counts, so that no pixel of the rim is divided by nothing
_COARSEST = 0.3  # of the half-light radius
_BAND_NOISE = 0.5  # of white noise, what passes a band from 0.5 pixels on
_RANGE = (0.25, 1.6)  # of the half-light radius: outside the core, inside the noise


def residual_light(light: _Image, segment: _Mask, ellipse: Ellipse, noise: float) -> float:
    """Mean departure from smooth elliptical rings, relative to the stretched light.

    The model falls with elliptical radius through the medians of rings; interpolating it keeps the
    steep profile of a small source from being taken for structure. What the noise alone would give
    is taken off.

    Parameters
    ----------
    light, segment
        ``(H, W)`` light above the sky, and pixels of the source.
    ellipse
        Of the source.
    noise
        Standard deviation of the sky.

    Returns
    -------
    float
        At least 0; NaN if too few pixels are there to tell.
    """
    departure, inside = _departure(light, segment, ellipse)
    if inside.sum() < 8:
        return float("nan")
    stretched = _stretched(light[inside])
    by_noise = np.sqrt(2 / np.pi) * noise / stretched
    return max(float(np.mean(np.abs(departure[inside]) / stretched - by_noise)), 0.0)


def fine_structure(light: _Image, segment: _Mask, ellipse: Ellipse, noise: float) -> float:
    """Contrast of arms, rings and clumps: the departure from smooth rings at small scales.

    The median size of the departure in a band of scales below 0.3 half-light radii, relative to the
    stretched light and less what noise would give in quadrature. Gradients, misfitted ellipses
    and lopsided light are wider than the band; the median asks that much of the galaxy is
    structured, not one clump or companion. It knows no number of arms, so that flocculent and
    many-armed spirals count, which a two-armed pattern misses.

    Parameters
    ----------
    light, segment, ellipse, noise
        As for :func:`residual_light`.

    Returns
    -------
    float
        At least 0; NaN if too few pixels are there to tell.
    """
    from scipy.ndimage import gaussian_filter

    departure, inside = _departure(light, segment, ellipse)
    if inside.sum() < 8:
        return float("nan")
    coarsest = max(_COARSEST * ellipse.half_light, 1.0)
    weight = gaussian_filter(segment.astype(np.float64), coarsest)
    wide = gaussian_filter(departure, coarsest) / np.maximum(weight, 1e-3)
    band = gaussian_filter(np.where(segment, departure - wide, 0), 0.5)[inside]
    stretched = _stretched(light[inside])
    seen = float(np.median(np.abs(band) / stretched))
    by_noise = 0.6745 * _BAND_NOISE * noise / float(np.median(stretched))
    return float(np.sqrt(max(seen**2 - by_noise**2, 0.0)))


def _departure(light: _Image, segment: _Mask, ellipse: Ellipse) -> tuple[_Image, _Mask]:
    """Light less the model of rings, 0 off the source, and the pixels to judge by."""
    rows, columns = np.nonzero(segment)
    radius = elliptical_radius(columns, rows, ellipse)
    flux = light[rows, columns]
    order = np.argsort(radius, kind="stable")
    rings = int(max(4, min(2 * radius.max(), radius.size / 6)))
    at, level = (
        np.array([np.median(ring) for ring in np.array_split(value[order], rings) if ring.size])
        for value in (radius, flux)
    )
    model = np.interp(radius, at, np.minimum.accumulate(level))
    departure = np.zeros_like(light)
    departure[rows, columns] = flux - model
    low, high = (share * ellipse.half_light for share in _RANGE)
    inside = np.zeros_like(segment)
    inside[rows, columns] = (radius > low) & (radius < high)
    return departure, inside


def _stretched(light: _Image) -> _Image:
    stretched: _Image = _KNEE * np.tanh(np.maximum(light, _FAINTEST) / _KNEE)
    return stretched
