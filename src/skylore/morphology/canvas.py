"""Images brought to the canvas of a network: one path for training and for use."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the name that torch code uses everywhere

from skylore.encoders.base import Pixels

__all__ = ["canvas", "stack"]


def canvas(image: Pixels, side: int) -> Tensor:
    """Resize the central square of an image to ``(3, side, side)``, 8-bit.

    Antialiased bilinear interpolation: pixels of a larger image are averaged, not skipped.
    """
    height, width = image.shape[:2]
    square = min(height, width)
    top, left = (height - square) // 2, (width - square) // 2
    # A copy, since torch cannot take arrays that are read-only or run backwards.
    middle = image[top : top + square, left : left + square].copy()
    pixels = torch.from_numpy(middle).permute(2, 0, 1)
    if square == side:
        return pixels.contiguous()
    resized = F.interpolate(pixels[None], (side, side), mode="bilinear", antialias=True)
    return resized[0]


def stack(images: Sequence[Pixels], side: int) -> Tensor:
    """Bring ``N`` images to ``(N, 3, side, side)``, 8-bit."""
    return torch.stack([canvas(image, side) for image in images])
