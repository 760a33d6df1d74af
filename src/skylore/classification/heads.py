"""The head that brings a network's features into the shared space."""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["Head", "Standard"]


class Standard(nn.Module):
    """Features about their mean, in standard deviations; as they are until both are known.

    Parameters
    ----------
    features : int
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, features: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("scale", torch.ones(features))

    def learn(self, features: Tensor) -> None:
        """Take mean and standard deviation from features ``(N, F)``."""
        self.mean.copy_(features.mean(dim=0))
        self.scale.copy_(features.std(dim=0).clamp(min=1e-6))

    def forward(self, features: Tensor) -> Tensor:
        """Standardise, ``(..., F)``."""
        standard: Tensor = (features - self.mean) / self.scale
        return standard


class Head(nn.Module):
    """From standardised features to the shared space, with one hidden layer.

    Few labels bend a linear map to their noise; half of the features being left out of each step
    (Srivastava et al. 2014) holds against that, and the hidden layer lets a class be more than one
    direction (Chen et al. 2020, arXiv 2002.05709, section 4.2).

    Parameters
    ----------
    features, dimension : int
    dropout : float
        Share of the features left out of a step.
    """

    def __init__(self, features: int, dimension: int, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.hidden = nn.Linear(features, dimension)
        self.out = nn.Linear(dimension, dimension)

    def forward(self, standard: Tensor) -> Tensor:
        """Give vectors ``(..., D)``, not yet of unit length, of standardised features."""
        hidden = nn.functional.gelu(self.hidden(self.dropout(standard)))
        found: Tensor = self.out(hidden)
        return found
