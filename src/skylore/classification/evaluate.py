"""Measuring a classifier on labelled objects of an archive."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from skylore.classification.judged import Asked, features, objects_to_judge
from skylore.classification.model import ClassifierModel
from skylore.classification.report import ClassReport, EvaluationReport, WayReport
from skylore.classification.scores import (
    calibration_error,
    confusion,
    f1_of_classes,
    macro_f1,
    retrieval_precisions,
)
from skylore.classification.separation import Separation
from skylore.classification.ways import Way
from skylore.evaluation.bootstrap import Interval, bootstrap_mean
from skylore.evaluation.metrics import expected_average_precision

if TYPE_CHECKING:
    from skylore.archive.table import Archive

__all__ = ["evaluate_classifier"]

_MOST_QUERIES = 20_000
"""Similarity search among more objects than this is measured on a random part of them."""
Labels = NDArray[np.int64]


def evaluate_classifier(
    archive: Archive,
    column: str,
    folder: str | Path,
    *,
    where: str | None = None,
    seen_too: bool = False,
    separation: Separation = "cutout",
    resamples: int = 1000,
    seed: int = 0,
    progress: bool = True,
) -> EvaluationReport:
    """Compare a classifier with labels, and its space with their classes.

    Parameters
    ----------
    archive : Archive
    column : str
    folder : path
    where : str, optional
        Which objects, as in a search.
    seen_too : bool
        Whether to judge on objects that training saw, and what overlaps them, which flatters.
    separation : float or "cutout", optional
        Arcseconds; objects this near to one that training saw are left out as well, since a
        galaxy may be there twice. By default the width of a cutout.
    resamples, seed : int
        Of the bootstrap.
    progress : bool

    Raises
    ------
    ColumnError
        A column is missing or of the wrong type.
    FilterError
        ``where`` is not a predicate over columns of the archive.
    ModelError
        The model cannot be read, or fewer than two labelled objects with an image are left.
    """
    model = ClassifierModel.load(Path(folder))
    chosen = objects_to_judge(
        archive, column, model, where=where, seen_too=seen_too, separation=separation
    )
    found, asked = features(archive, chosen, model, progress=progress)
    return _report(model, found, asked, resamples=resamples, seed=seed)


def _report(
    model: ClassifierModel,
    features: torch.Tensor,
    asked: Asked,
    *,
    resamples: int,
    seed: int,
) -> EvaluationReport:
    labels = asked.labels
    with torch.inference_mode():
        shares = {
            way: model.probabilities(features, way).double().numpy()
            for way in model.config.temperatures
        }
        vectors = model.vectors(features).numpy()
    own = confusion(labels, shares[model.config.way].argmax(axis=1), len(model.config.classes))
    return EvaluationReport(
        objects=len(labels),
        left_out=asked.left_out,
        overlapping=asked.overlapping,
        other_classes=asked.other_classes,
        seen_in_training=asked.seen_in_training,
        unusable=asked.unusable,
        way=model.config.way,
        ways=[_way(way, found, labels, resamples, seed) for way, found in shares.items()],
        classes=_classes(model.config.classes, own),
        confusion=own.tolist(),
        similarity=_similarity(vectors, labels, resamples, seed),
        random=_by_chance(labels),
    )


def _way(
    way: Way, shares: NDArray[np.float64], labels: Labels, resamples: int, seed: int
) -> WayReport:
    found = shares.argmax(axis=1)
    nats = -np.log(np.maximum(shares[np.arange(len(labels)), labels], 1e-12))

    def bounded(values: NDArray[np.float64]) -> Interval:
        return bootstrap_mean(values, seed=seed, resamples=resamples)

    return WayReport(
        way=way,
        accuracy=bounded((found == labels).astype(float)),
        macro_f1=_bounded_f1(labels, found, shares.shape[1], resamples, seed),
        nats=bounded(nats),
        calibration_error=calibration_error(shares, labels),
    )


def _bounded_f1(labels: Labels, found: Labels, classes: int, resamples: int, seed: int) -> Interval:
    """Bound macro F₁, which is no mean over objects, by percentiles of resampled objects."""
    rng = np.random.default_rng(seed)
    drawn = (rng.integers(len(labels), size=len(labels)) for _ in range(resamples))
    values = [macro_f1(labels[rows], found[rows], classes) for rows in drawn]
    low, high = np.quantile(values, [0.025, 0.975])
    return Interval(macro_f1(labels, found, classes), float(low), float(high))


def _classes(names: tuple[str, ...], counts: NDArray[np.int64]) -> list[ClassReport]:
    right, there, found = np.diag(counts), counts.sum(axis=1), counts.sum(axis=0)
    f1 = f1_of_classes(counts)
    return [
        ClassReport(
            name=name,
            objects=int(there[i]),
            precision=float(right[i] / found[i]) if found[i] else None,
            recall=float(right[i] / there[i]) if there[i] else None,
            f1=None if np.isnan(f1[i]) else float(f1[i]),
        )
        for i, name in enumerate(names)
    ]


def _similarity(
    vectors: NDArray[np.float32], labels: Labels, resamples: int, seed: int
) -> dict[str, Interval]:
    if len(labels) > _MOST_QUERIES:
        rows = np.random.default_rng(seed).choice(len(labels), _MOST_QUERIES, replace=False)
        vectors, labels = vectors[rows], labels[rows]
    named = {"ap": "mAP", "ap_at_5": "mAP@5", "ap_at_5_of_hits": "mAP@5 of hits"}
    found = retrieval_precisions(vectors, labels)
    return {
        named[name]: bootstrap_mean(values[~np.isnan(values)], seed=seed, resamples=resamples)
        for name, values in found.items()
    }


def _by_chance(labels: Labels) -> dict[str, float]:
    counts = np.bincount(labels)
    expected = {
        int(c): expected_average_precision(int(c) - 1, len(labels) - 1) for c in counts if c > 1
    }
    drawn = [expected[int(counts[label])] for label in labels if counts[label] > 1]
    return {
        "accuracy": float(counts.max() / len(labels)),
        "mAP": float(np.mean(drawn)) if drawn else 0.0,
    }
