"""Learning from two views of one image, without any label."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the name that torch code uses everywhere

__all__ = ["TwoViews", "vicreg_loss"]

_INVARIANCE, _VARIANCE, _COVARIANCE = 25.0, 25.0, 1.0
"""Weights of the published recipe (Bardes et al. 2022, section 4.2)."""


def vicreg_loss(first: Tensor, second: Tensor) -> Tensor:
    """Variance-invariance-covariance loss (Bardes, Ponce & LeCun 2022, arXiv 2105.04906, eq. 6).

    Two views of an image shall be alike, each dimension shall vary over the batch by a standard
    deviation of one or more, and no two dimensions shall say the same. The first term is the mean
    over dimensions where the paper's eq. 5 has their sum; its authors' code does so too.

    Parameters
    ----------
    first, second : Tensor, shape (N, D)
        Row ``i`` of each is a view of image ``i``; ``N`` is at least two.

    Returns
    -------
    Tensor, scalar
    """
    invariance = F.mse_loss(first, second)
    variance = (_spread_loss(first) + _spread_loss(second)) / 2
    covariance = _redundancy(first) + _redundancy(second)
    return _INVARIANCE * invariance + _VARIANCE * variance + _COVARIANCE * covariance


class TwoViews(nn.Module):
    """The expander of VICReg: features are compared after a small network, and kept before it."""

    def __init__(self, features: int, *, width: int = 512, weight: float = 1.0) -> None:
        super().__init__()
        self.weight = weight
        self.expander = nn.Sequential(
            nn.Linear(features, width),
            nn.BatchNorm1d(width),
            nn.ReLU(inplace=True),
            nn.Linear(width, width),
        )

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """Give the loss of two views of a batch, on the scale of a cross-entropy in nats."""
        return vicreg_loss(self.expander(first), self.expander(second)) / _VARIANCE


def _spread_loss(rows: Tensor) -> Tensor:
    deviation = torch.sqrt(rows.var(dim=0) + 1e-4)
    return F.relu(1 - deviation).mean()


def _redundancy(rows: Tensor) -> Tensor:
    centred = rows - rows.mean(dim=0)
    covariance = centred.T @ centred / (len(rows) - 1)
    off_diagonal = covariance - torch.diag(torch.diagonal(covariance))
    return off_diagonal.square().sum() / rows.shape[1]
