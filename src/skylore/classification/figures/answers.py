"""How answers compare with the truth: confusion of classes, and honesty of probabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from skylore.classification.figures.shown import Shown
from skylore.classification.figures.style import readable
from skylore.classification.scores import calibration_error, confusion
from skylore.scaling.drawing import COLOURS, GREY, INK, styled_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["plot_confusion", "plot_reliability", "reliability"]

_BINS = 12
_LEAST = 20
"""Objects a bin, where there are so many."""
_Z = 1.959964


def plot_confusion(shown: Shown) -> Figure:
    """Draw the share of each true class that was given each class, and the count."""
    classes = len(shown.classes)
    counts = confusion(shown.labels, shown.shares.argmax(axis=1), classes)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    size = max(4.0, 0.62 * classes + 2.2)
    with styled_figure(size, size) as figure:
        axes = figure.subplots()
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        for row, column in np.ndindex(counts.shape):
            if counts[row, column]:
                axes.text(
                    column, row, f"{counts[row, column]:,}", ha="center", va="center", fontsize=9,
                    color="white" if shares[row, column] > 0.5 else INK,
                )  # fmt: skip
        names = [readable(name) for name in shown.classes]
        totals = [f"{n} ({t:,})" for n, t in zip(names, counts.sum(axis=1), strict=True)]
        axes.set_xticks(range(classes), names, rotation=40, ha="right", rotation_mode="anchor")
        axes.set_yticks(range(classes), totals)
        axes.set_xlabel("found")
        axes.set_ylabel("truth")
        right = float(np.trace(counts) / counts.sum())
        axes.set_title(f"{right:.1%} of {counts.sum():,} right{shown.caveat}", fontsize=11.5)
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
    return figure


def reliability(
    shares: NDArray[np.float64], labels: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Compare confidence with accuracy in bins of equally many objects.

    Parameters
    ----------
    shares : ndarray, shape (N, C)
    labels : ndarray, shape (N,)

    Returns
    -------
    confidence, accuracy : ndarray, shape (B,)
    bounds : ndarray, shape (2, B)
        Of the accuracy, 95 % (Wilson 1927).
    """
    sure = shares.max(axis=1)
    right = shares.argmax(axis=1) == labels
    bins = int(np.clip(len(labels) // _LEAST, 1, _BINS))
    parts = np.array_split(np.argsort(sure, kind="stable"), bins)
    n = np.array([len(part) for part in parts])
    confidence = np.array([sure[part].mean() for part in parts])
    accuracy = np.array([right[part].mean() for part in parts])
    middle = (accuracy + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    spread = np.sqrt(accuracy * (1 - accuracy) / n + _Z**2 / (4 * n**2)) * _Z / (1 + _Z**2 / n)
    return confidence, accuracy, np.stack([middle - spread, middle + spread])


def plot_reliability(shown: Shown, way: str) -> Figure:
    """Draw accuracy against confidence, and how often each confidence is given."""
    confidence, accuracy, bounds = reliability(shown.shares, shown.labels)
    error = calibration_error(shown.shares, shown.labels)
    with styled_figure(4.6, 5.2) as figure:
        top, below = figure.subplots(2, 1, height_ratios=[4, 1], sharex=True)
        top.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle=(0, (4, 2)), zorder=1)
        top.vlines(confidence, *bounds, color=COLOURS[0], alpha=0.45, linewidth=2)
        top.plot(confidence, accuracy, "o-", color=COLOURS[0], markersize=5, linewidth=1.4)
        low = max(0.0, min(float(bounds.min()), float(shown.shares.max(axis=1).min())) - 0.03)
        top.set_ylim(low, 1.02)
        top.set_xlim(low, 1.01)
        top.set_ylabel("share that is right")
        said = f"{len(shown.labels):,} objects{shown.caveat}, by {way}"
        top.set_title(f"{said}:\ncalibration error {error:.3f}", fontsize=11)
        below.hist(shown.shares.max(axis=1), bins=30, range=(low, 1), color=COLOURS[0], alpha=0.6)
        below.set_xlabel("probability of the likeliest class")
        below.set_ylabel("objects")
    return figure
