"""Texts that are known to be true or false of images, and how well a model tells them apart.

A caption says something of one image; a statement such as "barred spiral galaxy" is true of some
images, false of others, and of most nobody knows. Volunteers' answers, catalogues and simulations
make statements in any number.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the name that torch code uses everywhere

from skylore.evaluation.metrics import average_precision

__all__ = ["Statements", "mean_precision", "statement_loss"]

UNKNOWN = -1


@dataclass(frozen=True)
class Statements:
    """Texts, and of which images they are true.

    Attributes
    ----------
    texts : ndarray, shape (M, Dt), float32
        As the text encoder gives them.
    truth : ndarray, shape (M, N), int8
        1 where the text is true of the image, 0 where it is false, −1 where nobody knows.
    """

    texts: NDArray[np.float32]
    truth: NDArray[np.int8]


def statement_loss(logits: Tensor, truth: Tensor) -> Tensor:
    """Give how badly images that a text is true of are told from those it is false of.

    For each true pair, ``softplus(log Σ exp(false) − true)``: its contrast (van den Oord et al.
    2018, arXiv 1807.03748) with all images that the text is known to be false of, and in the other
    direction with all texts known to be false of the image. Other true pairs are no negatives, and
    what is not known counts nowhere.

    Parameters
    ----------
    logits : Tensor, shape (M, N)
    truth : Tensor, shape (M, N)
        1, 0 or −1.

    Returns
    -------
    Tensor, scalar
    """
    return (_one_way(logits, truth) + _one_way(logits.T, truth.T)) / 2


def _one_way(logits: Tensor, truth: Tensor) -> Tensor:
    """Average over the true pairs of each row, then over the rows that have a contrast."""
    true = truth == 1
    against = logits.masked_fill(truth != 0, -torch.inf).logsumexp(dim=1, keepdim=True)
    usable = true.any(dim=1) & torch.isfinite(against[:, 0])
    if not usable.any():
        return logits.sum() * 0
    each = F.softplus(against[usable] - logits[usable])
    counted = true[usable]
    return ((each * counted).sum(dim=1) / counted.sum(dim=1)).mean()


def mean_precision(scores: NDArray[np.float32], truth: NDArray[np.int8]) -> float:
    """Give the mean average precision over statements, each among the images of which it is known.

    Parameters
    ----------
    scores : ndarray, shape (M, N)
    truth : ndarray, shape (M, N)
    """
    found = []
    for line, answers in zip(scores, truth, strict=True):
        known = answers != UNKNOWN
        relevant = answers[known]
        if 0 < relevant.sum() < len(relevant):
            order = np.argsort(-line[known], kind="stable")
            found.append(average_precision(relevant[order].astype(float)))
    return float(np.mean(found)) if found else float("nan")
