"""Contrastive losses as pure functions of tensors."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the name that torch code uses everywhere

__all__ = ["LARGEST_SCALE", "caption_targets", "contrastive_loss", "matryoshka_loss"]

LARGEST_SCALE = 100.0
"""Cosines are multiplied by at most this (Radford et al. 2021, arXiv 2103.00020, section 2.5)."""


def caption_targets(texts: Tensor, temperature: float) -> Tensor:
    """Say how much each caption of a batch would do for each other's image.

    Two galaxies may have all but the same caption; plain InfoNCE would push each away from the
    other's. Here the weight of a pair is ``exp((cos − 1) / temperature)`` of the caption vectors:
    1 for the same words, next to nothing for captions that differ.

    Parameters
    ----------
    texts : Tensor, shape (N, Dt)
        Caption vectors, of any length but zero.
    temperature : float
        Cosine distance at which the weight falls to 1/e. Zero gives the identity matrix, which
        is plain InfoNCE.

    Returns
    -------
    Tensor, shape (N, N)
        Symmetric, with a diagonal of ones.
    """
    identity = torch.eye(len(texts), dtype=texts.dtype, device=texts.device)
    if temperature == 0:
        return identity
    unit = F.normalize(texts, dim=-1)
    distance = (1 - unit @ unit.T).clamp(min=0)
    weights = torch.exp(-distance / temperature)
    return torch.where(identity.bool(), identity, weights)


def contrastive_loss(
    images: Tensor, texts: Tensor, log_scale: Tensor, targets: Tensor | None = None
) -> Tensor:
    """Symmetric InfoNCE, with any number of positives a row.

    The mean of two cross-entropies: of texts given the image, and of images given the text, over
    logits ``s · cos`` with ``s = min(exp(log_scale), 100)``. With targets, the true distribution
    of a row (or column) is its targets divided by their sum (Khosla et al. 2020, arXiv
    2004.11362, eq. 2, with weights); without, it is the diagonal (Radford et al. 2021).

    Parameters
    ----------
    images, texts : Tensor, shape (N, D)
        Unit rows; row ``i`` of one belongs to row ``i`` of the other.
    log_scale : Tensor, scalar
    targets : Tensor, shape (N, N), optional
        Not negative; no empty row or column. Entry ``(i, j)`` pairs image ``i`` with text ``j``.

    Returns
    -------
    Tensor, scalar
    """
    logits = log_scale.exp().clamp(max=LARGEST_SCALE) * images @ texts.T
    if targets is None:
        diagonal = torch.arange(len(logits), device=logits.device)
        return (F.cross_entropy(logits, diagonal) + F.cross_entropy(logits.T, diagonal)) / 2
    by_image = targets / targets.sum(dim=1, keepdim=True)
    by_text = targets.T / targets.T.sum(dim=1, keepdim=True)
    return (F.cross_entropy(logits, by_image) + F.cross_entropy(logits.T, by_text)) / 2


def matryoshka_loss(
    images: Tensor,
    texts: Tensor,
    log_scale: Tensor,
    dims: Sequence[int],
    targets: Tensor | None = None,
) -> Tensor:
    """Mean of the contrastive loss over vectors cut at several lengths.

    Matryoshka representation learning (Kusupati et al. 2022, arXiv 2205.13147, eq. 1, with equal
    weights): the first entries of a vector are a good vector themselves once renormalised.

    Parameters
    ----------
    images, texts : Tensor, shape (N, D)
    log_scale : Tensor, scalar
    dims : sequence of int
        Lengths, each at most ``D``.
    targets : Tensor, shape (N, N), optional
        As for :func:`contrastive_loss`.

    Returns
    -------
    Tensor, scalar

    Raises
    ------
    ValueError
        If there are no lengths, or one is not between 1 and ``D``.
    """
    if not dims or min(dims) < 1 or max(dims) > images.shape[1]:
        raise ValueError(f"lengths {tuple(dims)} do not fit vectors of {images.shape[1]} entries")
    losses = [
        contrastive_loss(
            F.normalize(images[:, :dim], dim=-1),
            F.normalize(texts[:, :dim], dim=-1),
            log_scale,
            targets,
        )
        for dim in dims
    ]
    return torch.stack(losses).mean()
