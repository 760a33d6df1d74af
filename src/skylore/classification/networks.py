"""Vision networks that can be trained on, by name and to a folder and back."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from skylore.classification.convnext_vision import ConvNextVision, load_convnext_vision
from skylore.classification.descriptions import (
    ConvNextDescription,
    GalaxyDescription,
    NetworkDescription,
)
from skylore.classification.hub_vision import HubVision, load_hub_vision
from skylore.classification.trainable import TrainableNetwork
from skylore.encoders.trained import folder_of
from skylore.errors import ModelError
from skylore.morphology.network import GalaxyNetwork
from skylore.morphology.starting import load_start

__all__ = ["NetworkDescription", "TrainableNetwork", "load_trainable", "make_network"]


class _GalaxyVision(TrainableNetwork):
    """A network of Skylore's own."""

    def __init__(self, description: GalaxyDescription, network: GalaxyNetwork | None) -> None:
        super().__init__()
        self.description = description
        self.view = description.network
        self.dimension = description.network.dimension
        self.network = network or GalaxyNetwork(description.network)

    def forward(self, frames: Sequence[Tensor]) -> Tensor:
        features: Tensor = self.network(frames)
        return features

    def layers(self) -> list[list[nn.Parameter]]:
        found = [list(layer.parameters()) for layer in self.network.body.children()]
        return [layer for layer in found if layer]


def make_network(description: NetworkDescription) -> TrainableNetwork:
    """Make a network with fresh weights."""
    if isinstance(description, GalaxyDescription):
        return _GalaxyVision(description, None)
    if isinstance(description, ConvNextDescription):
        return ConvNextVision(description)
    return HubVision(description, None)


def load_trainable(name: str) -> TrainableNetwork:
    """Load a network to train on.

    Parameters
    ----------
    name : str
        ``galaxy-nano``, ``model:FOLDER``, ``hf:ID-OR-FOLDER`` for CLIP, SigLIP, DINOv2, ViT,
        ResNet, ConvNeXt, MAE, MSN and others that transformers has, or ``timm:hf-hub:ID`` and
        ``timm:local-dir:FOLDER`` for a ConvNeXt that timm saved, as Zoobot's encoders are.

    Raises
    ------
    DependencyMissingError
        It needs an extra that is not installed.
    ModelError
        There is no such network, its weights cannot be read, or it takes no square images.
    """
    family, _, place = name.partition(":")
    if family == "hf" and place:
        return load_hub_vision(place)
    if family == "timm" and place:
        return load_convnext_vision(place)
    if folder_of(name) is None:
        raise ModelError(
            f"training cannot go on from {name!r}; give galaxy-nano, model:FOLDER of `skylore "
            "pretrain`, hf:ID-or-folder (hf:facebook/dinov2-small), or timm:hf-hub:ID of a "
            "ConvNeXt (timm:hf-hub:mwalmsley/zoobot-encoder-convnext_nano)"
        )
    network = load_start(name)
    return _GalaxyVision(GalaxyDescription(network=network.config), network)
