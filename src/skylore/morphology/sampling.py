"""Which objects a training step sees, and how often."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from skylore.errors import ModelError
from skylore.morphology.dataset import TrainingSet
from skylore.morphology.objectives import Objective

__all__ = ["Sampling", "plan_sampling"]


@dataclass(frozen=True)
class Sampling:
    """Rows to draw from.

    Attributes
    ----------
    rows : Tensor, shape (N,)
        Rows of the training set.
    chances : Tensor, shape (N,)
        How often each is drawn, relative to the others.
    """

    rows: Tensor
    chances: Tensor

    def draw(self, count: int) -> Tensor:
        """Draw so many rows, none of them twice; all of them if there are fewer."""
        return self.rows[torch.multinomial(self.chances, min(count, len(self.rows)))]


def plan_sampling(
    data: TrainingSet, objectives: Mapping[str, Objective], *, unlabelled: bool
) -> Sampling:
    """Draw an object the more often the rarer its labels.

    Parameters
    ----------
    data : TrainingSet
    objectives : mapping of str to Objective
        By the name of the labels.
    unlabelled : bool
        Whether there is something to learn from objects without any label.

    Raises
    ------
    ModelError
        Fewer than two objects have something to learn from.
    """
    rows = data.training
    chances = torch.ones(len(rows))
    labelled = torch.zeros(len(rows), dtype=torch.bool)
    for name, objective in objectives.items():
        targets = data.targets[name][rows]
        chances = torch.maximum(chances, objective.rarity(targets))
        labelled |= objective.known(targets)
    if not unlabelled:
        rows, chances = rows[labelled], chances[labelled]
    if len(rows) < 2:
        raise ModelError(
            f"{len(rows)} objects have a label to learn from; name columns that are filled, or "
            "let the encoder learn from images alone (--self-supervision)"
        )
    return Sampling(rows, chances)
