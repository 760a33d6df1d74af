"""Learning from volunteers' answers to the questions of a decision tree."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from skylore.morphology.concentration import concentration_head
from skylore.morphology.objectives import Objective
from skylore.morphology.tree import DecisionTree
from skylore.morphology.votes import expected_fractions, tree_fraction_cross_entropy, tree_nll

__all__ = ["FractionObjective", "VoteObjective"]


class VoteObjective(Objective):
    """Vote counts by the Dirichlet-multinomial likelihood; a question not asked costs nothing.

    The loss is the sum over the questions divided by their number, which keeps it on the scale
    of the other objectives. Targets are counts ``(N, A)``, NaN where there are none.
    """

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
        super().__init__(features, concentrations.outputs, weight=weight, dropout=dropout)
        self.concentrations = concentrations
        self.tree = tree

    def loss(self, features: Tensor, targets: Tensor) -> Tensor:
        """Give the mean over the tree's questions of the negative log likelihood, in nats."""
        return self._by_question(features, targets).mean(dim=1)

    def known(self, targets: Tensor) -> Tensor:
        """Say which rows have any votes."""
        return (targets.nan_to_num() > 0).any(dim=1)

    def rarity(self, targets: Tensor) -> Tensor:
        """Give one: the likelihood weighs questions by who was asked."""
        return torch.ones(len(targets))

    def measure(self, features: Tensor, targets: Tensor) -> Mapping[str, float]:
        """Give the likelihood summed over questions, and the error of the vote fractions."""
        known = self.known(targets)
        if not known.any():
            return {}
        rows, counts = features[known], targets[known]
        nll = self._by_question(rows, counts).sum(dim=1).mean()
        found = expected_fractions(self.concentrations(self.head(rows)), self.tree)
        return {
            "negative log likelihood": float(nll),
            "fraction error": _fraction_error(found, counts, self.tree),
        }

    def _by_question(self, features: Tensor, counts: Tensor) -> Tensor:
        return tree_nll(counts, self.concentrations(self.head(features)), self.tree)


class FractionObjective(Objective):
    """Vote fractions whose counts are not known, by cross-entropy.

    A question counts as much as the share of volunteers who were led to it.
    """

    def __init__(
        self, features: int, tree: DecisionTree, *, weight: float = 1.0, dropout: float = 0.2
    ) -> None:
        super().__init__(features, len(tree.columns), weight=weight, dropout=dropout)
        self.tree = tree

    def loss(self, features: Tensor, targets: Tensor) -> Tensor:
        """Give the mean over the tree's questions of the cross-entropy, in nats."""
        asked = self.tree.asked(targets.nan_to_num())
        return tree_fraction_cross_entropy(
            targets, self._log_probabilities(features), self.tree, asked
        ).mean(dim=1)

    def known(self, targets: Tensor) -> Tensor:
        """Say which rows have any fractions."""
        return (targets.nan_to_num() > 0).any(dim=1)

    def rarity(self, targets: Tensor) -> Tensor:
        """Give one: the cross-entropy weighs questions by who was asked."""
        return torch.ones(len(targets))

    def measure(self, features: Tensor, targets: Tensor) -> Mapping[str, float]:
        """Give the cross-entropy, and the error of the vote fractions."""
        known = self.known(targets)
        if not known.any():
            return {}
        rows, fractions = features[known], targets[known]
        found = self._log_probabilities(rows).exp()
        return {
            "cross-entropy": float(self.loss(rows, fractions).mean()),
            "fraction error": _fraction_error(found, fractions, self.tree),
        }

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
