"""The heads' own lesson, on features of the network as it came, before the network learns too.

Heads that know nothing yet would first spoil a pretrained network (Kumar et al. 2022, arXiv
2202.10054). Features are computed once, for some augmented views of each image, and the heads then
take hundreds of steps in the time of one.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from skylore.classification.encoding import features_of_view
from skylore.classification.examples import Examples
from skylore.classification.guidance import SymbolBank
from skylore.classification.networks import TrainableNetwork
from skylore.classification.rates import rates_of_heads
from skylore.classification.settings import ClassifierSettings
from skylore.classification.trimodal import TriModalNetwork
from skylore.morphology.augment import Augmentation
from skylore.morphology.sampling import Sampling
from skylore.training.steps import average_into, cosine_share

__all__ = ["KeptFeatures", "kept_features", "steps_of", "views_of", "warm_heads"]

_HEADS = ("head", "word_head", "linear")

_MOST_VIEWS = 8
_ENOUGH_VIEWS = 4096
_MATCHED_AFTER = 1 / 3
"""As in the steps that follow, images are matched with symbols once both know words."""


@dataclass(frozen=True)
class KeptFeatures:
    """Features of what the heads learn from.

    Attributes
    ----------
    images : Tensor, shape (V, N, F)
        Of some views of each training image.
    symbols : Tensor, shape (C, M, F), optional
    labels : Tensor, shape (N,)
    """

    images: Tensor
    symbols: Tensor | None
    labels: Tensor


def views_of(images: int) -> int:
    """Say how many views of each image are kept: few images need many."""
    return min(_MOST_VIEWS, max(1, _ENOUGH_VIEWS // max(1, images)))


def steps_of(settings: ClassifierSettings, images: int) -> int:
    """Say how many steps the heads take on so many images."""
    epoch = math.ceil(images / min(images, settings.batch_size))
    return min(settings.head_steps, settings.head_epochs * epoch)


def kept_features(
    network: TrainableNetwork,
    examples: Examples,
    drawings: SymbolBank | None,
    how: Augmentation,
    precision: torch.dtype | None,
) -> KeptFeatures:
    """Encode views of the training images, and of all drawings, by chance as in training."""

    def view(take: Callable[[Tensor], Tensor], rows: Tensor) -> Tensor:
        return features_of_view(network, take, rows, how, precision)

    rows = examples.training
    # Images first, so that their views are the same with symbols and without.
    views = torch.stack([view(examples.images.take, rows) for _ in range(views_of(len(rows)))])
    symbols = None
    if drawings is not None:
        flat = drawings.pixels.flatten(0, 1)
        found = view(flat.__getitem__, torch.arange(len(flat)))
        symbols = found.reshape(*drawings.pixels.shape[:2], -1)
    return KeptFeatures(views, symbols, examples.labels[rows].to(views.device))


def warm_heads(
    model: TriModalNetwork,
    averaged: TriModalNetwork,
    kept: KeptFeatures,
    sampling: Sampling,
    progress: Callable[[int, float], None],
) -> float:
    """Train the heads alone, and give the mean loss of the last tenth of their steps.

    Parameters
    ----------
    model, averaged : TriModalNetwork
        The second follows the first.
    kept : KeptFeatures
    sampling : Sampling
        Of places among the kept images.
    progress : callable
        Told each step and its loss.
    """
    settings, groups = model.settings, rates_of_heads(model)
    optimiser = torch.optim.AdamW(groups, betas=(0.9, 0.99), fused=True)
    model.train()
    losses = []
    steps = steps_of(settings, len(sampling.rows))
    for step in range(steps):
        share = cosine_share(step, steps, settings.warmup)
        for group in optimiser.param_groups:
            group["lr"] = settings.learning_rate * share * group["rate"]
        loss = _loss(model, kept, sampling, matched=step >= _MATCHED_AFTER * steps)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        nn.utils.clip_grad_norm_([p for g in groups for p in g["params"]], settings.gradient_clip)
        optimiser.step()
        for part in _HEADS:
            learnt, kept_apart = getattr(model, part), getattr(averaged, part)
            average_into(kept_apart, learnt, step, settings.averaging)
        losses.append(float(loss.detach()))
        progress(step + 1, losses[-1])
    with torch.no_grad():
        averaged.log_scale.copy_(model.log_scale)
    last = losses[-max(1, len(losses) // 10) :]
    return sum(last) / len(last)


def _loss(
    model: TriModalNetwork,
    kept: KeptFeatures,
    sampling: Sampling,
    *,
    matched: bool,
) -> Tensor:
    rows = sampling.draw(model.settings.batch_size)
    views = torch.randint(len(kept.images), (len(rows),))
    labels = kept.labels[rows]
    symbols = None
    if kept.symbols is not None:
        symbols = kept.symbols[labels, torch.randint(kept.symbols.shape[1], (len(rows),))]
    return model.loss_of_features(kept.images[views, rows], symbols, labels, matched)
