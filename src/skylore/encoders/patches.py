"""Images as patches in number limited, their aspect kept: the NaFlex variant of SigLIP 2."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from skylore.encoders.base import Pixels
from skylore.encoders.preprocess import Preprocessing

__all__ = ["PatchGrid"]

_LARGEST_SCALE, _PRECISION = 100.0, 1e-5


@dataclass(frozen=True)
class PatchGrid:
    """Cuts images into at most ``most`` square patches of ``side`` pixels.

    As in Tschannen et al. 2025 (arXiv 2502.14786): an image is resized, keeping its aspect as far
    as whole patches allow, to as many patches as there may be.
    """

    side: int
    most: int

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> PatchGrid | None:
        """Read an image processor's settings; None if images are not to be cut into patches."""
        if config.get("max_num_patches") is None:
            return None
        return cls(int(config.get("patch_size", 16)), int(config["max_num_patches"]))

    def prepare(self, images: Sequence[Pixels], resample: int) -> dict[str, Tensor]:
        """Give patches ``(N, most, side × side × 3)``, 8-bit, which of them are there, and shapes.

        The names are those of the network's arguments.
        """
        patches = np.zeros((len(images), self.most, self.side**2 * 3), np.uint8)
        there = np.zeros((len(images), self.most), np.int32)
        shapes = np.zeros((len(images), 2), np.int64)
        for row, image in enumerate(images):
            rows, columns = self._fitted(*image.shape[:2])
            cut = self._cut(image, rows, columns, resample)
            patches[row, : len(cut)] = cut
            there[row, : len(cut)] = 1
            shapes[row] = rows, columns
        return {
            "pixel_values": torch.from_numpy(patches),
            "pixel_attention_mask": torch.from_numpy(there),
            "spatial_shapes": torch.from_numpy(shapes),
        }

    def standardise(self, patches: Tensor, settings: Preprocessing) -> Tensor:
        """Rescale and standardise patches, in which the channels of a pixel lie side by side."""
        mean = torch.tensor(settings.mean, device=patches.device)
        deviation = torch.tensor(settings.deviation, device=patches.device)
        pixels = patches.reshape(*patches.shape[:2], -1, 3).float() * settings.factor
        return ((pixels - mean) / deviation).flatten(2)

    def _cut(self, image: Pixels, rows: int, columns: int, resample: int) -> NDArray[np.uint8]:
        size = (columns * self.side, rows * self.side)
        picture = Image.fromarray(np.ascontiguousarray(image))
        pixels = np.asarray(picture.resize(size, resample=Image.Resampling(resample)))
        cut = pixels.reshape(rows, self.side, columns, self.side, 3).transpose(0, 2, 1, 3, 4)
        return cut.reshape(rows * columns, -1)

    def _fitted(self, height: int, width: int) -> tuple[int, int]:
        """Find the largest rows and columns of patches that may be, by bisection of the scale."""
        low, high = _PRECISION / 10, _LARGEST_SCALE
        while high - low >= _PRECISION:
            middle = (low + high) / 2
            if math.prod(self._at(middle, height, width)) <= self.most:
                low = middle
            else:
                high = middle
        return self._at(low, height, width)

    def _at(self, scale: float, height: int, width: int) -> tuple[int, int]:
        rows, columns = (max(1, math.ceil(x * scale / self.side)) for x in (height, width))
        return rows, columns
