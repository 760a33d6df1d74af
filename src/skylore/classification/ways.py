"""Ways to tell the class of an image from its vector, as pure functions of tensors."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the name that torch code uses everywhere

__all__ = ["NEIGHBOURS", "WAYS", "Way", "calibrate", "fit_linear", "neighbour_logits"]

Way = Literal["text", "symbol", "both", "neighbours", "linear"]
WAYS: tuple[Way, ...] = ("text", "symbol", "both", "neighbours", "linear")
"""By the nearest words, the nearest symbol, both, labelled neighbours, or a linear head."""

NEIGHBOURS = 20
_SHARPNESS = 20.0
"""A neighbour counts for exp(20 (cos − 1)): one at 20 degrees for a third of one at none."""
_FLOOR = 1e-3
_RIDGE = 1e-3


def neighbour_logits(vectors: Tensor, known: Tensor, labels: Tensor, classes: int) -> Tensor:
    """Give the logarithm of the weight of each class among the nearest labelled images.

    Weighted k nearest neighbours (Wu et al. 2018, arXiv 1805.01978, section 3.4).

    Parameters
    ----------
    vectors : Tensor, shape (N, D)
        Unit rows.
    known : Tensor, shape (M, D)
        Unit rows of images whose classes are known.
    labels : Tensor, shape (M,)
    classes : int

    Returns
    -------
    Tensor, shape (N, C)
    """
    cosines, nearest = (vectors @ known.T).topk(min(NEIGHBOURS, len(known)), dim=1)
    weights = torch.exp(_SHARPNESS * (cosines - 1))
    votes = torch.zeros(len(vectors), classes, device=vectors.device)
    votes.scatter_add_(1, labels[nearest], weights)
    return torch.log(votes / votes.sum(dim=1, keepdim=True) + _FLOOR)


def fit_linear(features: Tensor, labels: Tensor, classes: int) -> tuple[Tensor, Tensor]:
    """Fit multinomial logistic regression with a small ridge.

    Minimises mean cross-entropy + λ ‖W‖² of standardised features by L-BFGS, from zero, which
    makes it the same on every run.

    Parameters
    ----------
    features : Tensor, shape (N, F)
    labels : Tensor, shape (N,)
    classes : int

    Returns
    -------
    weight : Tensor, shape (C, F)
    bias : Tensor, shape (C,)
    """
    mean, scale = features.mean(dim=0), features.std(dim=0).clamp(min=1e-6)
    standard = (features - mean) / scale
    weight = torch.zeros(classes, features.shape[1], device=features.device, requires_grad=True)
    bias = torch.zeros(classes, device=features.device, requires_grad=True)
    optimiser = torch.optim.LBFGS([weight, bias], max_iter=200, line_search_fn="strong_wolfe")

    def objective() -> Tensor:
        optimiser.zero_grad()
        loss = F.cross_entropy(standard @ weight.T + bias, labels) + _RIDGE * weight.square().sum()
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        return loss

    optimiser.step(objective)  # type: ignore[no-untyped-call]  # torch leaves it untyped
    own = weight.detach() / scale
    return own, bias.detach() - own @ mean


def calibrate(logits: Tensor, labels: Tensor) -> float:
    """Give the temperature by which logits become the most likely probabilities.

    Temperature scaling (Guo et al. 2017, arXiv 1706.04599), by a search over a grid in its
    logarithm, from 1/50 to 50.
    """
    grid = torch.exp(torch.linspace(-3.9, 3.9, 157))
    nats = torch.stack([F.cross_entropy(logits / t, labels) for t in grid.tolist()])
    return float(grid[int(nats.argmin())])
