"""Models of the timm library, Zoobot's among them, as image encoders."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from skylore.encoders.base import Pixels
from skylore.encoders.convnext import ConvNeXt, is_plain_convnext
from skylore.encoders.hub_files import find_file, read_json
from skylore.encoders.network import NetworkEncoder
from skylore.encoders.preprocess import Preprocessing
from skylore.encoders.revisions import network_digest
from skylore.errors import DependencyMissingError, ModelError

__all__ = ["TimmEncoder", "read_convnext", "timm_preprocessing"]

_SAVED = re.compile(r"(?:hf[-_]hub|local-dir):(.+)")


def timm_preprocessing(config: Mapping[str, Any]) -> Preprocessing:
    """Read a ``pretrained_cfg``, or what ``timm.data.resolve_model_data_config`` gives.

    As timm evaluates: the shorter side is resized to the input size divided by ``crop_pct``, and
    the centre is cropped to the input size.

    Raises
    ------
    ModelError
        If the model is evaluated in another way.
    """
    mode = config.get("crop_mode") or "center"
    if mode != "center":
        raise ModelError(f"this model's preprocessing crops by {mode!r}; only 'center' is known")
    _, height, width = config["input_size"]
    return Preprocessing(
        resize=int(max(height, width) / (config.get("crop_pct") or 1.0)),
        resample=Image.Resampling[(config.get("interpolation") or "bilinear").upper()],
        crop=(height, width),
        factor=1 / 255,
        mean=tuple(config["mean"]),
        deviation=tuple(config["std"]),
        rounds_crop=True,
    )


class TimmEncoder(NetworkEncoder):
    """Encodes images with the pooled features of a pretrained timm model.

    A ConvNeXt that timm saved to the hub or to a folder, as Zoobot's encoders are, is read without
    timm. All others need it.

    Parameters
    ----------
    identifier : str
        What ``timm.create_model`` takes, such as ``convnext_nano.in12k``; ``hf-hub:ID`` for a
        model on the hub, such as ``hf-hub:mwalmsley/zoobot-encoder-convnext_nano``;
        ``local-dir:FOLDER`` for one saved on disk.

    Raises
    ------
    DependencyMissingError
        If timm is needed, and it or torchvision, which it imports, is missing.
    ModelError
        If the model cannot be loaded.
    """

    def __init__(self, identifier: str) -> None:
        super().__init__()
        self.name = f"timm:{identifier}"
        network, config = read_convnext(identifier) or _load_by_timm(identifier)
        self._network: Any = network.eval().to(self.device)
        self._preprocessing = timm_preprocessing(config)

    @cached_property
    def dimension(self) -> int:
        """The length of a vector."""
        known: int = getattr(self._network, "width", None) or self._network.num_features
        return int(known)

    @cached_property
    def revision(self) -> str:
        """A digest of weights and preprocessing."""
        return network_digest(self._network, self._preprocessing, "rounded crop")

    def prepare(self, inputs: Sequence[Pixels]) -> dict[str, Tensor]:
        """Resize and crop images, 8-bit still."""
        return {"pixels": torch.from_numpy(self._preprocessing.frames(inputs))}

    def forward(self, prepared: dict[str, Tensor]) -> Tensor:
        """Give pooled features."""
        vectors: Tensor = self._network(self._preprocessing.standardise(prepared["pixels"]))
        return vectors


def read_convnext(identifier: str) -> tuple[ConvNeXt, Mapping[str, Any]] | None:
    """Read a saved ConvNeXt and its settings; None if it is none, or timm's own weights are asked.

    Raises
    ------
    ModelError
        If it cannot be read.
    """
    saved = _SAVED.fullmatch(identifier)
    if saved is None:
        return None
    try:
        config = read_json(saved[1], "config.json")
        if not is_plain_convnext(str(config.get("architecture", ""))):
            return None
        path = find_file(saved[1], "model.safetensors")
    except (OSError, ValueError) as error:
        raise _not_loaded(identifier, error) from error
    if path is None:
        raise _not_loaded(identifier, FileNotFoundError("there is no model.safetensors."))
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        weights = load_file(path)
    except (OSError, SafetensorError) as error:
        raise _not_loaded(identifier, error) from error
    return ConvNeXt.from_weights(weights), config.get("pretrained_cfg") or config


def _load_by_timm(identifier: str) -> tuple[Any, Mapping[str, Any]]:
    try:
        import timm
    except (ImportError, RuntimeError) as error:  # a torchvision of another torch raises the latter
        raise DependencyMissingError(
            f"the image encoder timm:{identifier} needs timm and a torchvision that fits torch "
            f"({error}). Install them with: pip install skylore[timm]. A plain ConvNeXt, saved on "
            "the hub or in a folder (hf-hub:ID, local-dir:FOLDER), needs neither."
        ) from error
    try:
        network = timm.create_model(identifier, pretrained=True, num_classes=0)
    except (OSError, ValueError, RuntimeError) as error:
        raise _not_loaded(identifier, error) from error
    return network, timm.data.resolve_model_data_config(network)


def _not_loaded(identifier: str, error: Exception) -> ModelError:
    reason = str(error).strip().partition("\n")[0]
    return ModelError(
        f"the image encoder timm:{identifier} cannot be loaded: {reason} Check the name with "
        "timm.list_models(pretrained=True); with no network, give local-dir:FOLDER with "
        "config.json and model.safetensors, or use scattering."
    )
