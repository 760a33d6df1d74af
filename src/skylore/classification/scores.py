"""How good classes and similarity are, as pure functions of arrays."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "calibration_error",
    "confusion",
    "f1_of_classes",
    "macro_f1",
    "retrieval_precisions",
]

Labels = NDArray[np.int64]
_AT = 5
_ROWS = 1024


def confusion(truth: Labels, found: Labels, classes: int) -> NDArray[np.int64]:
    """Count objects by true and by found class, ``(C, C)``: rows are the truth."""
    counted = np.bincount(truth * classes + found, minlength=classes**2)
    return counted.reshape(classes, classes).astype(np.int64)


def f1_of_classes(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Give F₁ = 2 TP / (2 TP + FP + FN) of each class from a confusion matrix, ``(C,)``.

    NaN for a class that neither is there nor was found.
    """
    right = np.diag(counts).astype(float)
    total = counts.sum(axis=0) + counts.sum(axis=1)
    f1: NDArray[np.float64] = np.full(len(right), np.nan)
    np.divide(2 * right, total, out=f1, where=total > 0)
    return f1


def macro_f1(truth: Labels, found: Labels, classes: int) -> float:
    """Give the mean of F₁ over the classes that are there or were found."""
    return float(np.nanmean(f1_of_classes(confusion(truth, found, classes))))


def calibration_error(probabilities: NDArray[np.float64], truth: Labels, bins: int = 15) -> float:
    """Give the expected calibration error of the most likely class.

    The mean, over objects, of |accuracy − mean confidence| of their bin; bins hold equally many
    objects (Nixon et al. 2019, arXiv 1904.01685).

    Parameters
    ----------
    probabilities : ndarray, shape (N, C)
    truth : ndarray, shape (N,)
    bins : int
    """
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == truth
    parts = np.array_split(np.argsort(confidence, kind="stable"), min(bins, len(truth)))
    gaps = [abs(right[part].mean() - confidence[part].mean()) * len(part) for part in parts]
    return float(sum(gaps) / len(truth))


def retrieval_precisions(
    vectors: NDArray[np.float32], labels: Labels
) -> dict[str, NDArray[np.float64]]:
    """Give average precisions of each object as a query for its class, itself left out.

    Every other object is ranked by cosine similarity; those of the same class are relevant. ``ap``
    is over the whole ranking. At five the literature leaves the normaliser open, and both are
    given: ``ap_at_5`` divides the sum of precisions at relevant places by min(5, R), the most it
    could be, ``ap_at_5_of_hits`` by the number of relevant among the five.

    Parameters
    ----------
    vectors : ndarray, shape (N, D)
        Unit rows.
    labels : ndarray, shape (N,)

    Returns
    -------
    dict of ndarray, shape (N,)
        NaN for an object that is alone in its class.
    """
    parts = [
        _precisions(vectors[start : start + _ROWS] @ vectors.T, start, labels)
        for start in range(0, len(labels), _ROWS)
    ]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _precisions(
    cosines: NDArray[np.float32], start: int, labels: Labels
) -> dict[str, NDArray[np.float64]]:
    count, own = len(cosines), np.arange(start, start + len(cosines))
    cosines[np.arange(count), own] = -np.inf
    order = np.argsort(-cosines, axis=1, kind="stable")[:, :-1]
    relevant = labels[order] == labels[own][:, None]
    places = np.arange(1, relevant.shape[1] + 1)
    precision = np.cumsum(relevant, axis=1) / places * relevant
    total = relevant.sum(axis=1)
    top, hits = precision[:, :_AT].sum(axis=1), relevant[:, :_AT].sum(axis=1)
    alone = np.full(count, np.nan)
    return {
        "ap": np.divide(precision.sum(axis=1), total, out=alone.copy(), where=total > 0),
        "ap_at_5": np.divide(top, np.minimum(_AT, total), out=alone.copy(), where=total > 0),
        "ap_at_5_of_hits": np.where(total > 0, top / np.maximum(hits, 1), np.nan),
    }
