"""Companions of a galaxy: how many, how near, how bright, and whether they touch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skylore.imaging.segment import Scene
from skylore.imaging.structure import Ellipse

__all__ = ["Neighbours", "find_neighbours"]

_REACH = 4.0  # in half-light radii
_FAINTEST = 0.1  # of the central flux


@dataclass(frozen=True)
class Neighbours:
    """Sources beside the central one.

    Attributes
    ----------
    companions
        Number of sources with at least a tenth of the central flux, within 4 half-light radii.
    nearest
        Distance to the nearest of them, in pixels; NaN if there is none.
    contact_ratio
        Flux of the brightest extended source whose isophotes touch the central source's, over the
        central flux or the inverse, so that it is at most 1; 0 if nothing touches.
    contact_distance
        Distance between the two peaks, in pixels; NaN if nothing touches.
    """

    companions: int
    nearest: float
    contact_ratio: float
    contact_distance: float


def find_neighbours(scene: Scene, ellipse: Ellipse) -> Neighbours:
    """Describe what stands next to the central source of ``scene``.

    A touching source counts as extended, and so possibly as a galaxy, if the area above
    half of its peak is at least a third of the central source's: stars are compact.
    """
    light = np.clip(scene.light, 0, None)
    count = int(scene.labels.max())
    flux = np.bincount(scene.labels.ravel(), light.ravel(), count + 1)
    central = scene.central
    own_blend = scene.blends[scene.labels == central].max()
    own_core = _core_area(light, scene.labels == central)
    nearest, companions = float("nan"), 0
    contact, apart = 0.0, float("nan")
    for other in range(1, count + 1):
        if other == central or flux[other] < _FAINTEST * flux[central]:
            continue
        member = scene.labels == other
        distance = _distance(light, member, ellipse)
        if distance <= _REACH * ellipse.half_light:
            companions += 1
            nearest = float(np.fmin(nearest, distance))
        ratio = min(flux[other] / flux[central], flux[central] / flux[other])
        touches = scene.blends[member].max() == own_blend
        if touches and ratio > contact and _core_area(light, member) >= own_core / 3:
            contact, apart = float(ratio), distance
    return Neighbours(companions, nearest, contact, apart)


def _distance(light: NDArray[np.float64], member: NDArray[np.bool_], ellipse: Ellipse) -> float:
    """From the central peak to the peak of another source."""
    y, x = np.unravel_index(int(np.argmax(np.where(member, light, -1.0))), light.shape)
    return float(np.hypot(x - ellipse.x, y - ellipse.y))


def _core_area(light: NDArray[np.float64], member: NDArray[np.bool_]) -> int:
    return int((light[member] > 0.5 * light[member].max()).sum())
