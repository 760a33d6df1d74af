"""Scores and calibration of predictive distributions, from draws of them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "UniformityTest",
    "central_coverage",
    "crps_fair",
    "energy_score",
    "randomised_pit",
    "uniformity_test",
]

Values = NDArray[np.float64]


class UniformityTest(NamedTuple):
    """The Kolmogorov-Smirnov distance from a uniform distribution, and its p value."""

    distance: float
    p_value: float


def crps_fair(draws: ArrayLike, truth: ArrayLike) -> Values:
    """Continuous ranked probability score, estimated without bias from few draws.

    ``mean|x_i − y| − Σ_{i≠j}|x_i − x_j| / (2m(m − 1))`` (Ferro 2014), in the unit of the values.

    Parameters
    ----------
    draws : array_like, shape (N, M)
    truth : array_like, shape (N,)

    Returns
    -------
    ndarray, shape (N,)
        Lower is better; a single row may be negative.

    Raises
    ------
    ValueError
        Shapes do not fit, there are fewer than two draws, or a value is not finite.
    """
    ordered, labels = _checked(draws, truth)
    ordered = np.sort(ordered, axis=1)
    count = ordered.shape[1]
    # Σ_{i<j} (x_j − x_i) of sorted draws, each counted by its rank.
    weights = 2 * np.arange(count) - count + 1
    spread = ordered @ weights / (count * (count - 1))
    error = np.abs(ordered - labels[:, None]).mean(axis=1)
    return np.asarray(error - spread, dtype=np.float64)


def energy_score(draws: ArrayLike, truth: ArrayLike) -> Values:
    """Energy score of draws of several columns: ``E‖X − y‖ − ½ E‖X − X′‖`` without bias.

    Gneiting & Raftery (2007, eq. 22); in one dimension it is the CRPS.

    Parameters
    ----------
    draws : array_like, shape (N, M, D)
    truth : array_like, shape (N, D)
        Of comparable scales, since distances are taken.

    Returns
    -------
    ndarray, shape (N,)

    Raises
    ------
    ValueError
        As for :func:`crps_fair`.
    """
    points, labels = np.asarray(draws, np.float64), np.asarray(truth, np.float64)
    if points.ndim != 3 or labels.shape != (points.shape[0], points.shape[2]):
        raise ValueError(f"draws (N, M, D) need truths (N, D): {points.shape}, {labels.shape}")
    if points.shape[1] < 2 or not (np.isfinite(points).all() and np.isfinite(labels).all()):
        raise ValueError("scores need two draws at least, and finite values")
    count = points.shape[1]
    scores = np.linalg.norm(points - labels[:, None], axis=2).mean(axis=1)
    for row, cloud in enumerate(points):
        apart = np.linalg.norm(cloud[:, None] - cloud, axis=2).sum()
        scores[row] -= apart / (2 * count * (count - 1))
    return np.asarray(scores, dtype=np.float64)


def randomised_pit(draws: ArrayLike, truth: ArrayLike, *, seed: int) -> Values:
    """Rank each truth among the draws for it, ties broken at random.

    ``(#{x < y} + U (#{x = y} + 1)) / (m + 1)``: exactly uniform if truth and draws are of the
    same distribution, whether it has point masses or not (Czado et al. 2009).

    Returns
    -------
    ndarray, shape (N,)
        Between 0 and 1.

    Raises
    ------
    ValueError
        As for :func:`crps_fair`.
    """
    drawn, labels = _checked(draws, truth)
    below = (drawn < labels[:, None]).sum(axis=1)
    equal = (drawn == labels[:, None]).sum(axis=1)
    chance = np.random.default_rng(seed).random(len(labels))
    return np.asarray((below + chance * (equal + 1)) / (drawn.shape[1] + 1), dtype=np.float64)


def central_coverage(ranks: ArrayLike, level: float) -> Values:
    """Tell of each rank whether the central interval of this level holds the truth: 1 or 0.

    Parameters
    ----------
    ranks : array_like, shape (N,)
        Probability integral transforms, such as those of :func:`randomised_pit`.
    level : float
        Between 0 and 1; the mean of the result should be this.
    """
    if not 0 < level < 1:
        raise ValueError(f"level {level} is not between 0 and 1")
    away = np.abs(np.asarray(ranks, dtype=np.float64) - 0.5)
    return np.asarray(away <= level / 2, dtype=np.float64)


def uniformity_test(ranks: ArrayLike) -> UniformityTest:
    """Compare ranks with a uniform distribution (Kolmogorov-Smirnov, exact).

    Raises
    ------
    ValueError
        There are none, or one is not between 0 and 1.
    """
    from scipy.stats import kstest

    values = np.asarray(ranks, dtype=np.float64)
    if values.ndim != 1 or not values.size or not ((values >= 0) & (values <= 1)).all():
        raise ValueError("ranks are a list of numbers between 0 and 1")
    found = kstest(values, "uniform")
    return UniformityTest(float(found.statistic), float(found.pvalue))


def _checked(draws: ArrayLike, truth: ArrayLike) -> tuple[Values, Values]:
    drawn, labels = np.asarray(draws, np.float64), np.asarray(truth, np.float64)
    if drawn.ndim != 2 or labels.shape != drawn.shape[:1]:
        raise ValueError(f"draws (N, M) need truths (N,), not {drawn.shape} and {labels.shape}")
    if drawn.shape[1] < 2 or not (np.isfinite(drawn).all() and np.isfinite(labels).all()):
        raise ValueError("scores need two draws at least, and finite values")
    return drawn, labels
