"""The convolutional network that sees galaxies, and its configuration."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, Self, cast

import torch
from pydantic import BaseModel, ConfigDict, Field, model_validator
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the name that torch code uses everywhere

__all__ = ["GalaxyNetwork", "NetworkConfig", "frames_of"]

Size = Annotated[int, Field(ge=1)]

_TYPICAL_LEVEL = 0.1
_TYPICAL_SPREAD = 0.2
"""Mean and standard deviation of survey cutouts, scaled from 0 to 1."""


class NetworkConfig(BaseModel):
    """Sizes of a network.

    Attributes
    ----------
    pixels : int
        Side of a frame, which is what the network sees at once.
    frames : int
        1 for the whole image; 2 for its middle half at twice the resolution as well. Surveys cut
        out galaxies with sky around, and arms and bars are lost when all of it is scaled down.
    width : int
        Channels of the first stage.
    depths : tuple of int
        Residual blocks in each stage; each stage after the first halves the resolution.
    multipliers : tuple of int
        Channels of each stage, in widths.
    drop_path : float
        Chance that the last block is left out in training; earlier ones in proportion to their
        depth (Huang et al. 2016, arXiv 1603.09382).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    pixels: Annotated[int, Field(ge=16, le=1024)] = 64
    frames: Literal[1, 2] = 2
    width: Size = 32
    depths: tuple[Size, ...] = (1, 2, 2, 1)
    multipliers: tuple[Size, ...] = (1, 2, 4, 6)
    drop_path: Annotated[float, Field(ge=0, lt=1)] = 0.1

    @model_validator(mode="after")
    def _stages_agree(self) -> Self:
        if not self.depths or len(self.depths) != len(self.multipliers):
            raise ValueError(
                f"{len(self.depths)} depths and {len(self.multipliers)} multipliers: give one of "
                "each for every stage"
            )
        return self

    @property
    def canvas(self) -> int:
        """Side of the square that images are brought to."""
        return self.pixels * self.frames

    @property
    def dimension(self) -> int:
        """Length of a feature vector."""
        return self.width * self.multipliers[-1] * self.frames


class GalaxyNetwork(nn.Module):
    """A residual network (He et al. 2016, arXiv 1512.03385) for small images on CPUs.

    3 × 3 convolutions with batch normalisation throughout, for which CPUs have fast code, and a
    mean over positions at the end. Frames pass through the same weights, and their features are
    put side by side.
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

    def forward(self, frames: Sequence[Tensor]) -> Tensor:
        """Give features ``(N, D)`` of the frames of ``N`` images.

        Parameters
        ----------
        frames : sequence of Tensor, shape (N, 3, pixels, pixels)
            As :func:`frames_of` gives them, from 0 to 1.
        """
        together = (torch.cat(list(frames)) - _TYPICAL_LEVEL) / _TYPICAL_SPREAD
        seen: Tensor = self.body(together.contiguous(memory_format=torch.channels_last))
        return torch.cat(seen.mean(dim=(2, 3)).chunk(len(frames)), dim=1)


def frames_of(canvases: Tensor, config: NetworkConfig) -> list[Tensor]:
    """Cut canvases ``(N, 3, canvas, canvas)``, 8-bit, into frames with values from 0 to 1.

    Raises
    ------
    TypeError
        If the canvases are not 8-bit: dividing them by 255 twice would go unnoticed.
    """
    if canvases.dtype != torch.uint8:
        raise TypeError(f"images to be encoded are 8-bit, not {canvases.dtype}")
    images = canvases.float() / 255
    if config.frames == 1:
        return [images]
    margin = config.pixels // 2
    middle = images[:, :, margin : margin + config.pixels, margin : margin + config.pixels]
    return [F.avg_pool2d(images, 2), middle]


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
