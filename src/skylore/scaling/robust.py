"""Huber's loss on log residuals, and the scatter that its threshold is set from."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from skylore.scaling.laws import Floats

__all__ = ["EFFICIENT", "huber_sum", "huber_weights", "pseudo_residuals", "repeat_scatter"]

EFFICIENT = 1.345
"""The threshold in standard deviations at which Huber's estimate is 95 % efficient (Huber 1964)."""

_MAD_TO_SIGMA = 1.4826


def huber_sum(residuals: Floats, delta: float) -> Floats:
    """Sum ``r²/2`` up to ``|r| = δ`` and ``δ(|r| − δ/2)`` beyond, over the last axis.

    The sum and not the mean: with a mean, optimisers meet their tolerance before they converge
    (Besiroglu et al. 2024, arXiv 2404.10102).
    """
    size = np.abs(residuals)
    inner = np.minimum(size, delta)
    return np.asarray(np.sum(inner * (size - inner / 2), axis=-1))


def huber_weights(residuals: Floats, delta: float) -> Floats:
    """Give the weights ``min(1, δ/|r|)`` by which least squares solves Huber's problem."""
    return np.asarray(delta / np.maximum(np.abs(residuals), delta))


def pseudo_residuals(residuals: Floats, delta: float) -> Floats:
    """Give residuals whose least squares behave as Huber's estimate does (Huber 1981, ch. 7).

    Clipped to ``±δ``, and divided by the share that was not clipped.
    """
    inside = np.mean(np.abs(residuals) <= delta)
    return np.asarray(np.clip(residuals, -delta, delta) / max(float(inside), 0.5))


def repeat_scatter(logs: Floats, cells: NDArray[np.intp]) -> float | None:
    """Estimate the standard deviation of log loss between repeats, robustly.

    Parameters
    ----------
    logs : (R,)
    cells : (R,)
        Runs of one number are repeats of each other.

    Returns
    -------
    float or None
        None where repeats are fewer than half of the runs.
    """
    freedom = logs.size - np.unique(cells).size
    if 2 * freedom < logs.size:
        return None
    middle = np.array([np.median(logs[cells == cell]) for cell in cells])
    spread = float(np.median(np.abs(logs - middle)))
    if spread == 0:  # half of the runs or more are their cell's median
        spread = float(np.sqrt(np.mean((logs - middle) ** 2))) / _MAD_TO_SIGMA
    return _MAD_TO_SIGMA * spread * float(np.sqrt(logs.size / freedom))
