"""Heads: from the outputs of a network to the Dirichlet concentrations of a tree's answers.

The heads have no parameters; a linear layer with ``outputs`` outputs goes before them. Zoobot
keeps dropout on at test time, which makes predictions and their likelihood random; that is not
reproduced here: dropout belongs to the network, and to its training.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Mapping
from types import MappingProxyType

import torch
from torch import Tensor, nn

from skylore.errors import ModelError
from skylore.morphology.answers import by_question, spread_to_answers
from skylore.morphology.tree import DecisionTree

__all__ = [
    "HEADS",
    "LEAST_FRACTION",
    "ConcentrationHead",
    "FreeConcentration",
    "PublishedConcentration",
    "concentration_head",
]

LEAST_FRACTION = 1e-6
"""Below this no answer's expected fraction falls, so that one stray vote costs 14 nats at most."""


class ConcentrationHead(nn.Module):
    """Turns outputs into concentrations.

    Attributes
    ----------
    outputs : int
        How many outputs of the network it takes.
    """

    outputs: int

    def __init__(self, tree: DecisionTree) -> None:
        super().__init__()
        self.sizes = tree.sizes

    def forward(self, outputs: Tensor) -> Tensor:
        """Turn ``(N, outputs)`` into α, ``(N, A)`` in the order of the tree's columns.

        The result has at least single precision.

        Raises
        ------
        ModelError
            If the width is not ``outputs``.
        """
        if outputs.ndim != 2 or outputs.shape[1] != self.outputs:
            raise ModelError(
                f"this head takes {self.outputs} outputs an object; got {tuple(outputs.shape)}: "
                "give the layer before it that many outputs"
            )
        return self.concentration(outputs.to(torch.promote_types(outputs.dtype, torch.float32)))

    @abstractmethod
    def concentration(self, outputs: Tensor) -> Tensor:
        """Turn outputs of the right width into α."""


class PublishedConcentration(ConcentrationHead):
    """Zoobot's ``α = 100 σ(z) + 1``, one output an answer (Walmsley et al. 2022, 2023).

    As ``1 < α < 101``, votes cannot be polarised, two answers stay within 1/102 and 101/102, and
    votes cannot agree much better than a hundred trials would; ``benchmarks/vote_heads.py`` says
    what that costs.
    """

    def __init__(self, tree: DecisionTree) -> None:
        super().__init__(tree)
        self.outputs = len(tree.columns)

    def concentration(self, outputs: Tensor) -> Tensor:
        """Squash each output by itself."""
        return 100 * torch.sigmoid(outputs) + 1


class FreeConcentration(ConcentrationHead):
    """``α = precision × mean``: a softmax over the answers, and one precision a question.

    The outputs are a logit for each answer in the order of the tree's columns, then one for the
    precision of each question. The mean is kept ``LEAST_FRACTION`` off zero. The logarithm of the
    precision runs between its limits as a logistic function that starts, at output 0, at
    ``initial_precision`` with slope 1: there it behaves as ``exp``, and nowhere has it a corner.

    Precision below the number of answers lets votes be polarised (α < 1); at the upper limit the
    votes of hundreds of volunteers are multinomial as far as can be told.

    Parameters
    ----------
    tree : DecisionTree
    initial_precision : float
        ``Σ α`` of every question at output 0. Linear models of Galaxy Zoo 2's votes have from 2
        to 20, most about 5.
    limits : tuple of float
        Between which precisions lie.

    Raises
    ------
    ModelError
        If the initial precision does not lie between positive, finite limits.
    """

    def __init__(
        self,
        tree: DecisionTree,
        *,
        initial_precision: float = 5.0,
        limits: tuple[float, float] = (1e-2, 1e4),
    ) -> None:
        super().__init__(tree)
        low, high = limits
        if not 0 < low < initial_precision < high < math.inf:
            raise ModelError(
                f"the initial precision {initial_precision:g} must lie between positive, finite "
                f"limits, not {low:g} and {high:g}"
            )
        self.outputs = len(tree.columns) + len(tree.sizes)
        self._low, self._range = math.log(low), math.log(high / low)
        start = math.log(initial_precision / low) / self._range
        self._offset = math.log(start / (1 - start))
        self._steepness = 1 / (self._range * start * (1 - start))

    def concentration(self, outputs: Tensor) -> Tensor:
        """Multiply mean and precision."""
        mean, precision = self.mean_and_precision(outputs)
        return mean * spread_to_answers(precision, self.sizes)

    def mean_and_precision(self, outputs: Tensor) -> tuple[Tensor, Tensor]:
        """Give expected fractions, ``(N, A)``, and the precision of each question, ``(N, Q)``."""
        logits, precisions = by_question(outputs, (sum(self.sizes), len(self.sizes)))
        parts = [
            (1 - part.shape[1] * LEAST_FRACTION) * part.softmax(dim=1) + LEAST_FRACTION
            for part in by_question(logits, self.sizes)
        ]
        place = torch.sigmoid(self._offset + self._steepness * precisions)
        return torch.cat(parts, dim=1), torch.exp(self._low + self._range * place)


HEADS: Mapping[str, Callable[[DecisionTree], ConcentrationHead]] = MappingProxyType(
    {"free": FreeConcentration, "published": PublishedConcentration}
)
"""The heads by name."""


def concentration_head(name: str, tree: DecisionTree) -> ConcentrationHead:
    """Make a head by its name, with its usual settings.

    Raises
    ------
    ModelError
        If there is no such head.
    """
    if name not in HEADS:
        raise ModelError(f"there is no head {name!r}: take one of {', '.join(sorted(HEADS))}")
    return HEADS[name](tree)
