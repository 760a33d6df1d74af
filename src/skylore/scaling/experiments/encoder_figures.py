"""How an encoder in training does on objects that it has not seen."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the name that torch code uses everywhere

from skylore.morphology.objectives import ClassObjective
from skylore.morphology.run import PretrainRun

__all__ = ["figures_of"]


def figures_of(run: PretrainRun, rows: Tensor) -> dict[str, float]:
    """Give ``loss``, in nats, and other figures of the averaged weights on labelled rows.

    Parameters
    ----------
    run : PretrainRun
        Of one sort of label: classes or votes.
    rows : Tensor, shape (n,)
        All of them labelled.
    """
    ((name, head),) = run.averaged.objectives.items()
    head.eval()
    device = next(head.parameters()).device
    targets = run.data.targets[name][rows].to(device)
    features = run.features(rows)
    with torch.inference_mode():
        if isinstance(head, ClassObjective):
            logits = head.head(features) - _oversampling(run, name, head).to(device)
            return _class_figures(logits, targets[:, 0].long())
        measured = head.measure(features, targets)
    return {
        "loss": measured["negative log likelihood"],
        "fraction_error": measured["fraction error"],
    }


def _oversampling(run: PretrainRun, name: str, head: ClassObjective) -> Tensor:
    """Give the logarithm of how much more often than at random each class was drawn, ``(C,)``.

    Rare classes are drawn more often in training, so the network learns to expect them more often
    than they are; taking this off its logits gives back the likelihood of objects as they come
    (Saerens et al. 2002; Menon et al. 2021, arXiv 2007.07314).
    """
    targets = run.data.targets[name][run.data.training]
    factors = torch.ones(head.classes)
    factors[targets[:, 0].long()] = head.rarity(targets).float()
    return factors.log()


def _class_figures(logits: Tensor, classes: Tensor) -> dict[str, float]:
    right = logits.argmax(dim=1) == classes
    return {
        "loss": float(F.cross_entropy(logits, classes)),
        "accuracy": float(right.float().mean()),
    }
