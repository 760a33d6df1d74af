"""Figures of merit of a ranking, and what a shuffled one would score.

All take relevances in the order of the ranking, best hit first; ties are in the given order.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "Gain",
    "average_precision",
    "dcg",
    "expected_average_precision",
    "expected_ndcg_at_k",
    "gains_of",
    "ndcg_at_k",
    "precision_at_k",
    "recall_at_k",
]


Gain = Literal["exponential", "linear"]


def gains_of(relevance: ArrayLike, gain: Gain = "exponential") -> NDArray[np.float64]:
    """Give what each item is worth: ``2^rel − 1`` (Burges et al. 2005), or ``rel`` itself.

    The linear gain is that of Järvelin & Kekäläinen (2002). The two agree on relevances of 0 and
    1, and on no other.

    Raises
    ------
    ValueError
        If a relevance is negative or not finite, or the list is not one-dimensional.
    """
    grades = _graded(relevance)
    gains: NDArray[np.float64] = np.exp2(grades) - 1 if gain == "exponential" else grades
    return gains


def dcg(relevance: ArrayLike, *, gain: Gain = "exponential") -> float:
    """Discounted cumulative gain, ``Σ gain / log2(rank + 1)``, of a whole list.

    Discount of Järvelin & Kekäläinen (2002); for the gain, see :func:`gains_of`.

    Parameters
    ----------
    relevance : array_like, shape (N,)
        Graded, from 0; in the order of the ranking.
    gain : {"exponential", "linear"}

    Raises
    ------
    ValueError
        If a relevance is negative or not finite, or the list is not one-dimensional.
    """
    gains = gains_of(relevance, gain)
    return float(np.sum(gains / np.log2(np.arange(2, gains.size + 2))))


def ndcg_at_k(relevance: ArrayLike, k: int, *, gain: Gain = "exponential") -> float:
    """Gain of the first ``k`` over the gain of the best possible first ``k``.

    Parameters
    ----------
    relevance : array_like, shape (N,)
        Of the whole population, since the ideal is taken over it; in the order of the ranking.
    k : int
    gain : {"exponential", "linear"}
        As in :func:`gains_of`.

    Returns
    -------
    float
        From 0 to 1; NaN if nothing in the population is relevant, where no ranking is right.

    Raises
    ------
    ValueError
        If ``k`` is not positive, or as for :func:`dcg`.
    """
    grades = _graded(relevance)
    _check_k(k)
    ideal = dcg(np.sort(grades)[::-1][:k], gain=gain)
    return dcg(grades[:k], gain=gain) / ideal if ideal > 0 else math.nan


def expected_ndcg_at_k(relevance: ArrayLike, k: int, *, gain: Gain = "exponential") -> float:
    """Mean of :func:`ndcg_at_k` over all orders of the population.

    Every rank then holds the mean gain, so it is the mean gain times the sum of the discounts,
    over the ideal.

    Raises
    ------
    ValueError
        As for :func:`ndcg_at_k`.
    """
    grades = _graded(relevance)
    _check_k(k)
    ideal = dcg(np.sort(grades)[::-1][:k], gain=gain)
    if ideal == 0:
        return math.nan
    discounts = 1 / np.log2(np.arange(2, min(k, grades.size) + 2))
    return float(np.mean(gains_of(grades, gain)) * discounts.sum() / ideal)


def average_precision(relevant: ArrayLike) -> float:
    """Mean, over the relevant items, of the precision at the rank of each.

    Parameters
    ----------
    relevant : array_like, shape (N,), bool
        Of the whole population, in the order of the ranking.

    Returns
    -------
    float
        NaN if nothing is relevant.

    Raises
    ------
    ValueError
        If the list is not of truth values (or of zeros and ones).
    """
    hits = _binary(relevant)
    if not hits.any():
        return math.nan
    ranks = np.flatnonzero(hits) + 1
    return float(np.mean(np.arange(1, ranks.size + 1) / ranks))


def expected_average_precision(relevant: int, total: int) -> float:
    """Mean of :func:`average_precision` over all orders of ``total`` items, ``relevant`` of them.

    Rank ``k`` is relevant with probability ``R/n``, and then each rank before it with
    ``(R−1)/(n−1)``; with ``H`` the harmonic number, the sum over ranks is
    ``(H + (R−1)/(n−1) · (n − H)) / n`` (Bestgen 2015).

    Returns
    -------
    float
        NaN if nothing is relevant.

    Raises
    ------
    ValueError
        If ``relevant`` is not between 0 and ``total``, or ``total`` is not positive.
    """
    if total < 1 or not 0 <= relevant <= total:
        raise ValueError(f"{relevant} relevant items among {total} is not possible")
    if relevant == 0:
        return math.nan
    harmonic = float(np.sum(1 / np.arange(1, total + 1)))
    rest = (relevant - 1) / (total - 1) if total > 1 else 0.0
    return (harmonic + rest * (total - harmonic)) / total


def precision_at_k(relevant: ArrayLike, k: int) -> float:
    """Fraction of the first ``k`` that are relevant; missing ranks count as wrong.

    Its mean over all orders is the fraction of the population that is relevant, if ``k`` is at
    most its size.

    Raises
    ------
    ValueError
        If ``k`` is not positive, or the list is not of truth values.
    """
    hits = _binary(relevant)
    _check_k(k)
    return float(hits[:k].sum() / k)


def recall_at_k(relevant: ArrayLike, k: int) -> float:
    """Fraction of the relevant items that are among the first ``k``; NaN if there are none.

    Its mean over all orders is ``k`` over the size of the population.

    Raises
    ------
    ValueError
        If ``k`` is not positive, or the list is not of truth values.
    """
    hits = _binary(relevant)
    _check_k(k)
    return float(hits[:k].sum() / hits.sum()) if hits.any() else math.nan


def _graded(relevance: ArrayLike) -> NDArray[np.float64]:
    grades = np.asarray(relevance, dtype=np.float64)
    if grades.ndim != 1 or not np.isfinite(grades).all() or (grades < 0).any():
        raise ValueError("relevances must be one list of finite numbers that are not negative")
    return grades


def _binary(relevant: ArrayLike) -> NDArray[np.bool_]:
    hits = np.asarray(relevant)
    if hits.ndim != 1 or not np.isin(hits, (0, 1)).all():
        raise ValueError("relevance must be one list of true and false")
    return hits.astype(bool)


def _check_k(k: int) -> None:
    if k < 1:
        raise ValueError(f"k is {k}; it must be at least 1")
