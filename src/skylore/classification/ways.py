"""Ways to tell the class of an image from its vector, as pure functions of tensors."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the name that torch code uses everywhere

__all__ = ["NEIGHBOURS", "WAYS", "Way", "calibrate", "chosen_way", "neighbour_logits"]

Way = Literal["text", "symbol", "both", "neighbours", "linear", "combined"]
WAYS: tuple[Way, ...] = ("text", "symbol", "both", "neighbours", "linear", "combined")
"""By the nearest words, the nearest symbol, both, labelled neighbours, a linear head, or a mean
probability of those that see different things."""

NEIGHBOURS = 20
_SHARPNESS = 20.0
"""A neighbour counts for exp(20 (cos − 1)): one at 20 degrees for a third of one at none."""
_FLOOR = 1e-3


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


def calibrate(logits: Tensor, labels: Tensor) -> float:
    """Give the temperature by which logits become the most likely probabilities.

    Temperature scaling (Guo et al. 2017, arXiv 1706.04599), by a search over a grid in its
    logarithm, from 1/50 to 50.
    """
    grid = torch.exp(torch.linspace(-3.9, 3.9, 157))
    nats = torch.stack([F.cross_entropy(logits / t, labels) for t in grid.tolist()])
    return float(grid[int(nats.argmin())])


def chosen_way(nats: dict[Way, Tensor]) -> Way:
    """Choose by which way to classify, from what each costs on the validation objects, ``(N,)``.

    The combined way, since it errs less often on what few objects cannot show, unless another is
    better by more than one standard error of the paired differences (Breiman et al. 1984).
    """
    best = min(nats, key=lambda way: float(nats[way].mean()))
    gain = nats["combined"] - nats[best]
    error = gain.std() / len(gain) ** 0.5 if len(gain) > 1 else gain.new_tensor(torch.inf)
    return best if float(gain.mean()) > float(error) else "combined"
