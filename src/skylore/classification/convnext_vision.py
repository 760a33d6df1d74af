"""ConvNeXts as timm saves them, Zoobot's encoders among them, to be trained on without timm."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from skylore.classification.descriptions import ConvNextDescription
from skylore.classification.trainable import TrainableNetwork
from skylore.encoders.convnext import ConvNeXt
from skylore.encoders.timm_image import read_convnext, timm_preprocessing
from skylore.errors import ModelError
from skylore.morphology.network import NetworkConfig

__all__ = ["ConvNextVision", "load_convnext_vision"]


class ConvNextVision(TrainableNetwork):
    """A ConvNeXt, fine-tuned block by block."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, description: ConvNextDescription, network: ConvNeXt | None = None) -> None:
        super().__init__()
        self.description = description
        self.view = NetworkConfig(pixels=description.pixels, frames=1)
        self.network = network or ConvNeXt(description.widths, description.depths)
        self.dimension = self.network.width
        self.register_buffer("mean", torch.tensor(description.mean)[:, None, None])
        self.register_buffer("deviation", torch.tensor(description.deviation)[:, None, None])

    def forward(self, frames: Sequence[Tensor]) -> Tensor:
        """Standardise and encode."""
        features: Tensor = self.network((frames[0] - self.mean) / self.deviation)
        return features

    def layers(self) -> list[list[nn.Parameter]]:
        """Take the blocks for layers; what halves the resolution goes with the block after it."""
        layers = [list(self.network.stem.parameters())]
        for stage in self.network.stages.children():
            halving = list(stage.get_submodule("downsample").parameters())
            for block in stage.get_submodule("blocks").children():
                layers.append([*halving, *block.parameters()])
                halving = []
        return [*layers, list(self.network.head.parameters())]


def load_convnext_vision(identifier: str) -> TrainableNetwork:
    """Load a ConvNeXt that timm saved.

    Parameters
    ----------
    identifier : str
        ``hf-hub:ID``, such as ``hf-hub:mwalmsley/zoobot-encoder-convnext_nano``, or
        ``local-dir:FOLDER``.

    Raises
    ------
    ModelError
        It cannot be read, or is no plain ConvNeXt.
    """
    found = read_convnext(identifier)
    if found is None:
        raise ModelError(
            f"timm:{identifier} cannot be trained on: of timm's models, a plain ConvNeXt is, saved "
            "on the hub or in a folder (timm:hf-hub:mwalmsley/zoobot-encoder-convnext_nano, "
            "timm:local-dir:FOLDER). Others are under hf:, as transformers has them"
        )
    network, config = found
    settings = timm_preprocessing(config)
    if settings.crop is None or settings.crop[0] != settings.crop[1]:
        raise ModelError(f"timm:{identifier} takes no square images, and cannot be trained on")
    stages = list(network.stages.children())
    description = ConvNextDescription(
        widths=tuple(len(stage.get_parameter("blocks.0.conv_dw.weight")) for stage in stages),
        depths=tuple(len(list(stage.get_submodule("blocks").children())) for stage in stages),
        pixels=settings.crop[0],
        mean=settings.mean,
        deviation=settings.deviation,
    )
    return ConvNextVision(description, network)
