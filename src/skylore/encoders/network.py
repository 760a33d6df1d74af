"""What image encoders that are trained networks have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from skylore.encoders.base import Pixels, Vectors
from skylore.encoders.pixels import check_pixels
from skylore.encoders.vectors import unit_rows

__all__ = ["NetworkEncoder"]

_IMAGES_PER_BATCH = 32


class NetworkEncoder(ABC):
    """Encodes images batch by batch with a network that a subclass runs."""

    name: str

    @property
    @abstractmethod
    def dimension(self) -> int:
        """The length of a vector."""

    @abstractmethod
    def _forward(self, images: Sequence[Pixels]) -> NDArray[np.float32]:
        """Run the network on a few images."""

    def encode(self, images: Sequence[Pixels]) -> Vectors:
        """Encode ``N`` images as ``(N, D)`` rows of unit length.

        Raises
        ------
        ImageError
            If an image is not 8-bit RGB, or is smaller than 8 pixels.
        ModelError
            If the network gives a vector that is zero or not finite.
        """
        for number, image in enumerate(images):
            check_pixels(image, number)
        rows = [np.empty((0, self.dimension), dtype=np.float32)]
        rows += [
            self._forward(images[start : start + _IMAGES_PER_BATCH])
            for start in range(0, len(images), _IMAGES_PER_BATCH)
        ]
        return unit_rows(np.concatenate(rows), encoder=self.name)
