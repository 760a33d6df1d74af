"""What every image encoder asks of its input."""

from __future__ import annotations

import numpy as np

from skylore.encoders.base import Pixels
from skylore.errors import ImageError

__all__ = ["SMALLEST_SIDE", "check_pixels"]

SMALLEST_SIDE = 8
"""Images with a shorter side than this (in pixels) show nothing to encode."""


def check_pixels(image: Pixels, number: int = 0) -> None:
    """Refuse what is not a display image.

    Raises
    ------
    ImageError
        If the image is not ``(H, W, 3)`` of 8-bit unsigned integers, or is too small.
    """
    if not isinstance(image, np.ndarray) or image.ndim != 3 or image.shape[2] != 3:
        shape = getattr(image, "shape", type(image).__name__)
        raise ImageError(f"image number {number} is {shape}, not (height, width, 3) RGB pixels")
    if image.dtype != np.uint8:
        raise ImageError(
            f"image number {number} holds {image.dtype}, not 8-bit pixels: render it for display "
            "first (0 to 255, uint8)"
        )
    if min(image.shape[:2]) < SMALLEST_SIDE:
        raise ImageError(
            f"image number {number} is {image.shape[1]} x {image.shape[0]} pixels; encoders need "
            f"at least {SMALLEST_SIDE} x {SMALLEST_SIDE}"
        )
