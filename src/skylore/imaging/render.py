"""From flux in survey bands to a display image (Lupton et al. 2004)."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from skylore.encoders.base import Pixels
from skylore.errors import ImageError

__all__ = ["Rendering", "render_bands"]

_NOISE_TO_STRETCH = 20.0  # draws 1σ at 5 % of full brightness: sky stays dark, faint arms show


class Rendering(BaseModel):
    """How flux is drawn: what :func:`render_bands` needs, and what provenance records.

    Attributes
    ----------
    bands
        Names of the bands, in the order of the flux array's first axis.
    red, green, blue
        Names of the bands drawn in each colour. Left out, they follow from the number of bands, of
        which the first counts as the reddest: one is drawn grey, two as red and blue with their
        mean as green, three or more as the first, the middle and the last.
    weights
        A factor a band, applied before drawing, for bands in unlike units; all 1 unless given.
    minimum
        Weighted flux drawn black, a value a band; the robust background unless given.
    stretch
        Width of the nearly linear range, in weighted flux; 20 times the robust background noise of
        the mean of the drawn bands unless given. Give it, with ``minimum``, to draw many
        images on one scale.
    q
        The softening ``Q`` of the asinh; larger values compress bright cores more.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    bands: tuple[str, ...] = Field(min_length=1)
    red: str | None = None
    green: str | None = None
    blue: str | None = None
    weights: tuple[float, ...] | None = None
    minimum: tuple[float, ...] | None = None
    stretch: float | None = Field(default=None, gt=0)
    q: float = Field(default=8.0, gt=0)

    @model_validator(mode="after")
    def _agree_with_bands(self) -> Rendering:
        if len(set(self.bands)) != len(self.bands):
            raise ValueError(f"band names repeat: {', '.join(self.bands)}")
        for name in ("weights", "minimum"):
            values = getattr(self, name)
            if values is not None and len(values) != len(self.bands):
                raise ValueError(f"{name} needs one value for each of {len(self.bands)} bands")
        if self.weights is not None and min(self.weights) <= 0:
            raise ValueError("weights must be positive")
        chosen = [band for band in (self.red, self.green, self.blue) if band is not None]
        if len(chosen) not in {0, 3}:
            raise ValueError("choose a band for each of red, green and blue, or for none")
        if unknown := set(chosen) - set(self.bands):
            raise ValueError(f"not among the bands: {', '.join(sorted(unknown))}")
        return self

    def describe(self) -> str:
        """Write the rendering as one line of JSON, for an image's provenance."""
        settings = self.model_dump(exclude_none=True)
        return json.dumps({"rendering": "lupton-asinh", **settings}, sort_keys=True)


def render_bands(flux: NDArray[np.floating[Any]], rendering: Rendering) -> Pixels:
    r"""Draw flux as 8-bit RGB by the asinh scheme of Lupton et al. (2004, PASP 116, 133).

    With the mean ``I`` of the three drawn bands above ``minimum``, every band is multiplied by
    ``f(I) / I`` where ``f(I) = asinh(Q I / stretch) · 0.1 / asinh(0.1 Q)``, and pixels brighter
    than white are scaled back in all three colours, so colour does not depend on brightness.
    A single band is drawn as ``f``.

    Parameters
    ----------
    flux
        ``(B, H, W)``, linear in surface brightness. Pixels that are not finite in some band are
        drawn as empty sky.
    rendering
        The bands and the scale.

    Returns
    -------
    Pixels
        ``(H, W, 3)`` uint8.

    Raises
    ------
    ImageError
        ``flux`` has another shape than ``rendering`` expects, or no pixel that is finite in all
        drawn bands.
    """
    from astropy.visualization import (
        LuptonAsinhStretch,
        ManualInterval,
        make_lupton_rgb,
    )

    drawn = _three_channels(_above_background(flux, rendering), rendering)
    stretch = rendering.stretch or _automatic_stretch(drawn)
    with np.errstate(divide="ignore", invalid="ignore"):  # astropy divides by I = 0, then drops it
        rgb: Pixels = make_lupton_rgb(
            *np.nan_to_num(drawn, nan=0.0),
            interval=ManualInterval(vmin=0.0, vmax=1.0),  # vmax is unused by this scheme
            stretch_object=LuptonAsinhStretch(stretch=stretch, Q=rendering.q),
        )
    return rgb


def _above_background(flux: NDArray[np.floating[Any]], rendering: Rendering) -> NDArray[np.float64]:
    """Weight the bands and subtract what is drawn black; pixels without a value become NaN."""
    bands = len(rendering.bands)
    if flux.ndim != 3 or flux.shape[0] != bands or not flux.size:
        raise ImageError(
            f"flux of shape {flux.shape} does not fit {bands} bands; give an array (B, H, W) with "
            f"the bands {', '.join(rendering.bands)}"
        )
    values = np.where(np.isfinite(flux), flux, np.nan).astype(np.float64)
    if np.isnan(values).all(axis=(1, 2)).any():
        empty = np.flatnonzero(np.isnan(values).all(axis=(1, 2)))
        names = ", ".join(rendering.bands[i] for i in empty)
        raise ImageError(f"no pixel is finite in band {names}; leave that band or object out")
    if rendering.weights is not None:
        values *= np.array(rendering.weights)[:, None, None]
    black = rendering.minimum or tuple(_background_and_noise(band)[0] for band in values)
    above: NDArray[np.float64] = values - np.array(black)[:, None, None]
    return above


def _three_channels(bands: NDArray[np.float64], rendering: Rendering) -> NDArray[np.float64]:
    """Pick or mix red, green and blue; a pixel missing in one of them is missing in all."""
    names = rendering.bands
    if rendering.red and rendering.green and rendering.blue:
        chosen = bands[[names.index(c) for c in (rendering.red, rendering.green, rendering.blue)]]
    elif len(bands) == 2:
        chosen = np.stack([bands[0], bands.mean(axis=0), bands[1]])
    else:
        chosen = bands[[0, (len(bands) - 1) // 2, len(bands) - 1]]
    if not np.isfinite(chosen).all(axis=0).any():
        raise ImageError("no pixel is finite in all drawn bands; draw fewer bands")
    drawn: NDArray[np.float64] = np.where(np.isnan(chosen).any(axis=0), np.nan, chosen)
    return drawn


def _automatic_stretch(drawn: NDArray[np.float64]) -> float:
    """Choose the stretch from the noise, or from the brightest pixel of an image without noise."""
    intensity = drawn.mean(axis=0)
    _, noise = _background_and_noise(intensity)
    return _NOISE_TO_STRETCH * noise or float(np.nanmax(np.abs(intensity))) or 1.0


def _background_and_noise(values: NDArray[np.float64]) -> tuple[float, float]:
    """Estimate level and standard deviation of the sky, of which sources are outliers."""
    from astropy.stats import mad_std, sigma_clip

    finite = values[np.isfinite(values)]
    sky = sigma_clip(finite, sigma=3.0, maxiters=10, stdfunc=mad_std, masked=False)
    return float(np.median(sky)), float(mad_std(sky))
