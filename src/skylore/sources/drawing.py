"""Drawing flux as a display image, whatever file it comes from."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skylore.encoders.base import Pixels
from skylore.errors import ImageError
from skylore.imaging.decode import encode_png
from skylore.imaging.render import Rendering, render_bands
from skylore.sources.bands import reddest_first

__all__ = ["describe_rendering", "draw_flux", "picture_of"]


def draw_flux(
    flux: NDArray[Any], bands: Sequence[str], rendering: Rendering | None
) -> tuple[Pixels, Rendering]:
    """Draw ``(H, W, 3)`` pixels in the row order of the flux, and say how.

    Parameters
    ----------
    flux
        ``(B, H, W)``.
    bands
        ``B`` names, all different.
    rendering
        How to draw. If None, the bands that hold anything are drawn, the reddest as red; a band
        of one value throughout, as surveys fill in where they have not observed, is left out.

    Raises
    ------
    ImageError
        If a band that the rendering asks for is missing, or nothing is finite.
    """
    chosen = rendering or Rendering(bands=reddest_first(_observed(flux, bands)))
    missing = [band for band in chosen.bands if band not in bands]
    if missing:
        raise ImageError(f"band {', '.join(missing)} is missing; the file has {', '.join(bands)}.")
    order = [list(bands).index(band) for band in chosen.bands]
    return render_bands(flux[order], chosen), chosen


def _observed(flux: NDArray[Any], bands: Sequence[str]) -> list[str]:
    """Name the bands with at least two values; all of them where none has."""
    finite = np.where(np.isfinite(flux), flux, np.nan)
    with np.errstate(invalid="ignore"):
        low = np.nanmin(finite, axis=(1, 2), initial=np.inf)
        high = np.nanmax(finite, axis=(1, 2), initial=-np.inf)
    observed = [band for band, some in zip(bands, high > low, strict=True) if some]
    return observed or list(bands)


def picture_of(
    flux: NDArray[Any], bands: Sequence[str], rendering: Rendering | None
) -> tuple[bytes, str]:
    """Draw flux ``(B, H, W)`` with its first row at the bottom; give PNG bytes, and how.

    Raises
    ------
    ImageError
        As :func:`draw_flux`.
    """
    pixels, drawn = draw_flux(flux, bands, rendering)
    # The first row of FITS is the bottom one; drawn otherwise, spirals turn the wrong way.
    return encode_png(np.ascontiguousarray(pixels[::-1])), describe_rendering(drawn)


def describe_rendering(rendering: Rendering) -> str:
    """Write a rendering as JSON for provenance, with the turn that display images need."""
    return json.dumps({**json.loads(rendering.describe()), "flip": "vertical"}, sort_keys=True)
