"""Vision networks of the transformers library, to be trained on."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from skylore.classification.descriptions import HubDescription
from skylore.classification.trainable import TrainableNetwork
from skylore.errors import DependencyMissingError, ModelError
from skylore.morphology.network import NetworkConfig

__all__ = ["HubVision", "load_hub_vision"]


class HubVision(TrainableNetwork):
    """A vision tower, fine-tuned block by block."""

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
        """Standardise, encode and pool."""
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


def load_hub_vision(identifier: str) -> TrainableNetwork:
    """Load a network of the hub, or of a folder in its format.

    Raises
    ------
    DependencyMissingError
        transformers is not installed.
    ModelError
        It cannot be loaded, or takes no square images.
    """
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
    return HubVision(description, network.cpu())


def _from_config(config: dict[str, Any]) -> Any:  # noqa: ANN401 - transformers has no types
    try:
        from transformers import AutoConfig, AutoModel
    except ImportError as error:
        raise DependencyMissingError(
            "this classifier needs transformers. Install it with: pip install skylore[hub]"
        ) from error
    kind = config["model_type"]
    return AutoModel.from_config(AutoConfig.for_model(**{**config, "model_type": kind}))
