"""Learning from volunteers' answers to the questions of a decision tree."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor

from skylore.morphology.concentration import concentration_head
from skylore.morphology.objectives import Objective
from skylore.morphology.tree import DecisionTree
from skylore.morphology.votes import expected_fractions, tree_fraction_cross_entropy, tree_nll

__all__ = ["FractionObjective", "VoteObjective"]


class _TreeObjective(Objective):
    """Answers to the questions of a tree; targets are ``(N, A)``, NaN where there are none."""

    figure: ClassVar[str]

    def __init__(
        self, features: int, outputs: int, tree: DecisionTree, *, weight: float, dropout: float
    ) -> None:
        super().__init__(features, outputs, weight=weight, dropout=dropout)
        self.tree = tree

    @abstractmethod
    def _reported(self, features: Tensor, targets: Tensor) -> Tensor:
        """Give what is reported as ``figure``, a row."""

    @abstractmethod
    def _fractions(self, features: Tensor) -> Tensor:
        """Give the vote fractions that are expected, ``(N, A)``."""

    def known(self, targets: Tensor) -> Tensor:
        """Say which rows have any answer."""
        return (targets.nan_to_num() > 0).any(dim=1)

    def rarity(self, targets: Tensor) -> Tensor:
        """Give one: the losses weigh questions by who was asked."""
        return torch.ones(len(targets))

    def measure(self, features: Tensor, targets: Tensor) -> Mapping[str, float]:
        """Give the loss in its own words, and the error of the vote fractions."""
        known = self.known(targets)
        if not known.any():
            return {}
        rows, answers = features[known], targets[known]
        return {
            self.figure: float(self._reported(rows, answers).mean()),
            "fraction error": _fraction_error(self._fractions(rows), answers, self.tree),
        }


class VoteObjective(_TreeObjective):
    """Vote counts by the Dirichlet-multinomial likelihood; a question not asked costs nothing.

    The loss is the sum over the questions divided by their number, which keeps it on the scale
    of the other objectives; what is reported is the sum.
    """

    figure = "negative log likelihood"

    def __init__(
        self,
        features: int,
        tree: DecisionTree,
        head: str = "free",
        *,
        weight: float = 1.0,
        dropout: float = 0.2,
    ) -> None:
        concentrations = concentration_head(head, tree)
        super().__init__(features, concentrations.outputs, tree, weight=weight, dropout=dropout)
        self.concentrations = concentrations

    def loss(self, features: Tensor, targets: Tensor) -> Tensor:
        """Give the mean over the tree's questions of the negative log likelihood, in nats."""
        return self._by_question(features, targets).mean(dim=1)

    def _reported(self, features: Tensor, targets: Tensor) -> Tensor:
        return self._by_question(features, targets).sum(dim=1)

    def _fractions(self, features: Tensor) -> Tensor:
        return expected_fractions(self.concentrations(self.head(features)), self.tree)

    def _by_question(self, features: Tensor, counts: Tensor) -> Tensor:
        return tree_nll(counts, self.concentrations(self.head(features)), self.tree)


class FractionObjective(_TreeObjective):
    """Vote fractions whose counts are not known, by cross-entropy.

    A question counts as much as the share of volunteers who were led to it.
    """

    figure = "cross-entropy"

    def __init__(
        self, features: int, tree: DecisionTree, *, weight: float = 1.0, dropout: float = 0.2
    ) -> None:
        super().__init__(features, len(tree.columns), tree, weight=weight, dropout=dropout)

    def loss(self, features: Tensor, targets: Tensor) -> Tensor:
        """Give the mean over the tree's questions of the cross-entropy, in nats."""
        asked = self.tree.asked(targets.nan_to_num())
        return tree_fraction_cross_entropy(
            targets, self._log_probabilities(features), self.tree, asked
        ).mean(dim=1)

    def _reported(self, features: Tensor, targets: Tensor) -> Tensor:
        return self.loss(features, targets)

    def _fractions(self, features: Tensor) -> Tensor:
        return self._log_probabilities(features).exp()

    def _log_probabilities(self, features: Tensor) -> Tensor:
        parts = self.head(features).split(list(self.tree.sizes), dim=1)
        return torch.cat([part.log_softmax(dim=1) for part in parts], dim=1)


def _fraction_error(found: Tensor, votes: Tensor, tree: DecisionTree) -> float:
    """Give the mean absolute error over the answers of questions that were asked."""
    errors = []
    for place in tree.slices:
        given = votes[:, place].nan_to_num()
        total = given.sum(dim=1, keepdim=True)
        asked = total[:, 0] > 0
        errors.append((found[:, place] - given / total)[asked].abs().flatten())
    return float(torch.cat(errors).mean())
