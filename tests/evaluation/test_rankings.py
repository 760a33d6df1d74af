from __future__ import annotations

import numpy as np
import pytest

from skylore.evaluation.metrics import expected_average_precision
from skylore.evaluation.rankings import score_rankings


def test_perfect_and_reversed() -> None:
    relevance = np.repeat([1.0, 0.0], [150, 350])
    perfect = score_rankings(np.arange(500)[None], relevance, seed=0, resamples=50)
    assert perfect.overall["nDCG@10"].mean == perfect.overall["average precision"].mean == 1
    assert perfect.overall["recall@100"].mean == pytest.approx(100 / 150)
    worst = score_rankings(np.arange(500)[::-1][None], relevance, seed=0, resamples=50)
    assert worst.overall["nDCG@10"].mean == 0


def test_shuffled_is_what_chance_gives_and_lies_in_its_interval() -> None:
    rng = np.random.default_rng(1)
    relevance = (rng.random(1000) < 0.2).astype(float)
    rankings = np.array([rng.permutation(1000) for _ in range(8)])
    scores = score_rankings(rankings, relevance, seed=0, resamples=100)
    chance = expected_average_precision(int(relevance.sum()), 1000)
    interval = scores.overall["average precision"]
    assert interval.low < chance < interval.high
    assert interval.mean == pytest.approx(np.mean(scores.each["average precision"]))


def test_refuses_what_is_no_permutation() -> None:
    with pytest.raises(ValueError, match="every object"):
        score_rankings(np.array([[0, 0, 2]]), np.ones(3), seed=0)
