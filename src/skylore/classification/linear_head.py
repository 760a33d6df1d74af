"""A linear head on features, its penalty chosen by cross-validation."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the name that torch code uses everywhere

__all__ = ["best_ridge", "fit_linear"]

_RIDGES = (1.0, 0.3, 0.1, 0.03, 0.01, 0.003)
_FOLDS = 4
_MOST = 4000
"""Rows on which the penalty is chosen; more would change it little."""


def fit_linear(
    features: Tensor, labels: Tensor, classes: int, ridge: float
) -> tuple[Tensor, Tensor]:
    """Fit multinomial logistic regression with a ridge.

    Minimises mean cross-entropy + λ ‖W‖² of standardised features by L-BFGS, from zero, which
    makes it the same on every run.

    Parameters
    ----------
    features : Tensor, shape (N, F)
    labels : Tensor, shape (N,)
    classes : int
    ridge : float
        λ.

    Returns
    -------
    weight : Tensor, shape (C, F)
    bias : Tensor, shape (C,)
    """
    mean, scale = features.mean(dim=0), features.std(dim=0).clamp(min=1e-6)
    weight = torch.zeros(classes, features.shape[1], device=features.device)
    bias = torch.zeros(classes, device=features.device)
    _descend((features - mean) / scale, labels, ridge, weight, bias)
    own = weight / scale
    return own, bias - own @ mean


def best_ridge(features: Tensor, labels: Tensor, classes: int) -> float:
    """Choose λ by the likelihood of the classes of objects that were left out of the fit.

    Four folds, in each of which classes are represented alike.

    Parameters
    ----------
    features : Tensor, shape (N, F)
    labels : Tensor, shape (N,)
    classes : int
    """
    if len(features) > _MOST:
        places = torch.linspace(0, len(features) - 1, _MOST).long()
        features, labels = features[places], labels[places]
    standard = (features - features.mean(dim=0)) / features.std(dim=0).clamp(min=1e-6)
    order = torch.argsort(labels, stable=True)
    fold = torch.empty_like(order)
    fold[order] = torch.arange(len(order), device=order.device) % _FOLDS
    nats = torch.zeros(len(_RIDGES))
    for number in range(_FOLDS):
        left, rest = fold == number, fold != number
        weight = torch.zeros(classes, features.shape[1], device=features.device)
        bias = torch.zeros(classes, device=features.device)
        # From strong to weak, each fit begins where the last one ended.
        for i, ridge in enumerate(_RIDGES):
            _descend(standard[rest], labels[rest], ridge, weight, bias)
            logits = standard[left] @ weight.T + bias
            nats[i] += float(F.cross_entropy(logits, labels[left], reduction="sum"))
    return _RIDGES[int(nats.argmin())]


def _descend(standard: Tensor, labels: Tensor, ridge: float, weight: Tensor, bias: Tensor) -> None:
    """Move weight and bias, in place, to where the objective is least."""
    weight.requires_grad_()
    bias.requires_grad_()
    optimiser = torch.optim.LBFGS([weight, bias], max_iter=100, line_search_fn="strong_wolfe")

    def objective() -> Tensor:
        optimiser.zero_grad()
        loss = F.cross_entropy(standard @ weight.T + bias, labels) + ridge * weight.square().sum()
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        return loss

    with torch.enable_grad():
        optimiser.step(objective)  # type: ignore[no-untyped-call]  # torch leaves it untyped
    weight.requires_grad_(False)
    bias.requires_grad_(False)
