"""Diffraction spikes, which only a bright point source has."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from skylore.imaging.segment import Scene
from skylore.imaging.structure import Ellipse

__all__ = ["spike_strength"]

_ANGLES = 192
_FIRST, _LAST = 1.2, 3.5  # of the core's radius
_FEWEST_RINGS = 4


def spike_strength(bands: NDArray[np.float64], scene: Scene, ellipse: Ellipse) -> float:
    """Excess light along four straight rays at right angles, from the centre of the source.

    The vanes that hold a secondary mirror diffract a point source into a cross that runs straight
    out from it. On each ring around the core the light is taken relative to the ring's
    median; the median over the rings keeps only what lies on a straight ray, and the faintest of
    four rays a quarter turn apart keeps only crosses: arms wind, and disks, bars and
    neighbours have no fourfold symmetry. The strongest of the bands counts, since spikes
    lengthen and turn with wavelength and instrument.

    Parameters
    ----------
    bands
        ``(H, W, 3)`` display counts.
    scene
        Of the same image.
    ellipse
        Of the central source.

    Returns
    -------
    float
        In units of the light between the spikes; NaN if the image ends too near the core.
    """
    from scipy.ndimage import map_coordinates

    own = scene.labels == scene.central
    hidden = (scene.labels > 0) & ~own
    core = np.sqrt((own & (scene.light > 0.5 * scene.light[own].max())).sum() / np.pi)
    last = min(_LAST * core + 4, min(scene.light.shape) / 2 - 1)
    radii = np.arange(_FIRST * core + 1, last, 0.5)
    if radii.size < _FEWEST_RINGS:
        return float("nan")
    theta = np.arange(_ANGLES) * (2 * np.pi / _ANGLES)
    y = ellipse.y + radii[:, None] * np.sin(theta)
    x = ellipse.x + radii[:, None] * np.cos(theta)
    crosses = []
    for band in np.moveaxis(bands, 2, 0):
        light = np.where(hidden, 0, band - np.median(band[scene.labels == 0]))
        rings = map_coordinates(light, [y, x], order=1, mode="nearest")
        between = np.median(rings, axis=1, keepdims=True)
        excess = (rings - between) / (np.abs(between) + 4 * scene.noise)
        ray = np.median(excess, axis=0)
        crosses.append((ray - np.median(ray)).reshape(4, _ANGLES // 4).min(axis=0).max())
    return float(max(crosses))
