"""The protocols that encoders obey."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from skylore.imaging.flux import Cutout

__all__ = ["FluxEncoder", "ImageEncoder", "PairedEncoder", "Pixels", "TextEncoder", "Vectors"]

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
        """A digest of weights, settings and preprocessing; equal revisions give equal vectors.

        Equal up to rounding: a device may compute in half precision.
        """

    @property
    def dimension(self) -> int:
        """The length ``D`` of a vector."""

    def encode(self, images: Sequence[Pixels]) -> Vectors:
        """Encode ``N`` images, of any sizes, as ``(N, D)`` rows of unit length."""


@runtime_checkable
class PairedEncoder(ImageEncoder, Protocol):
    """An image encoder whose space may be shared with texts, as that of CLIP is."""

    @property
    def text_encoder(self) -> TextEncoder | None:
        """The encoder of texts into the same space; None if the model has none."""


@runtime_checkable
class FluxEncoder(Protocol):
    """Turns calibrated flux, not display images, into vectors of unit length."""

    @property
    def name(self) -> str:
        """What selects this encoder, such as ``aion:polymathic-ai/aion-base``."""

    @property
    def revision(self) -> str:
        """A digest of weights and settings; equal revisions give equal vectors."""

    @property
    def dimension(self) -> int:
        """The length ``D`` of a vector."""

    def encode_flux(self, cutouts: Sequence[Cutout]) -> Vectors:
        """Encode ``N`` cutouts, of any sizes, as ``(N, D)`` rows of unit length."""


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
