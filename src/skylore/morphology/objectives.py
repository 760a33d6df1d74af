"""What a network learns from one sort of label: a head on its features, and a loss a row.

Every loss is exactly zero, with zero gradient, in rows whose label is missing.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the name that torch code uses everywhere

__all__ = ["ClassObjective", "FigureObjective", "Objective"]


class Objective(nn.Module):
    """A linear head with dropout, and the likelihood of its labels.

    Attributes
    ----------
    weight : float
        Of this loss in the sum.
    """

    def __init__(self, features: int, outputs: int, *, weight: float, dropout: float) -> None:
        super().__init__()
        self.weight = weight
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(features, outputs))

    @abstractmethod
    def loss(self, features: Tensor, targets: Tensor) -> Tensor:
        """Give the negative log likelihood of each row, in nats: ``(N,)``."""

    @abstractmethod
    def known(self, targets: Tensor) -> Tensor:
        """Say which rows have a label: ``(N,)``, bool."""

    @abstractmethod
    def rarity(self, targets: Tensor) -> Tensor:
        """Give how often each row should be drawn, so that rare labels are met: ``(N,)``."""

    @abstractmethod
    def measure(self, features: Tensor, targets: Tensor) -> Mapping[str, float]:
        """Give figures of merit on rows with labels, none of them if there are none."""


class ClassObjective(Objective):
    """Classes by cross-entropy of logits; a target is the number of the class, NaN for missing."""

    def __init__(
        self, features: int, classes: int, *, weight: float = 1.0, dropout: float = 0.2
    ) -> None:
        super().__init__(features, classes, weight=weight, dropout=dropout)
        self.classes = classes

    def loss(self, features: Tensor, targets: Tensor) -> Tensor:
        """Give the cross-entropy of each row, in nats."""
        known = self.known(targets)
        numbers = targets[:, 0].nan_to_num().long()
        entropy = F.cross_entropy(self.head(features), numbers, reduction="none")
        return torch.where(known, entropy, 0.0)

    def known(self, targets: Tensor) -> Tensor:
        """Say which rows have a class."""
        return ~targets[:, 0].isnan()

    def rarity(self, targets: Tensor) -> Tensor:
        """Give the square root of the commonest class's number over that of the row's own."""
        known = self.known(targets)
        numbers = targets[:, 0].nan_to_num().long()
        counts = torch.bincount(numbers[known], minlength=self.classes).clamp(min=1)
        return torch.where(known, (counts.max() / counts[numbers]).sqrt().clamp(max=6), 1.0)

    def measure(self, features: Tensor, targets: Tensor) -> Mapping[str, float]:
        """Give the cross-entropy and the accuracy."""
        known = self.known(targets)
        if not known.any():
            return {}
        right = self.head(features[known]).argmax(dim=1) == targets[known, 0]
        entropy = self.loss(features[known], targets[known]).mean()
        return {"cross-entropy": float(entropy), "accuracy": float(right.float().mean())}


class FigureObjective(Objective):
    """Measured figures by Huber's loss (1964) on a scale of robust standard deviations."""

    def __init__(
        self, features: int, figures: int, *, weight: float = 1.0, dropout: float = 0.0
    ) -> None:
        super().__init__(features, figures, weight=weight, dropout=dropout)

    def loss(self, features: Tensor, targets: Tensor) -> Tensor:
        """Give the mean over the figures of each row that are known."""
        known = ~targets.isnan()
        wanted = targets.nan_to_num()
        each = F.smooth_l1_loss(self.head(features), wanted, reduction="none")
        return torch.where(known, each, 0.0).sum(dim=1) / known.sum(dim=1).clamp(min=1)

    def known(self, targets: Tensor) -> Tensor:
        """Say which rows have any figure."""
        return ~targets.isnan().all(dim=1)

    def rarity(self, targets: Tensor) -> Tensor:
        """Give one: figures have no rare classes."""
        return torch.ones(len(targets))

    def measure(self, features: Tensor, targets: Tensor) -> Mapping[str, float]:
        """Give the mean absolute error in robust deviations, and that of guessing zero."""
        known = ~targets.isnan()
        if not known.any():
            return {}
        found = self.head(features)[known]
        wanted = targets[known]
        return {
            "absolute error": float((found - wanted).abs().mean()),
            "absolute error of a constant": float(wanted.abs().mean()),
        }
