"""How an encoder in training does on objects that it has not seen."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the name that torch code uses everywhere

from skylore.morphology.objectives import ClassObjective
from skylore.morphology.run import PretrainRun

__all__ = ["class_logits", "figures_of"]


def class_logits(run: PretrainRun, rows: Tensor) -> Tensor:
    """Give the logarithms of classes' probabilities, up to a constant: ``(n, C)``.

    Rare classes are drawn more often in training, so the network learns to expect them more often
    than they are; taking that off its logits gives back the likelihood of objects as they come
    (Saerens et al. 2002; Menon et al. 2021, arXiv 2007.07314).

    Parameters
    ----------
    run : PretrainRun
        Of classes.
    rows : Tensor, shape (n,)

    Raises
    ------
    TypeError
        The run does not learn classes.
    """
    ((name, head),) = run.averaged.objectives.items()
    if not isinstance(head, ClassObjective):
        raise TypeError(f"the labels {name!r} are no classes")
    targets = run.data.targets[name][run.data.training]
    drawn = torch.ones(head.classes)
    drawn[targets[:, 0].long()] = head.rarity(targets).float()
    features = run.features(rows)
    with torch.inference_mode():
        logits: Tensor = head.eval().head(features) - drawn.log().to(features.device)
    return logits


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
    device = next(head.parameters()).device
    targets = run.data.targets[name][rows].to(device)
    if isinstance(head, ClassObjective):
        return _class_figures(class_logits(run, rows), targets[:, 0].long())
    with torch.inference_mode():
        measured = head.eval().measure(run.features(rows), targets)
    return {
        "loss": measured["negative log likelihood"],
        "fraction_error": measured["fraction error"],
    }


def _class_figures(logits: Tensor, classes: Tensor) -> dict[str, float]:
    right = logits.argmax(dim=1) == classes
    return {
        "loss": float(F.cross_entropy(logits, classes)),
        "accuracy": float(right.float().mean()),
    }
