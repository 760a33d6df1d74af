"""A trained encoder: network, heads and what their outputs mean, to disk and back."""

from __future__ import annotations

from typing import cast

import torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor, nn

from skylore import __version__
from skylore.morphology.heads import make_heads
from skylore.morphology.labels import LearntLabels
from skylore.morphology.network import GalaxyNetwork, NetworkConfig, frames_of
from skylore.morphology.objectives import Objective
from skylore.training.folders import FolderModel

__all__ = ["EncoderConfig", "EncoderModel"]


class EncoderConfig(BaseModel):
    """The ``config.json`` of a trained encoder."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    network: NetworkConfig
    labels: tuple[LearntLabels, ...] = ()
    skylore_version: str = __version__


class EncoderModel(FolderModel):
    """A network, a centre and scale of its features, and a head for each sort of label.

    Centre and scale are those of :func:`skylore.morphology.turning.standardise`.
    """

    configuration = EncoderConfig
    title = "trained encoder"
    command = "skylore pretrain"
    config: EncoderConfig
    feature_mean: Tensor
    feature_scale: Tensor

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__(config)
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


def _module_name(name: str) -> str:
    """Give a name that torch takes: columns may have dots, or be called ``type`` or ``keys``."""
    spelt = name.replace("%", "%25").replace(".", "%2E")
    return f"{spelt}%" if hasattr(nn.ModuleDict(), spelt) else spelt
