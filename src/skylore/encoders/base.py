"""The two protocols that every encoder obeys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

__all__ = ["ImageEncoder", "Pixels", "TextEncoder", "Vectors"]

Pixels = NDArray[np.uint8]
"""One display image: ``(H, W, 3)``, 8-bit RGB."""

Vectors = NDArray[np.float32]
"""Row vectors: ``(N, D)``."""


@runtime_checkable
class ImageEncoder(Protocol):
    """Turns images into vectors of unit length."""

    @property
    def name(self) -> str:
        """What selects this encoder, such as ``scattering`` or ``hf:facebook/dinov2-small``."""

    @property
    def revision(self) -> str:
        """A digest of weights, settings and preprocessing; equal revisions give equal vectors."""

    @property
    def dimension(self) -> int:
        """The length ``D`` of a vector."""

    def encode(self, images: Sequence[Pixels]) -> Vectors:
        """Encode ``N`` images, of any sizes, as ``(N, D)`` rows of unit length."""


@runtime_checkable
class TextEncoder(Protocol):
    """Turns texts into vectors of unit length."""

    @property
    def name(self) -> str:
        """What selects this encoder, such as ``minilm``."""

    @property
    def revision(self) -> str:
        """A digest of weights and settings; equal revisions give equal vectors."""

    @property
    def dimension(self) -> int:
        """The length ``D`` of a vector."""

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Encode ``N`` texts as ``(N, D)`` rows of unit length."""
