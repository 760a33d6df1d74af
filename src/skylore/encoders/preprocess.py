"""Images as vision networks want them, in Pillow and NumPy.

The image processors of transformers and timm need torchvision; this reads the same settings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from skylore.encoders.base import Pixels
from skylore.errors import ModelError

__all__ = ["Preprocessing"]


@dataclass(frozen=True)
class Preprocessing:
    """Resize, crop, rescale and standardise, in this order.

    Attributes
    ----------
    resize : tuple of int, or int, or None
        ``(height, width)`` to resize to; or the length that the shorter side gets; or no resizing.
    resample : int
        Pillow's number of the interpolation.
    crop : tuple of int, or None
        ``(height, width)`` of the central crop, padded with black where the image is smaller.
    factor : float
        What 8-bit values are multiplied by.
    mean, deviation : tuple of float
        Per channel, subtracted and divided by after rescaling.
    """

    resize: tuple[int, int] | int | None
    resample: int
    crop: tuple[int, int] | None
    factor: float
    mean: tuple[float, ...]
    deviation: tuple[float, ...]

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Preprocessing:
        """Read a ``preprocessor_config.json`` of the transformers library.

        Raises
        ------
        ModelError
            If a size is given in a way that is not understood.
        """
        crops = config.get("do_center_crop", False)
        crop = _size(config.get("crop_size")) if crops else None
        normalises = config.get("do_normalize", True)
        return cls(
            resize=_size(config.get("size")) if config.get("do_resize", True) else None,
            resample=int(config.get("resample", Image.Resampling.BILINEAR)),
            crop=(crop, crop) if isinstance(crop, int) else crop,
            factor=float(config.get("rescale_factor", 1 / 255))
            if config.get("do_rescale", True)
            else 1.0,
            mean=tuple(config["image_mean"]) if normalises else (0.0, 0.0, 0.0),
            deviation=tuple(config["image_std"]) if normalises else (1.0, 1.0, 1.0),
        )

    def apply(self, images: Sequence[Pixels]) -> NDArray[np.float32]:
        """Prepare ``N`` images as ``(N, 3, H, W)``.

        Raises
        ------
        ModelError
            If the settings leave images at different sizes.
        """
        prepared = [self._apply_one(image) for image in images]
        if len({image.shape for image in prepared}) > 1:
            raise ModelError(
                "this model's preprocessing gives images of different sizes, which cannot be "
                "encoded together: its settings name neither a fixed size nor a crop"
            )
        return np.stack(prepared)

    def _apply_one(self, image: Pixels) -> NDArray[np.float32]:
        picture = Image.fromarray(np.ascontiguousarray(image))
        if self.resize is not None:
            size = _target(image.shape[0], image.shape[1], self.resize)
            picture = picture.resize(size, resample=Image.Resampling(self.resample))
        if self.crop is not None:
            height, width = self.crop
            left, top = (picture.width - width) // 2, (picture.height - height) // 2
            picture = picture.crop((left, top, left + width, top + height))
        values = np.asarray(picture, dtype=np.float32) * self.factor
        values = (values - np.array(self.mean)) / np.array(self.deviation)
        return np.ascontiguousarray(values.transpose(2, 0, 1), dtype=np.float32)


def _target(height: int, width: int, resize: tuple[int, int] | int) -> tuple[int, int]:
    """Return Pillow's ``(width, height)``."""
    if isinstance(resize, int):
        shorter = min(height, width)
        return int(width * resize / shorter), int(height * resize / shorter)
    return resize[1], resize[0]


def _size(value: object) -> tuple[int, int] | int:
    match value:
        case int():
            return value
        case {"height": int(height), "width": int(width)}:
            return height, width
        case {"shortest_edge": int(edge)}:
            return edge
        case [int(height), int(width)]:
            return height, width
        case _:
            raise ModelError(f"the model's preprocessing gives a size as {value!r}, not understood")
