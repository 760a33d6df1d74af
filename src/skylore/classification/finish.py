"""From a finished training run to a classifier."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the name that torch code uses everywhere

from skylore.classification.model import ClassifierConfig, ClassifierModel
from skylore.classification.run import ClassifierRun
from skylore.classification.ways import WAYS, Way, calibrate, fit_linear

__all__ = ["finish"]

MOST_NEIGHBOURS = 20_000
"""Labelled vectors kept: enough for neighbours, and some megabytes."""


def finish(run: ClassifierRun, column: str) -> ClassifierModel:
    """Gather what inference needs, calibrate each way, and choose the likeliest.

    Temperatures and the choice come from the validation objects, which training did not see.
    """
    settings, examples = run.settings, run.examples
    features = run.features(examples.training, run.best)
    labels = examples.labels[examples.training].to(run.device)
    kept = _spread(labels, MOST_NEIGHBOURS)
    ways = _ways(run)
    config = ClassifierConfig(
        column=column,
        classes=examples.classes,
        objective=settings.objective,
        network=run.best.network.description,
        started_from=settings.network,
        dimension=_dimension(run),
        neighbours=len(kept),
        trained_on=len(examples.training) + len(examples.validation),
        temperatures=dict.fromkeys(ways, 1.0),
        way=ways[0],
    )
    model = ClassifierModel(config).to(run.device)
    with torch.no_grad():
        _fill(model, run, features, labels, kept)
        model.eval()
        chosen = _calibrated(model, run, ways)
    return _with_config(model, chosen)


def _ways(run: ClassifierRun) -> list[Way]:
    if run.settings.objective == "tri-modal":
        return list(WAYS)
    with_words = run.settings.objective == "bimodal"
    return ["text", "neighbours", "linear"] if with_words else ["linear", "neighbours"]


def _dimension(run: ClassifierRun) -> int:
    shared = run.settings.objective != "cross-entropy"
    return run.settings.dimension if shared else run.best.network.dimension


def _fill(
    model: ClassifierModel, run: ClassifierRun, features: Tensor, labels: Tensor, kept: Tensor
) -> None:
    best = run.best
    model.network.load_state_dict(best.network.state_dict())
    if run.settings.objective == "cross-entropy":
        model.weight.copy_(best.linear.weight)
        model.bias.copy_(best.linear.bias)
    else:
        model.head.load_state_dict(best.head.state_dict())
        model.texts.copy_(best.texts())
        with torch.enable_grad():
            weight, bias = fit_linear(features.clone(), labels, len(model.config.classes))
        model.weight.copy_(weight)
        model.bias.copy_(bias)
    if run.settings.objective == "tri-modal":
        model.symbols.copy_(_mean_symbols(run))
    model.known.copy_(model.vectors(features[kept]))
    model.known_labels.copy_(labels[kept])
    seen = torch.cat([run.examples.training, run.examples.validation]).numpy()
    model.trained_on.copy_(torch.from_numpy(run.examples.digests[seen]))


def _mean_symbols(run: ClassifierRun) -> Tensor:
    """Give the mean direction of each class's drawings, ``(C, D)``."""
    head = run.best.symbol_head or run.best.head
    vectors = F.normalize(head(run.symbol_features(run.best)), dim=2)
    return F.normalize(vectors.mean(dim=1), dim=1)


def _calibrated(
    model: ClassifierModel, run: ClassifierRun, ways: list[Way]
) -> tuple[dict[Way, float], Way]:
    rows = run.examples.validation
    features = run.features(rows, run.best)
    labels = run.examples.labels[rows].to(run.device)
    temperatures: dict[Way, float] = {}
    nats: dict[Way, float] = {}
    for way in ways:
        logits = model.raw_logits(features, way)
        temperatures[way] = calibrate(logits, labels)
        nats[way] = float(F.cross_entropy(logits / temperatures[way], labels))
    return temperatures, min(nats, key=lambda way: nats[way])


def _with_config(model: ClassifierModel, chosen: tuple[dict[Way, float], Way]) -> ClassifierModel:
    temperatures, way = chosen
    model.config = model.config.model_copy(update={"temperatures": temperatures, "way": way})
    return model.cpu()


def _spread(labels: Tensor, most: int) -> Tensor:
    """Choose at most so many rows, the same share of each class."""
    if len(labels) <= most:
        return torch.arange(len(labels))
    order = torch.argsort(labels, stable=True)
    return order[torch.linspace(0, len(order) - 1, most).long()]
