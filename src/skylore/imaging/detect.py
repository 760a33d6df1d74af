"""Find the sources on one large image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from skylore.errors import ImageError
from skylore.quiet import quiet

__all__ = ["DetectionSettings", "Detections", "detect"]


class DetectionSettings(BaseModel):
    """How sources are told from sky and from one another.

    Attributes
    ----------
    background_box
        Side of the boxes in which the sky level is estimated, in pixels; a few times larger than
        the largest galaxy of interest.
    smoothing
        Standard deviation, in pixels, of the Gaussian that matches the image to the size of faint
        sources before thresholding; 0 for none.
    threshold
        Detection threshold in units of the local sky noise of the image before smoothing.
    connected_pixels
        The fewest connected pixels above the threshold that make a source.
    smallest_area
        Sources with a smaller isophotal area, in pixels, are found (and kept apart from their
        neighbours) but not returned: too small to show structure.
    deblend_levels, deblend_contrast
        Blended sources are split by multi-thresholding and watershed (Bertin & Arnouts 1996); a
        branch becomes a source of its own if it holds this fraction of the blend's flux.
        A contrast of 1 turns splitting off.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    background_box: int = Field(default=64, ge=8)
    smoothing: float = Field(default=1.5, ge=0, le=50)
    threshold: float = Field(default=1.5, gt=0)
    connected_pixels: int = Field(default=12, ge=1)
    smallest_area: int = Field(default=80, ge=1)
    deblend_levels: int = Field(default=32, ge=2, le=1024)
    deblend_contrast: float = Field(default=0.005, ge=0, le=1)


@dataclass(frozen=True)
class Detections:
    """Sources, brightest first.

    Attributes
    ----------
    x, y
        ``(N,)`` flux-weighted centres in pixels; the centre of the first pixel is (0, 0).
    flux
        ``(N,)`` sum over the source's pixels above the sky, in the image's units.
    area
        ``(N,)`` isophotal area in pixels.
    label
        ``(N,)`` the source's value in ``segmentation``.
    segmentation
        ``(H, W)`` label of the source each pixel belongs to, 0 for sky. It also holds sources that
        are smaller than ``smallest_area``.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    flux: NDArray[np.float64]
    area: NDArray[np.int64]
    label: NDArray[np.int64]
    segmentation: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.x)


def detect(image: NDArray[Any], settings: DetectionSettings | None = None) -> Detections:
    """Find sources above the local sky.

    Parameters
    ----------
    image
        ``(H, W)`` or ``(H, W, 3)``, any real type; colours are averaged. Pixels that are not
        finite are left out.
    settings
        The thresholds; the defaults suit space-based fields such as the Hubble Deep Field.

    Returns
    -------
    Detections
        Possibly of length 0.

    Raises
    ------
    ImageError
        The image has another shape, is smaller than one background box, or holds no finite pixel.
    """
    from photutils.segmentation import SourceCatalog

    chosen = settings or DetectionSettings()
    light, missing = _luminance(image, chosen)
    with quiet():
        above_sky, noise = _subtract_sky(light, missing, chosen)
        segments = _segment(above_sky, noise, missing, chosen)
    if segments is None:
        return _nothing(light.shape)
    catalog = SourceCatalog(above_sky, segments, mask=missing)
    area = np.atleast_1d(segments.areas).astype(np.int64)
    flux = np.atleast_1d(catalog.segment_flux).astype(np.float64)
    x, y = np.atleast_1d(catalog.x_centroid), np.atleast_1d(catalog.y_centroid)
    keep = np.flatnonzero((area >= chosen.smallest_area) & (flux > 0) & np.isfinite(x + y))
    order = keep[np.lexsort((segments.labels[keep], -flux[keep]))]
    return Detections(
        x=x[order],
        y=y[order],
        flux=flux[order],
        area=area[order],
        label=segments.labels[order].astype(np.int64),
        segmentation=segments.data.astype(np.int32),
    )


def _luminance(
    image: NDArray[Any], settings: DetectionSettings
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Average the colours, and say which pixels hold no value."""
    if image.ndim not in {2, 3} or (image.ndim == 3 and image.shape[2] != 3):
        raise ImageError(f"detection needs an image (H, W) or (H, W, 3), not {image.shape}")
    light = image.astype(np.float64)
    light = light.mean(axis=2) if light.ndim == 3 else light
    if min(light.shape) < settings.background_box:
        raise ImageError(
            f"the image is {light.shape[1]}×{light.shape[0]} pixels, smaller than one background "
            f"box of {settings.background_box}; set background_box lower or give the whole mosaic"
        )
    missing = ~np.isfinite(light)
    if missing.all():
        raise ImageError("no pixel of the image is finite; there is nothing to detect")
    return np.where(missing, 0.0, light), missing


def _subtract_sky(
    light: NDArray[np.float64], missing: NDArray[np.bool_], settings: DetectionSettings
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Subtract the local sky level, and give the local sky noise."""
    from photutils.background import Background2D

    sky = Background2D(
        light,
        settings.background_box,
        coverage_mask=missing,
        exclude_percentile=90.0,  # a box at a ragged survey edge still tells its sky level
        filter_size=3,
    )
    return np.where(missing, 0.0, light - sky.background), sky.background_rms


def _segment(
    above_sky: NDArray[np.float64],
    noise: NDArray[np.float64],
    missing: NDArray[np.bool_],
    settings: DetectionSettings,
) -> Any:  # noqa: ANN401 - photutils has no stubs; a SegmentationImage or None
    """Label connected pixels above the threshold and split blends."""
    from photutils.segmentation import deblend_sources, detect_sources
    from scipy.ndimage import gaussian_filter

    smooth = gaussian_filter(above_sky, settings.smoothing)
    floor = np.finfo(np.float64).tiny  # an image without noise still has sky at exactly 0
    threshold = np.maximum(settings.threshold * noise, floor)
    if not ((smooth > threshold) & ~missing).any():
        return None
    segments = detect_sources(smooth, threshold, n_pixels=settings.connected_pixels, mask=missing)
    if segments is None or settings.deblend_contrast >= 1:
        return segments
    return deblend_sources(
        smooth,
        segments,
        n_pixels=settings.connected_pixels,
        n_levels=settings.deblend_levels,
        contrast=settings.deblend_contrast,
        progress_bar=False,
    )


def _nothing(shape: tuple[int, ...]) -> Detections:
    none = np.empty(0, np.float64)
    no_label = np.empty(0, np.int64)
    return Detections(none, none, none, no_label, no_label, np.zeros(shape, np.int32))
