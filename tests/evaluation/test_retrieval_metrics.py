from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, dcg_score, ndcg_score

from skylore.evaluation.metrics import (
    average_precision,
    dcg,
    expected_average_precision,
    expected_ndcg_at_k,
    ndcg_at_k,
    precision_at_k,
    recall_at_k,
)

grades = st.lists(st.floats(0, 4), min_size=2, max_size=30)
truths = st.lists(st.booleans(), min_size=1, max_size=30)


def falling(count: int) -> np.ndarray:
    return np.arange(count, 0, -1.0)


@given(grades, st.integers(1, 40))
def test_gain_equals_scikit_learn(relevance, k):
    gains = [np.exp2(relevance) - 1]
    assert dcg(relevance) == pytest.approx(dcg_score(gains, [falling(len(relevance))]))
    if any(gains[0] > 1e-9):
        expected = ndcg_score(gains, [falling(len(relevance))], k=k)
        assert ndcg_at_k(relevance, k) == pytest.approx(expected)


@given(truths)
def test_average_precision_equals_scikit_learn(relevant):
    found = average_precision(relevant)
    if any(relevant):
        assert found == pytest.approx(average_precision_score(relevant, falling(len(relevant))))
    else:
        assert math.isnan(found)


@given(grades, st.integers(1, 40))
def test_the_ideal_order_scores_one_and_no_order_more(relevance, k):
    best = ndcg_at_k(sorted(relevance, reverse=True), k)
    if not math.isnan(best):
        assert best == pytest.approx(1)
        assert 0 <= ndcg_at_k(relevance, k) <= 1 + 1e-9


@pytest.mark.parametrize("relevant", [(1, 0, 0, 0, 0), (1, 1, 0, 1, 0, 0), (1, 1, 1), (1,)])
def test_expected_average_precision_is_the_mean_over_all_orders(relevant):
    orders = [average_precision(order) for order in itertools.permutations(relevant)]
    expected = expected_average_precision(sum(relevant), len(relevant))
    assert expected == pytest.approx(np.mean(orders))


@pytest.mark.parametrize("k", [1, 3, 5, 9])
def test_expected_gain_is_the_mean_over_all_orders(k):
    relevance = (0, 0.5, 1, 0, 3)
    orders = [ndcg_at_k(order, k) for order in itertools.permutations(relevance)]
    assert expected_ndcg_at_k(relevance, k) == pytest.approx(np.mean(orders))


def test_precision_and_recall_count_hits():
    assert precision_at_k([1, 0, 1, 1], 3) == pytest.approx(2 / 3)
    assert recall_at_k([1, 0, 1, 1], 3) == pytest.approx(2 / 3)
    assert precision_at_k([1, 1], 4) == 0.5
    assert math.isnan(recall_at_k([0, 0], 1))


def test_the_published_lens_score_is_two_lenses_at_ranks_four_and_five():
    ranking = [0, 0, 0, 1, 1, 0, 0, 0, 0, 0] + [1] * 600 + [0] * 100
    assert ndcg_at_k(ranking, 10) == pytest.approx(0.180, abs=5e-4)


def test_nothing_relevant_has_no_score():
    assert math.isnan(ndcg_at_k([0, 0], 1))
    assert math.isnan(expected_ndcg_at_k([0, 0], 1))
    assert math.isnan(expected_average_precision(0, 4))


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: ndcg_at_k([1, -1], 1),
        lambda: ndcg_at_k([1, math.nan], 1),
        lambda: ndcg_at_k([[1, 0]], 1),
        lambda: ndcg_at_k([1, 0], 0),
        lambda: average_precision([0.5, 1]),
        lambda: recall_at_k([1], 0),
        lambda: expected_average_precision(3, 2),
    ],
)
def test_nonsense_is_refused(wrong):
    with pytest.raises(ValueError, match=r"must be|not possible"):
        wrong()
