from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skylore.evaluation.metrics import (
    average_precision,
    expected_average_precision,
    expected_ndcg_at_k,
    ndcg_at_k,
    recall_at_k,
)
from skylore.evaluation.ties import Cuts, TiedRanking

CUTS = Cuts(ndcg=3, recall=(1, 2, 4))


def mean_over_orders(scores, grades, relevant, gain="exponential"):
    """Average each figure over every order that the scores allow."""
    found = []
    for order in itertools.permutations(range(len(scores))):
        if all(scores[a] >= scores[b] for a, b in itertools.pairwise(order)):
            at = list(order)
            hits = relevant[at]
            one = {"nDCG@3": ndcg_at_k(grades[at], 3, gain=gain)}
            one |= {f"recall@{k}": recall_at_k(hits, k) for k in CUTS.recall}
            one |= {f"hits@{k}": hits[:k].sum() for k in CUTS.recall}
            found.append(one | {"average precision": average_precision(hits)})
    return {name: np.mean([one[name] for one in found]) for name in found[0]}


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.sampled_from([0.0, 0.3, 1.0, 2.0])), min_size=2, max_size=6
    )
)
def test_ties_are_the_mean_over_all_their_orders(items):
    scores, grades = (np.array(v, float) for v in zip(*items, strict=True))
    relevant = grades >= 0.5
    if not relevant.any():
        return
    for gain in ("exponential", "linear"):
        cuts = Cuts(CUTS.ndcg, CUTS.recall, gain)
        found = TiedRanking(scores, grades, relevant, cuts).figures()
        assert found == pytest.approx(mean_over_orders(scores, grades, relevant, gain))


@given(st.integers(1, 40), st.integers(0, 40), st.integers(0, 2**16))
def test_one_score_for_all_is_what_chance_expects(right, wrong, seed):
    grades = np.random.default_rng(seed).permutation(np.repeat([1.0, 0.0], [right, wrong]))
    found = TiedRanking(np.zeros(len(grades)), grades, grades > 0, Cuts(recall=(10,))).figures()
    expected = expected_average_precision(right, right + wrong)
    assert found["average precision"] == pytest.approx(expected)
    assert found["nDCG@10"] == pytest.approx(expected_ndcg_at_k(grades, 10))
    assert found["recall@10"] == pytest.approx(min(1, 10 / len(grades)))


@given(st.integers(0, 2**16))
def test_copies_score_as_the_longer_list(seed):
    rng = np.random.default_rng(seed)
    scores, grades = rng.integers(0, 6, 12).astype(float), rng.choice([0, 0.4, 1], 12)
    grades[0], copies = 1, rng.integers(0, 4, 12)
    copies[0] = 1
    cuts = Cuts(recall=(2, 5))
    drawn = TiedRanking(scores, grades, grades > 0.5, cuts).figures(copies)
    longer = np.repeat(np.arange(12), copies)
    written_out = TiedRanking(scores[longer], grades[longer], grades[longer] > 0.5, cuts).figures()
    assert drawn == pytest.approx(written_out)


def test_a_long_ranking_without_ties_is_that_of_the_plain_metrics():
    rng = np.random.default_rng(3)
    scores, grades = rng.normal(size=200_000), (rng.random(200_000) < 0.001).astype(float)
    found = TiedRanking(scores, grades, grades > 0, Cuts()).figures()
    ranked = grades[np.argsort(-scores)]
    assert found["average precision"] == pytest.approx(average_precision(ranked), rel=1e-9)
    assert found["nDCG@10"] == pytest.approx(ndcg_at_k(ranked, 10))
    assert found["recall@1000"] == pytest.approx(recall_at_k(ranked, 1000))


def test_what_is_not_ranked_ties_for_last():
    found = TiedRanking([1.0, -np.inf, -np.inf], [0, 1, 0], [False, True, False], CUTS).figures()
    assert found["average precision"] == pytest.approx((1 / 2 + 1 / 3) / 2)


@pytest.mark.parametrize(
    ("scores", "grades", "relevant"),
    [([1, np.nan], [0, 1], [0, 1]), ([1], [0, 1], [0, 1]), ([], [], []), ([1, 2], [0, -1], [0, 1])],
)
def test_nonsense_is_refused(scores, grades, relevant):
    with pytest.raises(ValueError, match=r"shapes|NaN|not negative"):
        TiedRanking(scores, grades, relevant, CUTS)
