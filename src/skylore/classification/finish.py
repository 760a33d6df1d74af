"""From a finished training run to a classifier."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the name that torch code uses everywhere

from skylore.classification.linear_head import best_ridge, fit_linear
from skylore.classification.model import ClassifierConfig, ClassifierModel
from skylore.classification.run import ClassifierRun
from skylore.classification.ways import WAYS, Way, calibrate, chosen_way

__all__ = ["finish"]

MOST_NEIGHBOURS = 20_000
"""Labelled vectors kept: enough for neighbours, and some megabytes."""


def finish(run: ClassifierRun, column: str) -> ClassifierModel:
    """Gather what inference needs, calibrate each way, and choose by which to classify.

    Temperatures and the choice come from the validation objects, which are left out until then;
    linear head and neighbours are at last made of all that is labelled.
    """
    examples = run.examples
    learnt, judged = examples.training, examples.validation
    with torch.no_grad():
        known, asked = run.features(learnt, run.best), run.features(judged, run.best)
        ridge = _ridge(run, known)
        trial = _model(run, column, learnt, known, ridge)
        temperatures, way = _calibrated(trial, asked, _labels(run, judged))
        every = torch.cat([learnt, judged])
        model = _model(run, column, every, torch.cat([known, asked]), ridge)
    model.config = model.config.model_copy(update={"temperatures": temperatures, "way": way})
    return model.cpu()


def _labels(run: ClassifierRun, rows: Tensor) -> Tensor:
    return run.examples.labels[rows].to(run.device)


def _ridge(run: ClassifierRun, features: Tensor) -> float | None:
    if run.settings.objective == "cross-entropy":
        return None
    labels = _labels(run, run.examples.training)
    return best_ridge(features, labels, len(run.examples.classes))


def _ways(run: ClassifierRun) -> list[Way]:
    lacking: dict[str, set[Way]] = {
        "tri-modal": set(),
        "bimodal": {"symbol", "both"},
        "cross-entropy": {"text", "symbol", "both"},
    }
    return [way for way in WAYS if way not in lacking[run.settings.objective]]


def _model(
    run: ClassifierRun, column: str, rows: Tensor, features: Tensor, ridge: float | None
) -> ClassifierModel:
    """Make a classifier of these labelled objects, which is not calibrated yet."""
    labels = _labels(run, rows)
    kept = _spread(labels, MOST_NEIGHBOURS)
    ways, best = _ways(run), run.best
    shared = run.settings.objective != "cross-entropy"
    config = ClassifierConfig(
        column=column,
        classes=run.examples.classes,
        objective=run.settings.objective,
        network=best.network.description,
        started_from=run.settings.network,
        dimension=run.settings.dimension if shared else best.network.dimension,
        neighbours=len(kept),
        trained_on=len(rows),
        scale=float(best.log_scale.exp()),
        temperatures=dict.fromkeys(ways, 1.0),
        way="combined",
    )
    model = ClassifierModel(config).to(run.device)
    _fill(model, run, features, labels, ridge)
    model.known.copy_(model.shared(features[kept]))
    model.known_labels.copy_(labels[kept])
    model.trained_on.copy_(torch.from_numpy(run.examples.digests[rows.numpy()]))
    return model.eval()


def _fill(
    model: ClassifierModel,
    run: ClassifierRun,
    features: Tensor,
    labels: Tensor,
    ridge: float | None,
) -> None:
    best, classes = run.best, len(model.config.classes)
    model.network.load_state_dict(best.network.state_dict())
    model.standard.load_state_dict(best.standard.state_dict())
    natural, drawn = _shares(run)
    if ridge is None:
        weight = best.linear.weight / best.standard.scale
        model.weight.copy_(weight)
        # It has learnt from classes as they were drawn, and meets them as they are.
        prior = (natural / drawn).log()
        model.bias.copy_(best.linear.bias - weight @ best.standard.mean + prior)
        return
    model.head.load_state_dict(best.head.state_dict())
    model.texts.copy_(best.texts())
    # Each other text of a batch counts in the softmax of InfoNCE as often as its class is there,
    # so that what is learnt holds for classes that are equally frequent (Menon et al. 2021, arXiv
    # 2007.07314); what is asked about is not.
    model.prior.copy_(natural.log())
    weight, bias = fit_linear(features, labels, classes, ridge)
    model.weight.copy_(weight)
    model.bias.copy_(bias)
    if run.settings.objective == "tri-modal":
        drawings = best.drawn(run.symbol_features(best))
        model.symbols.copy_(F.normalize(drawings.mean(dim=1), dim=1))


def _shares(run: ClassifierRun) -> tuple[Tensor, Tensor]:
    """Give the share of each class among the labelled objects, and among those drawn to learn."""
    labels, classes = _labels(run, run.examples.training), len(run.examples.classes)
    # One of each is added: a class without examples may be rare, but not impossible.
    counts = torch.bincount(labels, minlength=classes) + 1.0
    drawn = counts ** (1 - run.settings.balance)
    return counts / counts.sum(), drawn / drawn.sum()


def _calibrated(
    model: ClassifierModel, features: Tensor, labels: Tensor
) -> tuple[dict[Way, float], Way]:
    temperatures: dict[Way, float] = {}
    nats: dict[Way, Tensor] = {}
    for way in model.config.temperatures:
        # The combined way comes last, and takes the temperatures of the others.
        logits = model.raw_logits(features, way)
        temperatures[way] = calibrate(logits, labels)
        nats[way] = F.cross_entropy(logits / temperatures[way], labels, reduction="none")
        known = {**model.config.temperatures, **temperatures}
        model.config = model.config.model_copy(update={"temperatures": known})
    return temperatures, chosen_way(nats)


def _spread(labels: Tensor, most: int) -> Tensor:
    """Choose at most so many rows, the same share of each class."""
    if len(labels) <= most:
        return torch.arange(len(labels))
    order = torch.argsort(labels, stable=True)
    return order[torch.linspace(0, len(order) - 1, most).long()]
