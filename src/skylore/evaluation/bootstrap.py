"""Confidence intervals by resampling objects or queries (Efron & Tibshirani 1993)."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "Interval",
    "bootstrap_mean",
    "bootstrap_ratio",
    "paired_difference",
    "relative_reduction",
]

_VALUES_AT_ONCE = 4_000_000


class Interval(NamedTuple):
    """A mean with the interval that holds it at the stated confidence."""

    mean: float
    low: float
    high: float


def bootstrap_mean(
    values: ArrayLike,
    *,
    seed: int,
    confidence: float = 0.95,
    resamples: int = 2000,
    method: Literal["percentile", "bca"] = "bca",
) -> Interval:
    """Bound the mean of one value an object, by drawing the objects again with replacement.

    Parameters
    ----------
    values : array_like, shape (N,)
        One figure of merit for each object or query. Values of the same object must have been
        averaged first: rows that belong together are not independent.
    seed : int
    confidence : float
        Between 0 and 1.
    resamples : int
    method : {"bca", "percentile"}
        ``bca`` corrects for bias and skewness (Efron 1987, eqs. 6.6 and 7.3 for a mean);
        ``percentile`` takes the quantiles of the resampled means as they are.

    Returns
    -------
    Interval
        All three equal where every value is the same.

    Raises
    ------
    ValueError
        If there are no values, or one is not finite, or the confidence is not between 0 and 1.
    """
    data = np.asarray(values, dtype=np.float64)
    if data.ndim != 1 or data.size == 0 or not np.isfinite(data).all():
        raise ValueError("a bootstrap needs a list of at least one finite value")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence {confidence} is not between 0 and 1")
    mean = float(data.mean())
    if np.ptp(data) == 0:
        return Interval(mean, mean, mean)
    means = _resampled_means(data, resamples, np.random.default_rng(seed))
    tails = np.array([(1 - confidence) / 2, (1 + confidence) / 2])
    if method == "bca":
        tails = _corrected_tails(tails, data, means)
    low, high = np.quantile(means, tails)
    return Interval(mean, float(low), float(high))


def paired_difference(
    first: ArrayLike,
    second: ArrayLike,
    *,
    seed: int,
    confidence: float = 0.95,
    resamples: int = 2000,
) -> Interval:
    """Bound the mean of ``first − second``, measured on the same objects in the same order.

    Raises
    ------
    ValueError
        If the two differ in length, or as for :func:`bootstrap_mean`.
    """
    one, two = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if one.shape != two.shape:
        raise ValueError(f"paired values differ in number: {one.shape} and {two.shape}")
    return bootstrap_mean(one - two, seed=seed, confidence=confidence, resamples=resamples)


def relative_reduction(
    errors: ArrayLike,
    baseline: ArrayLike,
    *,
    seed: int,
    confidence: float = 0.95,
    resamples: int = 2000,
) -> Interval:
    """Bound by what share errors are fewer than a baseline's on the same objects.

    ``1 − Σ errors / Σ baseline``, with percentiles of it over objects drawn again together.
    Samples in which the baseline makes no error are left out.

    Parameters
    ----------
    errors, baseline : array_like, shape (N,)
        Not negative: 1 where an object is wrong and 0 where it is right, or any loss.

    Raises
    ------
    ValueError
        The two differ in length, are negative or not finite, or the baseline makes no error.
    """
    one, two = np.asarray(errors, dtype=np.float64), np.asarray(baseline, dtype=np.float64)
    if one.shape != two.shape or one.ndim != 1:
        raise ValueError(f"paired errors differ in number: {one.shape} and {two.shape}")
    both = np.stack([one, two], axis=1)
    if not (np.isfinite(both).all() and (both >= 0).all() and two.any()):
        raise ValueError("errors are finite and not negative, and the baseline's are not all zero")
    share = _ratio_of_sums(one, two, seed=seed, confidence=confidence, resamples=resamples)
    return Interval(1 - share.mean, 1 - share.high, 1 - share.low)


def bootstrap_ratio(
    numerators: ArrayLike,
    denominators: ArrayLike,
    *,
    seed: int,
    confidence: float = 0.95,
    resamples: int = 2000,
) -> Interval:
    """Bound ``Σ numerators / Σ denominators``, by drawing objects with both again (percentiles).

    For shares of things of which objects have different numbers, such as right answers among the
    answers of all objects: the things of one object are not independent, the objects are.

    Parameters
    ----------
    numerators, denominators : array_like, shape (N,)
        Of each object; denominators are positive.

    Raises
    ------
    ValueError
        The two differ in length or are empty, or are not finite, or a denominator is not positive.
    """
    pairs = [np.asarray(values, dtype=np.float64) for values in (numerators, denominators)]
    if pairs[0].shape != pairs[1].shape or pairs[0].ndim != 1 or pairs[0].size == 0:
        raise ValueError(f"a ratio needs pairs: {pairs[0].shape} and {pairs[1].shape}")
    above, below = pairs
    if not (np.isfinite(above).all() and np.isfinite(below).all() and (below > 0).all()):
        raise ValueError("a ratio needs finite numerators and positive denominators")
    return _ratio_of_sums(above, below, seed=seed, confidence=confidence, resamples=resamples)


def _ratio_of_sums(
    above: NDArray[np.float64],
    below: NDArray[np.float64],
    *,
    seed: int,
    confidence: float,
    resamples: int,
) -> Interval:
    """Bound ``Σ above / Σ below``; draws in which nothing is below are left out."""
    if not 0 < confidence < 1:
        raise ValueError(f"confidence {confidence} is not between 0 and 1")
    means = _resampled_means(
        np.stack([above, below], axis=1), resamples, np.random.default_rng(seed)
    )
    means = means[means[:, 1] > 0]
    tails = [(1 - confidence) / 2, (1 + confidence) / 2]
    low, high = np.quantile(means[:, 0] / means[:, 1], tails)
    return Interval(float(above.sum() / below.sum()), float(low), float(high))


def _resampled_means(
    data: NDArray[np.float64], resamples: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Draw the rows of ``(N, …)`` again with replacement, and give their means each time."""
    means = np.empty((resamples, *data.shape[1:]))
    step = max(1, _VALUES_AT_ONCE // data.size)
    for start in range(0, resamples, step):
        count = min(step, resamples - start)
        drawn = rng.integers(0, len(data), (count, len(data)))
        means[start : start + count] = data[drawn].mean(axis=1)
    return means


def _corrected_tails(
    tails: NDArray[np.float64], data: NDArray[np.float64], means: NDArray[np.float64]
) -> NDArray[np.float64]:
    from scipy.special import ndtr, ndtri

    # Ties count half, so that few distinct values do not look like bias.
    mean = data.mean()
    below = (np.mean(means < mean) + np.mean(means <= mean)) / 2
    limit = 0.5 / means.size
    bias = ndtri(np.clip(below, limit, 1 - limit))
    centred = data - mean
    centred /= np.abs(centred).max()  # so that the powers of tiny values do not vanish
    acceleration = np.sum(centred**3) / (6 * np.sum(centred**2) ** 1.5)
    shifted = bias + ndtri(tails)
    corrected: NDArray[np.float64] = ndtr(bias + shifted / (1 - acceleration * shifted))
    return corrected
