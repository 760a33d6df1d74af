"""The convolutional network that sees galaxies, and its configuration."""

from __future__ import annotations

from typing import Annotated, cast

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the name that torch code uses everywhere

__all__ = ["GalaxyNetwork", "NetworkConfig"]

Size = Annotated[int, Field(ge=1)]

_TYPICAL_LEVEL = 0.1
_TYPICAL_SPREAD = 0.2
"""Mean and standard deviation of survey cutouts, scaled from 0 to 1."""


class NetworkConfig(BaseModel):
    """Sizes of a network.

    Attributes
    ----------
    pixels : int
        Side of the canvas that images are brought to.
    width : int
        Channels of the first stage.
    depths : tuple of int
        Residual blocks in each stage; each stage after the first halves the resolution.
    multipliers : tuple of int
        Channels of each stage, in widths.
    drop_path : float
        Chance that the last block is left out in training; earlier ones in proportion to their
        depth (Huang et al. 2016, arXiv 1603.09382).
    views : int
        Quarter turns over which features are averaged when images are encoded: 1, 2 or 4.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    pixels: Annotated[int, Field(ge=16, le=1024)] = 80
    width: Size = 32
    depths: tuple[Size, ...] = (1, 2, 2, 1)
    multipliers: tuple[Size, ...] = (1, 2, 4, 6)
    drop_path: Annotated[float, Field(ge=0, lt=1)] = 0.1
    views: Annotated[int, Field(ge=1, le=4)] = 1

    @property
    def dimension(self) -> int:
        """Length of a feature vector."""
        return self.width * self.multipliers[-1]


class GalaxyNetwork(nn.Module):
    """A residual network (He et al. 2016, arXiv 1512.03385) for small images on CPUs.

    3 × 3 convolutions with batch normalisation throughout, for which CPUs have fast code, and a
    mean over positions at the end.
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        total = sum(config.depths)
        channels, place = config.width, 0
        layers: list[nn.Module] = [_convolution(3, channels, stride=2), nn.ReLU(inplace=True)]
        for stage, (depth, factor) in enumerate(
            zip(config.depths, config.multipliers, strict=True)
        ):
            if stage:
                wider = config.width * factor
                layers += [_convolution(channels, wider, stride=2), nn.ReLU(inplace=True)]
                channels = wider
            for _ in range(depth):
                place += 1
                layers.append(_ResidualBlock(channels, config.drop_path * place / total))
        self.body = nn.Sequential(*layers)

    def forward(self, pixels: Tensor) -> Tensor:
        """Give features ``(N, D)`` of images ``(N, 3, H, W)`` with values from 0 to 1."""
        seen: Tensor = self.body((pixels - _TYPICAL_LEVEL) / _TYPICAL_SPREAD)
        return seen.mean(dim=(2, 3))


class _ResidualBlock(nn.Module):
    def __init__(self, channels: int, drop_path: float) -> None:
        super().__init__()
        self.first = _convolution(channels, channels)
        self.second = _convolution(channels, channels)
        # A block that starts as the identity lets deep networks learn from the first step.
        nn.init.zeros_(cast(Tensor, self.second[1].weight))
        self.drop_path = drop_path

    def forward(self, x: Tensor) -> Tensor:
        change = self.second(F.relu(self.first(x)))
        if self.training and self.drop_path:
            kept = torch.rand(len(x), 1, 1, 1, device=x.device) >= self.drop_path
            change = change * kept / (1 - self.drop_path)
        return F.relu(x + change)


def _convolution(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False), nn.BatchNorm2d(outputs)
    )
