"""Vision models of the transformers library as image encoders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from skylore.encoders.base import Pixels, TextEncoder
from skylore.encoders.hub_files import is_image_text, not_loaded, read_json
from skylore.encoders.hub_network import load_network, projected, unmasked
from skylore.encoders.network import NetworkEncoder
from skylore.encoders.patches import PatchGrid
from skylore.encoders.preprocess import Preprocessing
from skylore.encoders.revisions import network_digest

__all__ = ["HubImageEncoder"]

_OWN_POOLING = ("dinov3_convnext",)
"""Networks whose first position is a summary that no parameter is named for."""


class HubImageEncoder(NetworkEncoder):
    """Encodes images with a model from the Hugging Face hub, or from a folder saved in its format.

    The vector is the image projection where the model has one (CLIP, SigLIP), else the class
    token where the network has one (ViT, DINOv2, DINOv3; registers do not enter), else the mean
    over all positions (ConvNeXt, Swin).

    Parameters
    ----------
    identifier : str
        A repository of the hub, or a folder with ``config.json``, ``model.safetensors`` and
        ``preprocessor_config.json`` or ``processor_config.json``.

    Raises
    ------
    DependencyMissingError
        If transformers is not installed.
    ModelError
        If the model cannot be loaded.
    """

    def __init__(self, identifier: str) -> None:
        super().__init__()
        self.name = f"hf:{identifier}"
        self._identifier = identifier
        self._network = load_network(identifier)
        settings = _load_settings(identifier)
        self.preprocessing = Preprocessing.from_config(
            {**settings, "do_resize": False} if "max_num_patches" in settings else settings
        )
        self._grid = PatchGrid.from_config(settings)

    @cached_property
    def pooling(self) -> Literal["projection", "class token", "mean"]:
        """Which of the network's outputs is the vector."""
        if hasattr(self._network, "get_image_features"):
            return "projection"
        names = (name for name, _ in self._network.named_parameters())
        summary = self._network.config.model_type in _OWN_POOLING
        return "class token" if summary or any("cls_token" in name for name in names) else "mean"

    @cached_property
    def dimension(self) -> int:
        """The length of a vector."""
        return int(self.once([np.zeros((32, 32, 3), dtype=np.uint8)]).shape[1])

    @cached_property
    def revision(self) -> str:
        """A digest of weights, preprocessing and pooling."""
        grid = () if self._grid is None else (self._grid,)
        return network_digest(self._network, self.preprocessing, *grid, self.pooling)

    @cached_property
    def text_encoder(self) -> TextEncoder | None:
        """The encoder of texts into the same space, where the model has one."""
        if self.pooling != "projection" or not is_image_text(self._identifier):
            return None
        from skylore.encoders.hub_pair import HubPairedTextEncoder

        return HubPairedTextEncoder(self._identifier)

    def prepare(self, inputs: Sequence[Pixels]) -> dict[str, Tensor]:
        """Resize and crop images, or cut them into patches, 8-bit still."""
        if self._grid is not None:
            return self._grid.prepare(inputs, self.preprocessing.resample)
        return {"pixel_values": torch.from_numpy(self.preprocessing.frames(inputs))}

    def forward(self, prepared: dict[str, Tensor]) -> Tensor:
        """Give the projection, class token or mean."""
        given = dict(prepared)
        if self._grid is None:
            given["pixel_values"] = self.preprocessing.standardise(given["pixel_values"])
        else:
            given["pixel_values"] = self._grid.standardise(
                given["pixel_values"], self.preprocessing
            )
        if self.pooling == "projection":
            vectors: Tensor = projected(self._network.get_image_features(**given))
            return vectors
        given |= unmasked(self._network, given["pixel_values"])
        return self._pool(self._network(**given).last_hidden_state)

    def _pool(self, states: Tensor) -> Tensor:
        if states.ndim == 4:  # convolutional networks: (N, C, H, W)
            return states.mean(dim=(2, 3))
        return states[:, 0] if self.pooling == "class token" else states.mean(dim=1)


def _load_settings(identifier: str) -> Mapping[str, Any]:
    try:
        settings = read_json(identifier, "preprocessor_config.json", "processor_config.json")
        # Releases of transformers from 5 on keep the settings of all modalities in one file.
        inner: Mapping[str, Any] = settings.get("image_processor", settings)
    except (OSError, ValueError) as error:
        files = "config.json, model.safetensors and preprocessor_config.json"
        raise not_loaded("image", identifier, error, files) from error
    return inner
