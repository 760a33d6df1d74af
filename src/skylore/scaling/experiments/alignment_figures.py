"""How well a space of images and words does on captioned objects that it has not seen."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from skylore.alignment.losses import LARGEST_SCALE, caption_targets, contrastive_loss
from skylore.alignment.model import Alignment
from skylore.alignment.retrieval import caption_relevance, query_precisions
from skylore.evaluation.metrics import ndcg_at_k

__all__ = ["Captioned", "figures_of", "least_loss"]


@dataclass(frozen=True)
class Captioned:
    """Vectors of objects and of their captions.

    Attributes
    ----------
    images : ndarray, shape (N, Di)
    texts : ndarray, shape (M, Dt)
        Sorted by owner.
    owners : ndarray, shape (M,)
        The object of each text; each has at least one.
    """

    images: NDArray[np.float32]
    texts: NDArray[np.float32]
    owners: NDArray[np.intp]

    def take(self, rows: NDArray[np.intp]) -> Captioned:
        """Give the objects in these ascending rows, renumbered."""
        kept = np.isin(self.owners, rows)
        owners = np.searchsorted(rows, self.owners[kept]).astype(np.intp)
        return Captioned(self.images[rows], self.texts[kept], owners)

    @property
    def first_texts(self) -> NDArray[np.float32]:
        """The first caption of each object, ``(N, Dt)``."""
        return self.texts[np.unique(self.owners, return_index=True)[1]]


def figures_of(
    model: Alignment, validation: Captioned, test: Captioned, temperature: float
) -> dict[str, float]:
    """Give ``loss`` and how well test captions find test images.

    The loss is symmetric InfoNCE over all test objects at once, in nats, with the first caption of
    each and the soft targets of training. The scale of the logits is the one that suits the
    validation objects best (Guo et al. 2017, arXiv 1706.04599): that of training suits vectors with
    noise and dropout, and would mix confidence up with what was learnt.

    Parameters
    ----------
    model : Alignment
    validation, test : Captioned
    temperature : float
        Of :func:`skylore.alignment.losses.caption_targets`.
    """
    scale = _calibrated(model, validation, temperature)
    images = model.encode_image_vectors(test.images)
    scores = model.encode_text_vectors(test.texts) @ images.T
    relevant = caption_relevance(test.texts, test.owners, len(test.images)).T
    precisions, _ = query_precisions(scores, relevant)
    order = np.argsort(-scores, axis=1, kind="stable")
    ranked = np.take_along_axis(relevant, order, axis=1)
    return {
        "loss": _loss(scale, *_sides(model, test, temperature)),
        "average_precision": float(precisions.mean()),
        "ndcg_at_10": float(np.mean([ndcg_at_k(hits, 10) for hits in ranked.astype(float)])),
    }


def least_loss(test: Captioned, temperature: float) -> float:
    """Give the entropy of the soft targets, which no cross-entropy with them is below."""
    targets = caption_targets(torch.from_numpy(test.first_texts).double(), temperature)
    shares = targets / targets.sum(dim=1, keepdim=True)
    return float(-torch.xlogy(shares, shares).sum(dim=1).mean())


def _sides(
    model: Alignment, objects: Captioned, temperature: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Give unit vectors of images and of first captions, and the targets of their pairs."""
    texts = objects.first_texts
    images = torch.from_numpy(model.encode_image_vectors(objects.images)).double()
    words = torch.from_numpy(model.encode_text_vectors(texts)).double()
    return images, words, caption_targets(torch.from_numpy(texts).double(), temperature)


def _loss(scale: float, images: Tensor, words: Tensor, targets: Tensor) -> float:
    return float(contrastive_loss(images, words, torch.tensor(scale).double(), targets))


def _calibrated(model: Alignment, validation: Captioned, temperature: float) -> float:
    """Give the logarithm of the scale with which the validation objects are likeliest."""
    from scipy.optimize import minimize_scalar

    images, words, targets = _sides(model, validation, temperature)
    loss = partial(_loss, images=images, words=words, targets=targets)
    ends = (0.0, math.log(LARGEST_SCALE))
    return float(minimize_scalar(loss, bounds=ends, method="bounded").x)
