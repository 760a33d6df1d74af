"""Measuring a classifier on labelled objects of an archive."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from skylore.archive.staging import ROW
from skylore.classification.examples import digests_of
from skylore.classification.model import ClassifierModel
from skylore.classification.report import ClassReport, EvaluationReport, WayReport
from skylore.classification.scores import (
    calibration_error,
    confusion,
    f1_of_classes,
    macro_f1,
    retrieval_precisions,
)
from skylore.classification.service import checked_where
from skylore.classification.steps import features_of
from skylore.classification.ways import Way
from skylore.errors import ImageError, ModelError
from skylore.evaluation.bootstrap import Interval, bootstrap_mean
from skylore.evaluation.metrics import expected_average_precision
from skylore.imaging.decode import decode
from skylore.morphology.label_columns import texts_of

if TYPE_CHECKING:
    from skylore.archive.table import Archive

__all__ = ["evaluate_classifier"]

_ROWS = 256
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
        Whether to judge on objects that training saw, which flatters.
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
        The model cannot be read, or fewer than two labelled objects are left.
    """
    model = ClassifierModel.load(Path(folder))
    archive.require(["id", "image", column])
    seen = f"image IS NOT NULL AND `{column}` IS NOT NULL"
    checked = checked_where(archive, where)
    table = archive.read(
        list(dict.fromkeys(["id", column])),
        where=f"{seen} AND ({checked})" if checked else seen,
        row_ids=True,
    )
    table, other = _of_known_classes(table, column, model)
    known = np.isin(digests_of(table["id"]), model.trained_on.numpy())
    if not seen_too:
        table = table.filter(pa.array(~known))
    if table.num_rows < 2:
        raise ModelError(
            f"{table.num_rows} labelled objects are left to judge on: training saw the others; "
            "label more, or judge on those as well with --all, which flatters"
        )
    features, kept = _features(archive, table[ROW].combine_chunks(), model, progress=progress)
    names = texts_of(table, column).to_pylist()
    labels = np.array([model.config.classes.index(name) for name in names], np.int64)[kept]
    return _report(
        model,
        features,
        labels,
        counts=(0 if seen_too else int(known.sum()), other, int(known.sum()) if seen_too else 0),
        resamples=resamples,
        seed=seed,
    )


def _of_known_classes(table: pa.Table, column: str, model: ClassifierModel) -> tuple[pa.Table, int]:
    known = pc.is_in(texts_of(table, column), pa.array(model.config.classes))
    return table.filter(known), table.num_rows - int(pc.sum(known).as_py() or 0)


def _features(
    archive: Archive, rows: pa.Array, model: ClassifierModel, *, progress: bool
) -> tuple[torch.Tensor, NDArray[np.int64]]:
    """Encode images; those that cannot be decoded are left out."""
    found, kept = [], []
    with tqdm(
        total=len(rows), desc="evaluate", unit="image", disable=not progress, file=sys.stderr
    ) as bar:
        for start in range(0, len(rows), _ROWS):
            images = []
            data = archive.take(rows.slice(start, _ROWS), ["image"])["image"].to_pylist()
            for place, encoded in enumerate(data):
                try:
                    images.append(decode(encoded))
                    kept.append(start + place)
                except ImageError:
                    continue
            found.append(features_of(model, images))
            bar.update(len(data))
    return torch.from_numpy(np.concatenate(found)), np.array(kept, np.int64)


def _report(
    model: ClassifierModel,
    features: torch.Tensor,
    labels: Labels,
    *,
    counts: tuple[int, int, int],
    resamples: int,
    seed: int,
) -> EvaluationReport:
    with torch.inference_mode():
        shares = {
            way: model.probabilities(features, way).double().numpy()
            for way in model.config.temperatures
        }
        vectors = model.vectors(features).numpy()
    own = confusion(labels, shares[model.config.way].argmax(axis=1), len(model.config.classes))
    left_out, other, seen = counts
    return EvaluationReport(
        objects=len(labels),
        left_out=left_out,
        other_classes=other,
        seen_in_training=seen,
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
