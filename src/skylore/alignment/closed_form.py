"""A start in closed form: the best linear projections, found without a single step.

Ridge-regularised canonical correlation analysis (Hotelling 1936; Vinod 1976) of the two sides is
what contrastive training of linear heads converges to, up to weights. Heads that begin there have
only what is not linear left to learn.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from skylore.alignment.heads import ContrastiveHeads, ProjectionHead
from skylore.alignment.pairs import Pairs

__all__ = ["CanonicalProjections", "canonical_projections", "start_in_closed_form"]

RIDGE = 3.0
"""Added to every variance, in units of their mean: shrinks directions that are mostly noise."""

MOST_OBJECTS = 10_000
"""More objects are sampled: covariances gain little from them, and cost as the square."""

_LARGEST_CORRELATION = 0.999
_FAINT = 0.01


@dataclass(frozen=True)
class CanonicalProjections:
    """Pairs of directions, the most correlated first.

    Attributes
    ----------
    images : Tensor, shape (Di, K)
    texts : Tensor, shape (Dt, K)
        Coordinates along columns ``k`` of both have correlation ``correlations[k]``.
    correlations : Tensor, shape (K,)
        With the ridge, so lower than those of the rows given.
    """

    images: Tensor
    texts: Tensor
    correlations: Tensor


def canonical_projections(
    images: Tensor, texts: Tensor, *, most: int, ridge: float = RIDGE
) -> CanonicalProjections:
    """Find the pairs of directions along which two sides vary together.

    With Cholesky factors ``L Lᵀ = C + r·mean(diag C)·I`` of each side's covariance, they are the
    singular vectors of ``Lx⁻¹ Cxy Ly⁻ᵀ``, brought back by ``L⁻ᵀ``.

    Parameters
    ----------
    images : Tensor, shape (N, Di)
        Centred.
    texts : Tensor, shape (N, Dt)
        Centred; row ``i`` belongs to row ``i`` of the images.
    most : int
        Directions ``K`` at most; there are never more than the shorter side has entries.
    ridge : float
    """
    by_image, by_text = _factor(images, ridge), _factor(texts, ridge)
    cross = images.T @ texts / len(images)
    half = torch.linalg.solve_triangular(by_image, cross, upper=False)
    whitened = torch.linalg.solve_triangular(by_text, half.T.contiguous(), upper=False).T
    # The smaller Gram matrix has the singular vectors of one side, at a fraction of an SVD's cost.
    wide = whitened.shape[1] >= whitened.shape[0]
    small = whitened if wide else whitened.T
    squares, vectors = torch.linalg.eigh(small @ small.T)
    vectors = vectors.flip(1)[:, :most]
    correlations = squares.flip(0)[:most].clamp(min=0).sqrt()
    smallest = torch.finfo(correlations.dtype).eps ** 0.5
    others = small.T @ vectors / correlations.clamp(min=smallest)
    left, right = (vectors, others) if wide else (others, vectors)
    return CanonicalProjections(
        images=torch.linalg.solve_triangular(by_image.T, left, upper=True),
        texts=torch.linalg.solve_triangular(by_text.T, right, upper=True),
        correlations=correlations.clamp(max=_LARGEST_CORRELATION),
    )


def start_in_closed_form(heads: ContrastiveHeads, pairs: Pairs, generator: torch.Generator) -> None:
    """Set fresh heads to project along the canonical directions, each weighted by its correlation.

    ``fc_in`` finds the coordinates at unit variance, the residual blocks add nothing yet, and
    ``fc_out`` weights. Units for which there is no direction keep a hundredth of what they were
    drawn as: too little to disturb, enough to learn from.
    """
    rows = torch.randperm(len(pairs), generator=generator)[:MOST_OBJECTS]
    images, texts = pairs.draw(rows, generator)
    sides = (heads.image_projector, heads.text_projector)
    most = min(size for head in sides for size in head.fc_out.weight.shape)
    with torch.no_grad():
        inputs = heads.image_inputs(images), heads.text_inputs(texts)
        means = [rows.mean(dim=0) for rows in inputs]
        centred = [rows - mean for rows, mean in zip(inputs, means, strict=True)]
        found = canonical_projections(centred[0], centred[1], most=most)
        for head, mean, columns in zip(sides, means, (found.images, found.texts), strict=True):
            _set_linear(head, columns, mean, found.correlations)


def _factor(rows: Tensor, ridge: float) -> Tensor:
    covariance = rows.T @ rows / len(rows)
    covariance.diagonal().add_(ridge * float(covariance.diagonal().mean()))
    factor: Tensor = torch.linalg.cholesky(covariance)
    return factor


def _set_linear(head: ProjectionHead, columns: Tensor, mean: Tensor, weights: Tensor) -> None:
    count = columns.shape[1]
    head.fc_in.weight[:count] = columns.T
    head.fc_in.bias[:count] = -mean @ columns
    for layer in head.last_layers:
        layer.weight.zero_()
    head.fc_out.weight.mul_(_FAINT)
    head.fc_out.weight[:count] = 0
    head.fc_out.weight[:, :count] = 0
    head.fc_out.weight[range(count), range(count)] = weights
