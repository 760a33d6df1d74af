"""Figures of merit of one method for one question, with what they leave uncertain."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from skylore.evaluation.bootstrap import bootstrap_mean
from skylore.evaluation.metrics import expected_average_precision, expected_ndcg_at_k
from skylore.evaluation.population import Population
from skylore.evaluation.ties import AVERAGE_PRECISION, Cuts, TiedRanking

__all__ = ["Figure", "MethodScores", "Over", "by_chance", "over_objects", "over_queries"]

Over = Literal["objects", "queries", "shuffles"]


class Figure(BaseModel):
    """A figure of merit: its mean over rankings, an interval, and how it spreads over them.

    Attributes
    ----------
    mean, low, high
        The mean over all rankings, and its interval.
    spread
        Standard deviation over the rankings (n − 1); None for one.
    worst, best
        Of the rankings.
    """

    model_config = ConfigDict(frozen=True)

    mean: float
    low: float
    high: float
    spread: float | None
    worst: float
    best: float


class MethodScores(BaseModel):
    """What a method scores.

    Attributes
    ----------
    method
        Such as ``words by vector``.
    over
        What the intervals vary: ``objects``, another population of the same kind; ``queries``,
        other objects as the query; ``shuffles``, another random order.
    rankings
        How many the figures are means over: wordings, or query images.
    unranked
        Objects that no ranking of it could place; they tie below all others.
    figures
        By name.
    """

    model_config = ConfigDict(frozen=True)

    method: str
    over: Over
    rankings: int
    unranked: int
    figures: dict[str, Figure]


def over_objects(
    method: str,
    scores: Sequence[NDArray[np.float64]],
    population: Population,
    cuts: Cuts,
    *,
    resamples: int,
    confidence: float,
    seed: int,
) -> MethodScores:
    """Score rankings of a population, with intervals over populations of the same kind.

    The objects are drawn again with replacement, and all rankings are scored on the same draws
    (percentile bootstrap). Draws without a relevant object are left out.

    Parameters
    ----------
    method
        Its name.
    scores
        One ``(N,)`` a ranking; −inf where an object could not be ranked.
    population, cuts, resamples, confidence, seed
        Who, where to cut, and the bootstrap.
    """
    rankings = [TiedRanking(s, population.grades, population.relevant, cuts) for s in scores]
    each = [ranking.figures() for ranking in rankings]
    rng, count = np.random.default_rng(seed), len(population)
    drawn: dict[str, list[float]] = {name: [] for name in each[0]}
    for _ in range(resamples):
        copies = np.bincount(rng.integers(0, count, count), minlength=count)
        if not copies[population.relevant].any():
            continue
        found = [ranking.figures(copies) for ranking in rankings]
        for name, values in drawn.items():
            values.append(float(np.mean([figures[name] for figures in found])))
    figures = {
        name: _figure([figures[name] for figures in each], _tails(values, confidence))
        for name, values in drawn.items()
    }
    unranked = int(np.all([np.isneginf(s) for s in scores], axis=0).sum())
    return MethodScores(
        method=method, over="objects", rankings=len(each), unranked=unranked, figures=figures
    )


def over_queries(
    method: str, each: Sequence[dict[str, float]], *, confidence: float, seed: int, unranked: int
) -> MethodScores:
    """Take the mean over queries, with intervals over other queries of the same kind (BCa)."""
    figures = {}
    for name in each[0]:
        values = [found[name] for found in each]
        interval = bootstrap_mean(values, seed=seed, confidence=confidence)
        figures[name] = _figure(values, (interval.low, interval.high))
    return MethodScores(
        method=method, over="queries", rankings=len(each), unranked=unranked, figures=figures
    )


def by_chance(
    population: Population, cuts: Cuts, *, resamples: int, confidence: float, seed: int
) -> MethodScores:
    """Give the mean over all orders in closed form, and what single random orders score."""
    total, relevant = len(population), int(population.relevant.sum())
    expected = {
        f"nDCG@{cuts.ndcg}": expected_ndcg_at_k(population.grades, cuts.ndcg, gain=cuts.gain),
        AVERAGE_PRECISION: expected_average_precision(relevant, total),
    }
    for k in cuts.recall:
        expected[f"recall@{k}"] = min(1.0, k / total)
        expected[f"hits@{k}"] = relevant * min(1.0, k / total)
    rng = np.random.default_rng(seed)
    shuffled = [
        TiedRanking(rng.permutation(total), population.grades, population.relevant, cuts).figures()
        for _ in range(resamples)
    ]
    figures = {}
    for name in shuffled[0]:
        values = [found[name] for found in shuffled]
        spread = _figure(values, _tails(values, confidence))
        figures[name] = spread.model_copy(update={"mean": expected[name]})
    return MethodScores(
        method="random", over="shuffles", rankings=resamples, unranked=0, figures=figures
    )


def _figure(values: Sequence[float], interval: tuple[float, float]) -> Figure:
    return Figure(
        mean=float(np.mean(values)),
        low=interval[0],
        high=interval[1],
        spread=float(np.std(values, ddof=1)) if len(values) > 1 else None,
        worst=min(values),
        best=max(values),
    )


def _tails(values: Sequence[float], confidence: float) -> tuple[float, float]:
    low, high = np.quantile(values, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)
