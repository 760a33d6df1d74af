"""Vision models of the transformers library as image encoders."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from skylore.encoders.base import Pixels
from skylore.encoders.devices import default_device
from skylore.encoders.network import NetworkEncoder
from skylore.encoders.preprocess import Preprocessing
from skylore.encoders.revisions import network_digest
from skylore.errors import DependencyMissingError, ModelError

__all__ = ["HubImageEncoder"]


class HubImageEncoder(NetworkEncoder):
    """Encodes images with a model from the Hugging Face hub, or from a folder saved in its format.

    The vector is the image projection where the model has one (CLIP, SigLIP), else the class
    token where the network has one (ViT, DINOv2), else the mean over all positions (ConvNeXt,
    Swin). Only safetensors weights are read, and no code of the repository is run.

    Parameters
    ----------
    identifier : str
        A repository of the hub, or a folder with ``config.json``, ``model.safetensors`` and
        ``preprocessor_config.json``.

    Raises
    ------
    DependencyMissingError
        If transformers is not installed.
    ModelError
        If the model cannot be loaded.
    """

    def __init__(self, identifier: str) -> None:
        self.name = f"hf:{identifier}"
        self._device = default_device()
        network: Any = _load_network(identifier)
        self._network = network.eval().to(self._device)
        self._preprocessing = Preprocessing.from_config(_load_settings(identifier))

    @cached_property
    def _pooling(self) -> str:
        if hasattr(self._network, "get_image_features"):
            return "projection"
        names = (name for name, _ in self._network.named_parameters())
        return "class token" if any("cls_token" in name for name in names) else "mean"

    @cached_property
    def dimension(self) -> int:
        """The length of a vector."""
        return int(self._forward([np.zeros((32, 32, 3), dtype=np.uint8)]).shape[1])

    @cached_property
    def revision(self) -> str:
        """A digest of weights, preprocessing and pooling."""
        return network_digest(self._network, self._preprocessing, self._pooling)

    def _forward(self, images: Sequence[Pixels]) -> NDArray[np.float32]:
        pixels = torch.from_numpy(self._preprocessing.apply(images)).to(self._device)
        with torch.inference_mode():
            if self._pooling == "projection":
                found = self._network.get_image_features(pixel_values=pixels)
                vectors = found if isinstance(found, Tensor) else found.pooler_output
            else:
                vectors = self._pool(self._network(pixel_values=pixels).last_hidden_state)
        result: NDArray[np.float32] = vectors.float().cpu().numpy()
        return result

    def _pool(self, states: Tensor) -> Tensor:
        if states.ndim == 4:  # convolutional networks: (N, C, H, W)
            return states.mean(dim=(2, 3))
        return states[:, 0] if self._pooling == "class token" else states.mean(dim=1)


def _load_network(identifier: str) -> object:
    try:
        from transformers import AutoModel
    except ImportError as error:
        raise DependencyMissingError(
            f"the image encoder hf:{identifier} needs transformers. "
            "Install it with: pip install skylore[hub]"
        ) from error
    try:
        return AutoModel.from_pretrained(identifier, use_safetensors=True, trust_remote_code=False)
    except (OSError, ValueError, RuntimeError) as error:
        raise ModelError(_not_loaded(identifier, error)) from error


def _load_settings(identifier: str) -> Mapping[str, Any]:
    from transformers.utils import cached_file

    name = "preprocessor_config.json"
    try:
        local = Path(identifier) / name
        path = local if local.parent.is_dir() else Path(cached_file(identifier, name))
        settings: Mapping[str, Any] = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(_not_loaded(identifier, error)) from error
    return settings


def _not_loaded(identifier: str, error: Exception) -> str:
    reason = str(error).strip().partition("\n")[0]
    return (
        f"the image encoder hf:{identifier} cannot be loaded: {reason} Check the name; with no "
        "network, give a folder with config.json, model.safetensors and preprocessor_config.json."
    )
