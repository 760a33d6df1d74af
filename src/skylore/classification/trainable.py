"""What every vision network that can be trained on does."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Self

from torch import Tensor, nn

from skylore.classification.descriptions import NetworkDescription
from skylore.morphology.network import NetworkConfig

__all__ = ["TrainableNetwork"]


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

    description: NetworkDescription
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
