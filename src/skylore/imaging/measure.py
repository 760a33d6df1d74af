"""Structural parameters of the central source of a display image.

Display images are nonlinear (asinh) and 8-bit. A Sérsic index, a Gini coefficient or a colour
measured on one is an *apparent* figure: it ranks and compares objects drawn alike, and differs from
what calibrated flux would give.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skylore.encoders.base import Pixels
from skylore.errors import ImageError
from skylore.imaging.measurements import (
    FLAG_BAD,
    FLAG_GOOD,
    FLAG_NO_SOURCE,
    FLAG_SUSPECT,
    MEASUREMENT_SCHEMA,
)
from skylore.imaging.neighbours import find_neighbours
from skylore.imaging.segment import Scene, segment_scene
from skylore.imaging.spikes import spike_strength
from skylore.imaging.structure import (
    Ellipse,
    arm_strength,
    colour_index,
    fit_ellipse,
    outline,
)
from skylore.imaging.texture import fine_structure, residual_light
from skylore.quiet import quiet

__all__ = ["MEASUREMENT_SCHEMA", "measure"]

_WORKING_SIDE = 80
_WHITE = 250.0
_MOST_SATURATED = 0.5
_OUTLINE_LEVEL = 0.1  # of the peak

_STATMORPH = {
    "sersic_n": "sersic_n",
    "petrosian_radius": "rpetro_ellip",
    "concentration": "concentration",
    "asymmetry": "asymmetry",
    "smoothness": "smoothness",
    "gini": "gini",
    "m20": "m20",
    "multimode": "multimode",
    "intensity": "intensity",
    "deviation": "deviation",
    "shape_asymmetry": "shape_asymmetry",
    "sersic_half_light_radius": "sersic_rhalf",
}
_LENGTHS = (
    "sersic_half_light_radius", "half_light_radius", "petrosian_radius", "offset",
)  # fmt: skip
_STATMORPH_FAILURES = (ArithmeticError, AssertionError, LookupError, RuntimeError, ValueError)


@dataclass(frozen=True)
class _Source:
    """The central source, cut free."""

    scene: Scene
    segment: NDArray[np.bool_]
    hidden: NDArray[np.bool_]
    ellipse: Ellipse


def measure(image: Pixels, *, working_side: int = _WORKING_SIDE) -> dict[str, float]:
    """Measure the central source of one display image.

    Deterministic. An image on which something cannot be measured is no error: the figure is NaN and
    ``measure_flag`` says why. To use several cores, call it in several processes; in
    threads the calls take turns.

    Parameters
    ----------
    image
        ``(H, W, 3)`` uint8.
    working_side
        Images of twice this side or more are averaged down by a whole factor first, to about this
        side. Survey cutouts are drawn with several pixels to the seeing disk, so structure
        survives, and the cost falls with the area.

    Returns
    -------
    dict
        A value for each field of :data:`MEASUREMENT_SCHEMA`; lengths in pixels of ``image``.

    Raises
    ------
    ImageError
        ``image`` is no display image.
    """
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
        raise ImageError(
            f"measurement needs a display image (H, W, 3) uint8, not {image.shape} {image.dtype}"
        )
    figures = dict.fromkeys(MEASUREMENT_SCHEMA.names, float("nan"))
    figures["measure_flag"] = FLAG_NO_SOURCE
    factor = max(1, max(image.shape[:2]) // working_side)
    if min(image.shape[:2]) < 8 * factor:
        return figures
    small = _average_down(image, factor)
    scene = segment_scene(small.mean(axis=2))
    if not scene.central:
        return figures
    segment = scene.labels == scene.central
    hidden = (scene.labels > 0) & ~segment
    source = _Source(scene, segment, hidden, fit_ellipse(scene.light, segment))
    figures |= _own_figures(source, small)
    figures |= _statmorph_figures(source, saturation=figures["saturation"])
    for name in _LENGTHS:
        figures[name] *= factor
    figures["area"] *= factor**2
    figures["flux"] *= factor**2
    return figures


def _average_down(image: Pixels, factor: int) -> NDArray[np.float64]:
    """Average blocks of ``factor`` × ``factor`` pixels; what is left over at the rim is cut off."""
    height, width = (side // factor for side in image.shape[:2])
    top, left = ((side % factor) // 2 for side in image.shape[:2])
    whole = image[top : top + height * factor, left : left + width * factor].astype(np.float64)
    blocks = whole.reshape(height, factor, width, factor, 3)
    small: NDArray[np.float64] = blocks.mean(axis=(1, 3))
    return small


def _own_figures(source: _Source, small: NDArray[np.float64]) -> dict[str, float]:
    """Everything that does not need statmorph."""
    scene, ellipse, light = source.scene, source.ellipse, source.scene.light
    inside = light[source.segment]
    arms, lopsided = arm_strength(light, source.hidden, ellipse)
    blend = scene.blends == scene.blends[source.segment].max()
    level = max(_OUTLINE_LEVEL * inside.max(), 3 * scene.noise)
    outline_asymmetry, solidity = outline(light, blend, level)
    neighbours = find_neighbours(scene, ellipse)
    height, width = light.shape
    return {
        "ellipticity": ellipse.ellipticity,
        "orientation": float(np.degrees(-ellipse.angle) % 180),
        "half_light_radius": ellipse.half_light,
        "arm_strength": arms,
        "lopsidedness": lopsided,
        "residual": residual_light(light, source.segment, ellipse, scene.noise),
        "fine_structure": fine_structure(light, source.segment, ellipse, scene.noise),
        "spikes": spike_strength(small, scene, ellipse),
        "outline_asymmetry": outline_asymmetry,
        "outline_solidity": solidity,
        **_colours(source, small),
        "flux": float(inside.sum()),
        "area": float(source.segment.sum()),
        "peak": float(inside.max()),
        "saturation": float((small[source.segment].min(axis=1) >= _WHITE).mean()),
        "offset": float(np.hypot(ellipse.x - (width - 1) / 2, ellipse.y - (height - 1) / 2)),
        "companions": float(neighbours.companions),
        "nearest_companion": neighbours.nearest / ellipse.half_light,
        "contact_ratio": neighbours.contact_ratio,
        "contact_distance": neighbours.contact_distance / ellipse.half_light,
    }


def _colours(source: _Source, small: NDArray[np.float64]) -> dict[str, float]:
    """Overall colour, and how much redder the inner part is than the rest."""
    sky = np.array([np.median(c[source.scene.labels == 0]) for c in np.moveaxis(small, 2, 0)])
    red, blue = (small - sky)[..., 0], (small - sky)[..., 2]
    y, x = np.mgrid[: small.shape[0], : small.shape[1]]
    from_centre = np.hypot(x - source.ellipse.x, y - source.ellipse.y)
    inner = source.segment & (from_centre < max(0.5 * source.ellipse.half_light, 1.0))
    outer = source.segment & ~inner
    return {
        "colour": colour_index(red, blue, source.segment),
        "colour_gradient": colour_index(red, blue, inner) - colour_index(red, blue, outer),
    }


def _statmorph_figures(source: _Source, *, saturation: float) -> dict[str, float]:
    """Non-parametric statistics and the Sérsic fit (Rodriguez-Gomez et al. 2019), and the flag."""
    morphology = _run_statmorph(source)
    flag = FLAG_BAD if morphology is None else min(int(morphology["flag"]), FLAG_BAD)
    if saturation > _MOST_SATURATED:
        flag = FLAG_BAD
    figures = dict.fromkeys(_STATMORPH, float("nan"))
    if morphology is not None and flag < FLAG_BAD:
        figures = {name: float(morphology[ours]) for name, ours in _STATMORPH.items()}
        if morphology["flag_sersic"]:
            figures["sersic_n"] = figures["sersic_half_light_radius"] = float("nan")
    if flag == FLAG_GOOD and not np.isfinite(figures["gini"] + figures["asymmetry"]):
        flag = FLAG_SUSPECT
    return {"measure_flag": flag, **figures}


def _run_statmorph(source: _Source) -> Mapping[str, Any] | None:
    """Run statmorph in silence; ``None`` where it breaks down, as it may on odd segments."""
    import statmorph

    scene = source.scene
    with quiet(), np.errstate(all="ignore"):
        try:
            morphology = statmorph.SourceMorphology(
                scene.light,
                source.segment.astype(np.int32),
                1,
                mask=source.hidden,
                weightmap=np.full(scene.light.shape, scene.noise),
                skybox_size=16,
                min_cutout_size=32,
            )
        except _STATMORPH_FAILURES:
            return None
    names = ("flag", "flag_sersic", *_STATMORPH.values())
    return {name: getattr(morphology, name) for name in names}
