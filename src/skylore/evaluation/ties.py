"""Figures of merit of scores that may tie: their mean over all orders of what is tied.

A ranking that breaks ties by row order scores whatever that order happens to be worth. Here every
order within a tie counts alike (McSherry & Najork 2008), in closed form.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skylore.evaluation.metrics import Gain, gains_of

__all__ = ["AVERAGE_PRECISION", "Cuts", "TiedRanking"]

AVERAGE_PRECISION = "average precision"

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Cuts:
    """Where rankings are cut.

    Attributes
    ----------
    ndcg
        Of nDCG.
    recall
        Of recall and of the number of hits.
    gain
        Of nDCG; see :func:`skylore.evaluation.metrics.gains_of`.
    """

    ndcg: int = 10
    recall: tuple[int, ...] = (10, 100, 1000)
    gain: Gain = "exponential"


@dataclass(frozen=True)
class _Groups:
    """Runs of equal scores, best first: how many items, how many relevant, how much gain."""

    sizes: Floats
    hits: Floats
    gains: Floats

    @cached_property
    def ends(self) -> Floats:
        return np.cumsum(self.sizes)

    @cached_property
    def begins(self) -> Floats:
        return self.ends - self.sizes


class TiedRanking:
    """Items ordered by score, where equal scores mean that any order is as good.

    Parameters
    ----------
    scores
        ``(N,)``, higher is better; −inf for items that were not ranked, which tie below all others.
    grades
        ``(N,)``, from 0: what nDCG rewards.
    relevant
        ``(N,)``, bool: what recall and average precision count.
    cuts
        Where to cut.

    Raises
    ------
    ValueError
        Lengths differ, a score is NaN, or a grade is negative or not finite.
    """

    def __init__(
        self, scores: ArrayLike, grades: ArrayLike, relevant: ArrayLike, cuts: Cuts
    ) -> None:
        values, hits = np.asarray(scores, np.float64), np.asarray(relevant, np.bool_)
        gains = gains_of(grades, cuts.gain)
        if not values.shape == gains.shape == hits.shape or values.size == 0:
            raise ValueError(f"shapes differ: {values.shape}, {gains.shape}, {hits.shape}")
        if np.isnan(values).any():
            raise ValueError("a score is NaN; leave out what has none by −inf")
        self._cuts = cuts
        self._order = np.argsort(-values, kind="stable")
        ranked = values[self._order]
        self._starts = np.flatnonzero(np.append(True, ranked[1:] != ranked[:-1]))
        self._gains, self._hits = gains[self._order], hits[self._order].astype(np.float64)
        self._best = np.argsort(-gains, kind="stable")
        self._best_gains = gains[self._best]

    def figures(self, copies: NDArray[np.int64] | None = None) -> dict[str, float]:
        """Give each figure by name; NaN where nothing is relevant.

        Parameters
        ----------
        copies
            ``(N,)``: how often each item is there, as a bootstrap draws it; once if not given.
            Copies of an item tie with each other.
        """
        count = np.ones(len(self._order), np.int64) if copies is None else copies
        groups = self._grouped(count[self._order].astype(np.float64))
        found = {f"nDCG@{self._cuts.ndcg}": self._ndcg(groups, count)}
        relevant = float(groups.hits.sum())
        for k in self._cuts.recall:
            hits = _hits_at(groups, k)
            found[f"hits@{k}"] = hits
            found[f"recall@{k}"] = hits / relevant if relevant else math.nan
        found[AVERAGE_PRECISION] = _average_precision(groups)
        return found

    def _grouped(self, weights: Floats) -> _Groups:
        sizes, hits, gains = (
            np.add.reduceat(values, self._starts)
            for values in (weights, weights * self._hits, weights * self._gains)
        )
        there = sizes > 0
        return _Groups(sizes[there], hits[there], gains[there])

    def _ndcg(self, groups: _Groups, count: NDArray[np.int64]) -> float:
        k = self._cuts.ndcg
        copies = count[self._best].astype(np.float64)
        ideal = _dcg_at(_Groups(copies, copies, copies * self._best_gains), k)
        return _dcg_at(groups, k) / ideal if ideal > 0 else math.nan


def _dcg_at(groups: _Groups, k: int) -> float:
    """Every rank of a run holds the mean gain of the run."""
    discounts = np.append(0.0, np.cumsum(1 / np.log2(np.arange(2, k + 2))))
    share = np.divide(
        groups.gains, groups.sizes, out=np.zeros_like(groups.gains), where=groups.sizes > 0
    )
    first, last = (np.minimum(edge, k).astype(np.int64) for edge in (groups.begins, groups.ends))
    return float(np.sum(share * (discounts[last] - discounts[first])))


def _hits_at(groups: _Groups, k: int) -> float:
    within = np.clip(k - groups.begins, 0, groups.sizes)
    return float(np.sum(groups.hits / groups.sizes * within))


def _average_precision(groups: _Groups) -> float:
    """Sum, over ranks, the expected precision at a rank if it is relevant.

    In a run of ``n`` items, ``r`` of them relevant, that begins after ``b`` items and ``R``
    relevant ones, rank ``b + i + 1`` is relevant with probability ``r/n``, and then
    ``i (r−1)/(n−1)`` of the run's relevant items are expected before it.
    """
    total = float(groups.hits.sum())
    if total == 0:
        return math.nan
    harmonic = np.append(0.0, np.cumsum(1 / np.arange(1, int(groups.ends[-1]) + 1)))
    before = np.cumsum(groups.hits) - groups.hits
    n, r, b = groups.sizes, groups.hits, groups.begins
    sums = harmonic[groups.ends.astype(np.int64)] - harmonic[b.astype(np.int64)]
    further = np.divide(r - 1, n - 1, out=np.zeros_like(n), where=n > 1)
    terms = r / n * ((before + 1) * sums + further * (n - (b + 1) * sums))
    return float(terms[r > 0].sum() / total)
