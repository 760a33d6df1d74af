"""What a model is shown of an image, the same for the same bytes wherever it is drawn."""

from __future__ import annotations

import base64
import hashlib
import io
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from skylore.errors import ImageError, ModelError
from skylore.explaining import explain
from skylore.imaging.decode import decode

__all__ = ["IMAGE_SIZE", "Detail", "Picture", "ViewSettings", "data_url", "make_view"]

Detail = Literal["low", "high", "auto"]
IMAGE_SIZE = 512

_RENDERING = "display image of the archive, resampled by Lanczos, JPEG quality 95 4:4:4"
_TILE = 512


class ViewSettings(BaseModel):
    """How an image is shown to a model.

    Attributes
    ----------
    size
        Pixels of the longer side; smaller images are enlarged.
    detail
        The level of detail that is asked of servers which know it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    size: int = Field(IMAGE_SIZE, ge=32, le=4096)
    detail: Detail = "high"

    @property
    def rendering(self) -> str:
        """Say how it is drawn, for the provenance."""
        return _RENDERING

    @property
    def most_tokens(self) -> int:
        """The most tokens that a server in use counts for such an image.

        The dearest scheme known counts 2833 and 5667 a tile of 512 pixels (gpt-4o-mini); models
        that cut images into patches of 14 to 32 pixels stay below it.
        """
        tiles = 0 if self.detail == "low" else (-(-self.size // _TILE)) ** 2
        return max(2833 + 5667 * tiles, (-(-self.size // 14)) ** 2)


def make_view(size: int = IMAGE_SIZE, detail: Detail = "high") -> ViewSettings:
    """Bring what users say of the view into its form.

    Raises
    ------
    ModelError
        The size is not one that can be shown.
    """
    try:
        return ViewSettings(size=size, detail=detail)
    except ValidationError as error:
        raise ModelError(f"images cannot be shown so: {explain(error)}") from error


@dataclass(frozen=True)
class Picture:
    """An encoded image, and how it is shown."""

    data: bytes
    view: ViewSettings

    @cached_property
    def digest(self) -> str:
        """A digest of the image as it came and of how it is shown.

        Not of the drawn bytes: another version of the encoder makes other bytes of the same
        picture, and nothing should be paid for again because of that.
        """
        shown = f"{self.view.size} {self.view.detail} {self.view.rendering}"
        return hashlib.sha256(self.data + shown.encode()).hexdigest()


def data_url(picture: Picture) -> str:
    """Draw the picture, and write it as a URL that requests carry.

    Raises
    ------
    ImageError
        The bytes are no image.
    """
    pixels = decode(picture.data)
    if not np.ptp(pixels):
        raise ImageError("all pixels are equal: there is nothing to describe")
    image = Image.fromarray(pixels)
    scale = picture.view.size / max(image.size)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    if size != image.size:
        image = image.resize(size, Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=95, subsampling=0)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
