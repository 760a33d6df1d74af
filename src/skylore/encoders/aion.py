"""AION-1, which reads flux in the bands of its surveys."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_model
from torch import Tensor

from skylore.encoders.aion_bands import SIDE, Survey, fit_cutout, survey_of
from skylore.encoders.base import Vectors
from skylore.encoders.hub_files import lacks_hub
from skylore.encoders.network import BatchRunner
from skylore.encoders.revisions import network_digest
from skylore.errors import DependencyMissingError, ModelError
from skylore.imaging.flux import Cutout

__all__ = ["AionEncoder"]

_TOKENS = 576
_ON_CPU, _ON_DEVICE = 8, 128


class AionEncoder(BatchRunner[Cutout]):
    """Encodes flux cutouts with AION-1 (Parker et al. 2025, arXiv 2510.17960).

    The codec of the model turns the central 96 × 96 pixels of a cutout into 576 tokens, the
    encoder reads all of them, and the vector is the mean of its 576 outputs: what AION-Search
    calls an AION embedding.

    Parameters
    ----------
    identifier : str
        A repository of the hub, such as ``polymathic-ai/aion-base``, or a folder with its
        ``config.json``, ``model.safetensors`` and ``codecs/image/``.

    Raises
    ------
    DependencyMissingError
        If polymathic-aion is not installed.
    ModelError
        If the model cannot be loaded.
    """

    def __init__(self, identifier: str) -> None:
        super().__init__()
        self.name = f"aion:{identifier}"
        network, codec = _load(identifier)
        self._network = network.eval().to(self.device)
        self._codec = codec.eval().to(self.device)

    @property
    def inputs_per_pass(self) -> int:
        """How many cutouts the network is given at a time: each is 576 tokens."""
        return _ON_CPU if self.device.type == "cpu" else _ON_DEVICE

    @property
    def dimension(self) -> int:
        """The length of a vector."""
        return int(self._network.dim)

    @cached_property
    def revision(self) -> str:
        """A digest of the weights of network and codec, and of how cutouts are brought to size."""
        codec = network_digest(self._codec)
        return network_digest(self._network, codec, SIDE, _TOKENS, "mean", "zeros-for-nan")

    def encode_flux(self, cutouts: Sequence[Cutout]) -> Vectors:
        """Encode ``N`` cutouts as ``(N, D)`` rows of unit length.

        Cutouts in the same bands go through the network together.

        Raises
        ------
        ImageError
            If a band is not one that AION-1 knows, bands of two surveys are mixed, a cutout is too
            small, or has no finite flux.
        ModelError
            If the network gives a vector that is zero or not finite.
        """
        fitted = [fit_cutout(cutout) for cutout in cutouts]
        vectors = np.empty((len(fitted), self.dimension), np.float32)
        for bands in dict.fromkeys(cutout.bands for cutout in fitted):
            rows = [row for row, cutout in enumerate(fitted) if cutout.bands == bands]
            vectors[rows] = self.run([fitted[row] for row in rows])
        return vectors

    def prepare(self, inputs: Sequence[Cutout]) -> dict[str, Tensor]:
        """Stack cutouts of the same bands; the names of the bands are the key."""
        flux: NDArray[np.float32] = np.stack([cutout.flux for cutout in inputs])
        return {",".join(inputs[0].bands): torch.from_numpy(flux)}

    def forward(self, prepared: dict[str, Tensor]) -> Tensor:
        """Give the mean over tokens."""
        [(names, flux)] = prepared.items()
        bands = names.split(",")
        # Tokens are codes: rounding flux to 16 bits would change which of them are seen.
        with torch.autocast(self.device.type, enabled=False):
            image, key = _modality(survey_of(bands), flux, bands)
            tokens = self._codec.encode(image).reshape(len(flux), -1)
        states: Tensor = self._network.encode({key: tokens}, num_encoder_tokens=_TOKENS)
        return states.float().mean(dim=1)


def _modality(survey: Survey, flux: Tensor, bands: list[str]) -> tuple[Any, str]:
    from aion.modalities import HSCImage, LegacySurveyImage

    kind = HSCImage if survey == "HSC" else LegacySurveyImage
    return kind(flux=flux.clone(), bands=bands), kind.token_key


def _load(identifier: str) -> tuple[Any, Any]:
    try:
        from aion import AION
    except ImportError as error:
        raise DependencyMissingError(
            f"the image encoder aion:{identifier} needs polymathic-aion. "
            "Install it with: pip install skylore[aion]"
        ) from error
    try:
        network = AION.from_pretrained(identifier, local_files_only=lacks_hub(identifier))
        codec = _load_codec(identifier)
        _complete(network, identifier, "model.safetensors")
        _complete(codec, identifier, "codecs/image/model.safetensors")
    except (OSError, ValueError, RuntimeError, TypeError, KeyError, SafetensorError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise ModelError(
            f"the image encoder aion:{identifier} cannot be loaded: {reason} The weights are on "
            "the Hugging Face hub behind a form: accept it and log in, or give a folder with "
            "config.json, model.safetensors and codecs/image/."
        ) from error
    return network, codec


def _load_codec(identifier: str) -> Any:  # noqa: ANN401 - aion has no types
    """Load the codec that serves the images of both surveys."""
    from aion.codecs.image import ImageCodec
    from aion.codecs.utils import CodecPytorchHubMixin
    from aion.modalities import LegacySurveyImage

    folder = Path(identifier)
    if not folder.is_dir():
        return ImageCodec.from_pretrained(
            identifier, modality=LegacySurveyImage, local_files_only=lacks_hub(identifier)
        )
    # Of a folder, the library looks for the codec's files where only those of the network are.
    return super(CodecPytorchHubMixin, ImageCodec).from_pretrained(folder / "codecs" / "image")


def _complete(network: torch.nn.Module, identifier: str, name: str) -> None:
    """Load the weights once more and miss none: the library leaves what is missing random."""
    from huggingface_hub import hf_hub_download

    folder = Path(identifier)
    path = folder / name
    if not folder.is_dir():
        path = Path(hf_hub_download(identifier, name, local_files_only=lacks_hub(identifier)))
    missing, _ = load_model(network, path, strict=False)
    if missing:
        raise ValueError(f"{name} lacks {len(missing)} weights, such as {min(missing)}.")
