"""One large image as a mosaic needs it: something to detect on, and something to cut from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skylore.encoders.base import Pixels
from skylore.errors import ImageError, SourceError
from skylore.imaging.decode import decode
from skylore.imaging.render import Rendering
from skylore.sources.astropy_tables import FITS_SUFFIXES
from skylore.sources.bands import unique_names
from skylore.sources.fits import describe_rendering, draw_fits
from skylore.sources.fits_images import FitsImage, read_fits_image
from skylore.sources.walk import has_suffix, printable, read_bytes

__all__ = ["MAX_PIXELS", "Mosaic", "mosaic_of_array", "read_mosaic"]

MAX_PIXELS = 128_000_000
"""The largest mosaic that is read unless a caller allows more."""

_CUT = "cut out without resampling"


@dataclass(frozen=True)
class Mosaic:
    """A large image.

    Attributes
    ----------
    light
        ``(H, W)`` or ``(H, W, 3)``: what sources are detected on.
    pixels
        ``(H, W, 3)``: what cutouts are taken from, in the same row order.
    rendering
        How cutouts are made.
    bottom_up
        Whether the first row is the bottom one.
    fits
        The data behind the pixels, where there are such.
    """

    light: NDArray[Any]
    pixels: Pixels
    rendering: str
    bottom_up: bool = False
    fits: FitsImage | None = None


def read_mosaic(path: Path, rendering: Rendering | None, max_pixels: int) -> Mosaic:
    """Read a mosaic from a display image or FITS file.

    Raises
    ------
    ImageError
        If it cannot be read, or has more than ``max_pixels`` samples.
    SourceError
        If there is nothing at the path, or a display image is to be rendered.
    """
    if not path.exists():
        raise SourceError(f"There is nothing at {printable(path)}.")
    if has_suffix(path.name, FITS_SUFFIXES):
        return _draw(read_fits_image(path, max_samples=max_pixels), rendering, flip=True)
    _refuse_rendering(rendering)
    try:
        pixels = decode(read_bytes(path), max_pixels=max_pixels)
    except ImageError as error:
        raise ImageError(f"{printable(path)}: {error}") from error
    return Mosaic(pixels, pixels, _CUT)


def mosaic_of_array(image: NDArray[Any], rendering: Rendering | None) -> Mosaic:
    """Take a mosaic from an array: ``(H, W, 3)`` uint8, or flux ``(H, W)`` or ``(B, H, W)``.

    Raises
    ------
    ImageError
        If it is neither.
    """
    if image.ndim == 3 and image.shape[2] == 3 and image.dtype == np.uint8:
        _refuse_rendering(rendering)
        return Mosaic(image, image, _CUT)
    if image.ndim not in {2, 3} or image.dtype.kind != "f":
        raise ImageError(
            f"An array of shape {image.shape} and type {image.dtype} is no mosaic; give (H, W, 3) "
            "of uint8, or flux (H, W) or (B, H, W) of floats."
        )
    flux = image[None] if image.ndim == 2 else image
    names = rendering.bands if rendering else unique_names(["band"] * len(flux))
    if len(names) != len(flux):
        raise ImageError(f"The rendering names {len(names)} bands, but the array has {len(flux)}.")
    return _draw(FitsImage(flux, tuple(names), None, None), rendering, flip=False)


def _draw(image: FitsImage, rendering: Rendering | None, *, flip: bool) -> Mosaic:
    pixels, chosen = draw_fits(image, rendering)
    drawn = describe_rendering(chosen) if flip else chosen.describe()
    return Mosaic(_mean_of_bands(image.flux), pixels, drawn, bottom_up=flip, fits=image)


def _mean_of_bands(flux: NDArray[Any]) -> NDArray[Any]:
    """Average the bands that have a value, without numpy's warning where none has."""
    finite = np.isfinite(flux)
    total = np.where(finite, flux, 0.0).sum(axis=0)
    count = finite.sum(axis=0)
    mean: NDArray[Any] = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return mean


def _refuse_rendering(rendering: Rendering | None) -> None:
    if rendering is not None:
        raise SourceError("A rendering draws flux; this image is drawn already.")
