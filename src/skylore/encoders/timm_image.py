"""Models of the timm library as image encoders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from skylore.encoders.base import Pixels
from skylore.encoders.devices import default_device
from skylore.encoders.network import NetworkEncoder
from skylore.encoders.preprocess import Preprocessing
from skylore.encoders.revisions import network_digest
from skylore.errors import DependencyMissingError, ModelError

__all__ = ["TimmEncoder", "timm_preprocessing"]


def timm_preprocessing(config: Mapping[str, Any]) -> Preprocessing:
    """Read what ``timm.data.resolve_model_data_config`` gives.

    As timm evaluates: the shorter side is resized to the input size divided by ``crop_pct``, and
    the centre is cropped to the input size.
    """
    _, height, width = config["input_size"]
    return Preprocessing(
        resize=int(max(height, width) / config.get("crop_pct", 1.0)),
        resample=Image.Resampling[config.get("interpolation", "bilinear").upper()],
        crop=(height, width),
        factor=1 / 255,
        mean=tuple(config["mean"]),
        deviation=tuple(config["std"]),
    )


class TimmEncoder(NetworkEncoder):
    """Encodes images with the pooled features of a pretrained timm model.

    Parameters
    ----------
    identifier : str
        What ``timm.create_model`` takes, such as ``convnext_nano.in12k``; ``local-dir:FOLDER``
        for a model saved on disk.

    Raises
    ------
    DependencyMissingError
        If timm, or torchvision, which timm imports, is not installed.
    ModelError
        If the model cannot be loaded.
    """

    def __init__(self, identifier: str) -> None:
        self.name = f"timm:{identifier}"
        self._device = default_device()
        self._network, config = _load_network(identifier)
        self._network = self._network.eval().to(self._device)
        self._preprocessing = timm_preprocessing(config)

    @property
    def dimension(self) -> int:
        """The length of a vector."""
        return int(self._network.num_features)

    @cached_property
    def revision(self) -> str:
        """A digest of weights and preprocessing."""
        return network_digest(self._network, self._preprocessing)

    def _forward(self, images: Sequence[Pixels]) -> NDArray[np.float32]:
        pixels = torch.from_numpy(self._preprocessing.apply(images)).to(self._device)
        with torch.inference_mode():
            result: NDArray[np.float32] = self._network(pixels).float().cpu().numpy()
        return result


def _load_network(identifier: str) -> tuple[Any, Mapping[str, Any]]:
    try:
        import timm
    except ImportError as error:
        raise DependencyMissingError(
            f"the image encoder timm:{identifier} needs timm and torchvision ({error}). "
            "Install them with: pip install skylore[timm]"
        ) from error
    try:
        network = timm.create_model(identifier, pretrained=True, num_classes=0)
    except (OSError, ValueError, RuntimeError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise ModelError(
            f"the image encoder timm:{identifier} cannot be loaded: {reason} Check the name with "
            "timm.list_models(pretrained=True); with no network, use scattering."
        ) from error
    return network, timm.data.resolve_model_data_config(network)
