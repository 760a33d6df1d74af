"""The image encoder that needs no weights: a wavelet scattering transform about the centre."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the name that torch code uses everywhere

from skylore.encoders.base import Pixels, Vectors
from skylore.encoders.descriptors import Descriptors
from skylore.encoders.devices import default_device
from skylore.encoders.pixels import check_pixels
from skylore.encoders.vectors import unit_rows
from skylore.encoders.wavelets import WaveletBank, WaveletGrid, centred_grid

__all__ = ["ScatteringEncoder"]

_ALGORITHM = "centred-scattering-1"
_IMAGES_PER_BATCH = 32
_TAPER = 0.08
_REFERENCE_SCALE_LENGTH = 0.08


class ScatteringEncoder:
    """Encodes images by wavelet scattering of order 2, invariant to quarter turns and mirroring.

    Scattering (Bruna & Mallat 2013, arXiv 1203.1513; Sifre & Mallat 2013) cascades wavelets and
    moduli; nothing is learned. The central square of an image is resized to a fixed canvas, so
    the object should be centred. What is measured is listed at
    :class:`skylore.encoders.descriptors.Descriptors`. The origin of the space is a face-on
    exponential disc of scale length 0.08 of the canvas: a vector says how an image differs from
    it, and cosines tell kinds of image apart. No dimension is standardised by data here; the
    alignment model does that for its own training set.

    A blank image has a well-defined vector like any other.
    """

    name = "scattering"

    def __init__(self) -> None:
        self._device = default_device()
        self._grid = WaveletGrid()
        self._describe = Descriptors(WaveletBank(self._grid, self._device))
        radius, _ = centred_grid(self._grid.canvas)
        # Transforms are periodic: without this, opposite borders would meet in an edge.
        edge = ((0.5 - radius) / _TAPER).clamp(0, 1)
        self._taper = (0.5 - 0.5 * torch.cos(torch.pi * edge)).float().to(self._device)
        disc = torch.exp(-radius / _REFERENCE_SCALE_LENGTH).float().to(self._device)
        self._origin, ratios = self._measure((0.05 + 0.6 * disc).expand(1, 3, -1, -1))
        self._dimension = self._origin.shape[1] + ratios.shape[1]

    @property
    def dimension(self) -> int:
        """The length of a vector."""
        return self._dimension

    @cached_property
    def revision(self) -> str:
        """A digest of the algorithm's version and sizes."""
        return hashlib.sha256(f"{_ALGORITHM} {self._grid}".encode()).hexdigest()[:16]

    def encode(self, images: Sequence[Pixels]) -> Vectors:
        """Encode ``N`` images as ``(N, D)`` rows of unit length.

        Raises
        ------
        ImageError
            If an image is not 8-bit RGB, or is smaller than 8 pixels.
        """
        for number, image in enumerate(images):
            check_pixels(image, number)
        rows = [np.empty((0, self._dimension), dtype=np.float32)]
        for start in range(0, len(images), _IMAGES_PER_BATCH):
            batch = images[start : start + _IMAGES_PER_BATCH]
            with torch.inference_mode():
                canvas = torch.cat([self._canvas(image) for image in batch])
                logs, ratios = self._measure(canvas.to(self._device))
                rows.append(torch.cat([logs - self._origin, ratios], dim=1).cpu().numpy())
        return unit_rows(np.concatenate(rows), encoder=self.name)

    def _canvas(self, image: Pixels) -> Tensor:
        height, width = image.shape[:2]
        side = min(height, width)
        top, left = (height - side) // 2, (width - side) // 2
        square = image[top : top + side, left : left + side].astype(np.float32) / 255
        pixels = torch.from_numpy(square).permute(2, 0, 1)[None]
        size = (self._grid.canvas, self._grid.canvas)
        return F.interpolate(pixels, size=size, mode="bilinear", antialias=True)

    def _measure(self, canvas: Tensor) -> tuple[Tensor, Tensor]:
        border = 1 - self._taper
        level = (canvas * border).sum(dim=(2, 3), keepdim=True) / border.sum()
        return self._describe(canvas, (canvas - level) * self._taper)
