"""Images as vision networks want them, in Pillow and NumPy.

The image processors of transformers and timm need torchvision; this reads the same settings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from skylore.encoders.base import Pixels
from skylore.errors import ModelError

__all__ = ["Preprocessing"]

_WARPED = 384


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
    rounds_crop : bool
        Whether an odd margin is rounded to even halves, as torchvision does, or down, as
        transformers does. (Not shown, since revisions of encoders digest what is.)
    """

    resize: tuple[int, int] | int | None
    resample: int
    crop: tuple[int, int] | None
    factor: float
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    rounds_crop: bool = field(default=False, repr=False)

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Preprocessing:
        """Read a ``preprocessor_config.json`` of the transformers library.

        Raises
        ------
        ModelError
            If a size is given in a way that is not understood.
        """
        given = {name: value for name, value in config.items() if value is not None}
        resize, crop = _resize_and_crop(given)
        normalises = given.get("do_normalize", True)
        return cls(
            resize=resize,
            resample=int(given.get("resample", Image.Resampling.BILINEAR)),
            crop=crop,
            factor=float(given.get("rescale_factor", 1 / 255))
            if given.get("do_rescale", True)
            else 1.0,
            mean=tuple(given["image_mean"]) if normalises else (0.0, 0.0, 0.0),
            deviation=tuple(given["image_std"]) if normalises else (1.0, 1.0, 1.0),
        )

    def apply(self, images: Sequence[Pixels]) -> NDArray[np.float32]:
        """Prepare ``N`` images as ``(N, 3, H, W)``.

        Raises
        ------
        ModelError
            If the settings leave images at different sizes.
        """
        result: NDArray[np.float32] = self.standardise(
            torch.from_numpy(self.frames(images))
        ).numpy()
        return result

    def frames(self, images: Sequence[Pixels]) -> NDArray[np.uint8]:
        """Resize and crop ``N`` images to ``(N, H, W, 3)``, 8-bit still.

        Raises
        ------
        ModelError
            If the settings leave images at different sizes.
        """
        prepared = [self._frame(image) for image in images]
        if len({frame.shape for frame in prepared}) > 1:
            raise ModelError(
                "this model's preprocessing gives images of different sizes, which cannot be "
                "encoded together: its settings name neither a fixed size nor a crop"
            )
        return np.stack(prepared)

    def standardise(self, frames: Tensor) -> Tensor:
        """Rescale and standardise frames, ``(N, 3, H, W)``, on the device where they are.

        A quarter of the bytes of the result travel to the device, and it does the arithmetic.
        """
        device = frames.device
        mean = torch.tensor(self.mean, device=device)
        deviation = torch.tensor(self.deviation, device=device)
        values = (frames.float() * self.factor - mean) / deviation
        return values.permute(0, 3, 1, 2).contiguous()

    def _frame(self, image: Pixels) -> NDArray[np.uint8]:
        picture = Image.fromarray(np.ascontiguousarray(image))
        if self.resize is not None:
            size = _target(image.shape[0], image.shape[1], self.resize)
            picture = picture.resize(size, resample=Image.Resampling(self.resample))
        if self.crop is not None:
            height, width = self.crop
            left, top = (self._margin(n) for n in (picture.width - width, picture.height - height))
            picture = picture.crop((left, top, left + width, top + height))
        return np.asarray(picture)

    def _margin(self, spare: int) -> int:
        return round(spare / 2) if self.rounds_crop else spare // 2


def _resize_and_crop(
    given: Mapping[str, Any],
) -> tuple[tuple[int, int] | int | None, tuple[int, int] | None]:
    resize = _size(given.get("size")) if given.get("do_resize", True) else None
    crop = _size(given.get("crop_size")) if given.get("do_center_crop", False) else None
    if "crop_pct" in given and isinstance(resize, int) and crop is None:
        # As ConvNeXt is evaluated: warped where it is large, else a little more than it sees.
        crop = (resize, resize)
        resize = crop if resize >= _WARPED else int(resize / given["crop_pct"])
    return resize, (crop, crop) if isinstance(crop, int) else crop


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
