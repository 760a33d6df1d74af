"""Vision networks that can be trained on, to a folder and back."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from skylore.errors import DependencyMissingError, ModelError
from skylore.morphology.network import GalaxyNetwork, NetworkConfig

__all__ = [
    "GalaxyDescription",
    "HubDescription",
    "NetworkDescription",
    "TrainableNetwork",
    "load_trainable",
    "make_network",
]


class GalaxyDescription(BaseModel):
    """A network of Skylore's own."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["skylore"] = "skylore"
    network: NetworkConfig


class HubDescription(BaseModel):
    """A vision network of the transformers library.

    Attributes
    ----------
    config : dict
        Its ``config.json``.
    pooling : str
        Which of its outputs is the feature vector.
    pixels : int
        Side of the images it takes.
    factor : float
    mean, deviation : tuple of float
        What 8-bit values are multiplied by, and then standardised with.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["transformers"] = "transformers"
    config: dict[str, Any]
    pooling: Literal["projection", "class token", "mean"]
    pixels: Annotated[int, Field(ge=16, le=1024)]
    factor: float
    mean: tuple[float, float, float]
    deviation: tuple[float, float, float]


NetworkDescription = Annotated[GalaxyDescription | HubDescription, Field(discriminator="kind")]


class TrainableNetwork(nn.Module, ABC):
    """From frames of images, with values from 0 to 1, to features.

    Attributes
    ----------
    description : NetworkDescription
        From which the network can be made again, without its weights.
    view : NetworkConfig
        Which frames it takes.
    dimension : int
        Of a feature vector.
    """

    description: GalaxyDescription | HubDescription
    view: NetworkConfig
    dimension: int

    @abstractmethod
    def forward(self, frames: Sequence[Tensor]) -> Tensor:
        """Give features ``(N, D)`` of frames ``(N, 3, S, S)``."""

    def train(self, mode: bool = True) -> Self:
        """Set the mode; batch normalisation keeps the statistics that it came with.

        Photographs and symbols pass through the same network in turns, and have no mean in common.
        """
        super().train(mode)
        for module in self.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):  # noqa: SLF001 - torch has no public name for all of them
                module.eval()
        return self

    @abstractmethod
    def layers(self) -> list[list[nn.Parameter]]:
        """Give the parameters layer by layer, from the input to the output."""


class _GalaxyVision(TrainableNetwork):
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


class _HubVision(TrainableNetwork):
    mean: Tensor
    deviation: Tensor
    description: HubDescription

    def __init__(self, description: HubDescription, network: Any) -> None:  # noqa: ANN401 - transformers has no types
        super().__init__()
        self.description = description
        self.view = NetworkConfig(pixels=description.pixels, frames=1)
        self.network = network if network is not None else _from_config(description.config)
        _without_texts(self.network)
        self.register_buffer("mean", torch.tensor(description.mean)[:, None, None])
        self.register_buffer("deviation", torch.tensor(description.deviation)[:, None, None])
        side = description.pixels
        with torch.inference_mode():
            self.dimension = self.eval()([torch.zeros(1, 3, side, side)]).shape[1]

    def forward(self, frames: Sequence[Tensor]) -> Tensor:
        from skylore.encoders.hub_network import projected, unmasked

        scaled = 255 * self.description.factor * frames[0]
        pixels = (scaled - self.mean) / self.deviation
        pooling = self.description.pooling
        if pooling == "projection":
            vectors: Tensor = projected(self.network.get_image_features(pixel_values=pixels))
            return vectors
        shown = unmasked(self.network, pixels)
        states: Tensor = self.network(pixel_values=pixels, **shown).last_hidden_state
        if states.ndim == 4:  # convolutional networks: (N, C, H, W)
            return states.mean(dim=(2, 3))
        return states[:, 0] if pooling == "class token" else states.mean(dim=1)

    def layers(self) -> list[list[nn.Parameter]]:
        """Take the blocks of the vision tower for layers; what comes before them is the first."""
        tower = getattr(self.network, "vision_model", self.network)
        stacks = [m for m in tower.modules() if isinstance(m, nn.ModuleList)]
        blocks = max(stacks, key=lambda stack: sum(p.numel() for p in stack.parameters()))
        within = set(blocks.parameters())
        layers: list[list[nn.Parameter]] = [[], *(list(b.parameters()) for b in blocks), []]
        begun = False
        for parameter in tower.parameters():
            begun = begun or parameter in within
            if parameter not in within:
                layers[-1 if begun else 0].append(parameter)
        projection = getattr(self.network, "visual_projection", None)
        if projection is not None:
            layers[-1] += list(projection.parameters())
        return [layer for layer in layers if layer]


def _without_texts(network: Any) -> None:  # noqa: ANN401 - transformers has no types
    """Drop the tower of texts, which images do not pass through, and save its weights' room."""
    for name in ("text_model", "text_projection"):
        if hasattr(network, "get_image_features") and hasattr(network, name):
            delattr(network, name)


def make_network(description: GalaxyDescription | HubDescription) -> TrainableNetwork:
    """Make a network with fresh weights."""
    if isinstance(description, GalaxyDescription):
        return _GalaxyVision(description, None)
    return _HubVision(description, None)


def load_trainable(name: str) -> TrainableNetwork:
    """Load a network to train on.

    Parameters
    ----------
    name : str
        ``galaxy-nano``, ``model:FOLDER``, or ``hf:ID-OR-FOLDER`` for CLIP, SigLIP, DINOv2, ViT,
        ResNet, ConvNeXt, MAE, MSN and others that transformers has.

    Raises
    ------
    DependencyMissingError
        It needs an extra that is not installed.
    ModelError
        There is no such network, its weights cannot be read, or it takes no square images.
    """
    if name.startswith("hf:"):
        return _load_hub(name.removeprefix("hf:"))
    from skylore.morphology.starting import load_start

    network = load_start(name)
    return _GalaxyVision(GalaxyDescription(network=network.config), network)


def _load_hub(identifier: str) -> TrainableNetwork:
    from skylore.encoders.hub_image import HubImageEncoder
    from skylore.encoders.hub_network import load_network

    encoder = HubImageEncoder(identifier)
    settings = encoder.preprocessing
    side = settings.crop or settings.resize
    side = (side, side) if isinstance(side, int) else side
    if side is None or side[0] != side[1]:
        raise ModelError(f"hf:{identifier} takes no square images of one size, and cannot be tuned")
    # A copy, since encoders of this process share the network that is about to be changed.
    network = copy.deepcopy(load_network(identifier))
    description = HubDescription(
        config=network.config.to_dict(),
        pooling=encoder.pooling,
        pixels=side[0],
        factor=settings.factor,
        mean=settings.mean,
        deviation=settings.deviation,
    )
    return _HubVision(description, network.cpu())


def _from_config(config: dict[str, Any]) -> Any:  # noqa: ANN401 - transformers has no types
    try:
        from transformers import AutoConfig, AutoModel
    except ImportError as error:
        raise DependencyMissingError(
            "this classifier needs transformers. Install it with: pip install skylore[hub]"
        ) from error
    kind = config["model_type"]
    return AutoModel.from_config(AutoConfig.for_model(**{**config, "model_type": kind}))
