"""How well rankings of one population put the relevant first, and how sure that is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skylore.evaluation.bootstrap import Interval
from skylore.evaluation.metrics import average_precision, ndcg_at_k, recall_at_k

__all__ = ["METRICS", "RankingScores", "score_rankings"]

Metric = Callable[[NDArray[np.float64]], float]

METRICS: dict[str, Metric] = {
    "nDCG@10": lambda relevance: ndcg_at_k(relevance, 10),
    "average precision": lambda relevance: average_precision(relevance > 0),
    "recall@100": lambda relevance: recall_at_k(relevance > 0, 100),
}


@dataclass(frozen=True)
class RankingScores:
    """Scores of several rankings for one question, by metric.

    Attributes
    ----------
    overall
        The mean over the rankings, with an interval over populations like this one.
    each
        The score of each ranking.
    """

    overall: dict[str, Interval]
    each: dict[str, list[float]]


def score_rankings(
    rankings: NDArray[np.intp],
    relevance: NDArray[np.float64],
    *,
    seed: int,
    resamples: int = 400,
    confidence: float = 0.95,
) -> RankingScores:
    """Score rankings of the same population, with bootstrap intervals.

    The interval comes from drawing the objects of the population anew with replacement, each
    ranking kept in its order (percentile bootstrap): it says how the scores would vary on another
    population of the same kind, not how they vary over wordings, for which see ``each``.

    Parameters
    ----------
    rankings
        ``(Q, N)``: positions of objects, best first, one row a ranking.
    relevance
        ``(N,)``: of each object, from 0.
    seed, resamples, confidence
        Of the bootstrap.

    Raises
    ------
    ValueError
        A ranking is not a permutation of the population.
    """
    rankings = np.asarray(rankings)
    everyone = np.arange(len(relevance))
    if any(not np.array_equal(np.sort(ranking), everyone) for ranking in rankings):
        raise ValueError("each ranking must hold every object of the population once")
    each = {name: [f(relevance[r]) for r in rankings] for name, f in METRICS.items()}
    drawn = _resampled(rankings, relevance, np.random.default_rng(seed), resamples)
    tails = 50 * (1 - confidence), 50 * (1 + confidence)
    overall = {
        name: Interval(float(np.mean(each[name])), *map(float, np.nanpercentile(values, tails)))
        for name, values in drawn.items()
    }
    return RankingScores(overall, each)


def _resampled(
    rankings: NDArray[np.intp],
    relevance: NDArray[np.float64],
    rng: np.random.Generator,
    resamples: int,
) -> dict[str, list[float]]:
    drawn: dict[str, list[float]] = {name: [] for name in METRICS}
    count = len(relevance)
    for _ in range(resamples):
        copies = np.bincount(rng.integers(0, count, count), minlength=count)
        lists = [np.repeat(relevance[r], copies[r]) for r in rankings]
        for name, metric in METRICS.items():
            drawn[name].append(float(np.mean([metric(values) for values in lists])))
    return drawn
