"""A trained encoder: network, heads and what their outputs mean, to disk and back."""

from __future__ import annotations

import hashlib
import os
from functools import cached_property
from pathlib import Path
from typing import cast

import torch
from pydantic import BaseModel, ConfigDict
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from skylore import __version__
from skylore.errors import ModelError
from skylore.morphology.heads import make_heads
from skylore.morphology.labels import LearntLabels
from skylore.morphology.network import GalaxyNetwork, NetworkConfig, frames_of
from skylore.morphology.objectives import Objective

__all__ = ["EncoderConfig", "EncoderModel", "write_whole"]


class EncoderConfig(BaseModel):
    """The ``config.json`` of a trained encoder."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    network: NetworkConfig
    labels: tuple[LearntLabels, ...] = ()
    skylore_version: str = __version__


class EncoderModel(nn.Module):
    """A network, a centre and scale of its features, and a head for each sort of label.

    Centre and scale are those of :func:`skylore.morphology.turning.standardise`.
    """

    feature_mean: Tensor
    feature_scale: Tensor

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.config = config
        self.network = GalaxyNetwork(config.network)
        heads = make_heads(config.network.dimension, config.labels)
        self.heads = nn.ModuleDict({_module_name(name): head for name, head in heads.items()})
        self.register_buffer("feature_mean", torch.zeros(config.network.dimension))
        self.register_buffer("feature_scale", torch.ones(config.network.dimension))

    def features(self, pixels: Tensor) -> Tensor:
        """Give features ``(N, D)`` of canvases ``(N, 3, S, S)``, 8-bit.

        They are those of test time, whatever mode the model is in: the features of an image never
        depend on the images beside it, nor on chance.

        Raises
        ------
        TypeError
            If the canvases are not 8-bit.
        """
        training = self.network.training
        self.network.eval()
        try:
            features: Tensor = self.network(frames_of(pixels, self.config.network))
        finally:
            self.network.train(training)
        return features

    def vectors(self, pixels: Tensor) -> Tensor:
        """Give standardised features of canvases."""
        return (self.features(pixels) - self.feature_mean) / self.feature_scale

    @property
    def objectives(self) -> dict[str, Objective]:
        """The heads by the name of their labels."""
        names = [label.name for label in self.config.labels]
        return {name: cast(Objective, self.heads[_module_name(name)]) for name in names}

    @cached_property
    def identity(self) -> str:
        """A digest of configuration and weights; equal identities give equal vectors."""
        digest = hashlib.sha256(self.config.model_dump_json().encode())
        digest.update(self._weights())
        return digest.hexdigest()[:16]

    def save(self, folder: Path, card: str, report: str | None = None) -> None:
        """Write the model into ``folder``; it counts as there once ``config.json`` is.

        Parameters
        ----------
        folder : Path
        card : str
            The ``README.md``.
        report : str, optional
            The ``training.json``.
        """
        folder.mkdir(parents=True, exist_ok=True)
        if report is not None:
            write_whole(folder / "training.json", f"{report}\n".encode())
        write_whole(folder / "README.md", card.encode())
        write_whole(folder / "model.safetensors", self._weights())
        write_whole(folder / "config.json", f"{self.config.model_dump_json(indent=2)}\n".encode())

    @classmethod
    def load(cls, folder: Path) -> EncoderModel:
        """Read a model that :meth:`save` wrote.

        Raises
        ------
        ModelError
            If a file is missing or damaged, or the weights do not fit the configuration.
        """
        try:
            config = EncoderConfig.model_validate_json((folder / "config.json").read_bytes())
            model = cls(config)
            model.load_state_dict(load_file(folder / "model.safetensors"))
        except (OSError, ValueError, SafetensorError, RuntimeError) as error:
            raise ModelError(
                f"no trained encoder can be read from {folder}: {error}. Train it with `skylore "
                "pretrain`, or fetch a whole copy."
            ) from error
        if not all(bool(torch.isfinite(tensor).all()) for tensor in model.state_dict().values()):
            raise ModelError(f"the weights in {folder} are not finite; train the model again")
        return model.eval()

    def _weights(self) -> bytes:
        return save({name: tensor.cpu().contiguous() for name, tensor in self.state_dict().items()})


def _module_name(name: str) -> str:
    """Give a name that torch takes: columns may have dots, or be called ``type`` or ``keys``."""
    spelt = name.replace("%", "%25").replace(".", "%2E")
    return f"{spelt}%" if hasattr(nn.ModuleDict(), spelt) else spelt


def write_whole(file: Path, content: bytes) -> None:
    """Replace a file, whole or not at all."""
    draft = file.with_name(f".{file.name}")
    draft.write_bytes(content)
    os.replace(draft, file)  # noqa: PTH105 - Path.replace reads as if the text were replaced
