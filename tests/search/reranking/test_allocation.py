"""Where questions go: never more than allowed, never twice in vain, and first where they count."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skylore.search.reranking.allocation import next_questions
from skylore.search.reranking.deliberation import deliberate
from skylore.search.reranking.judge import Verdict
from skylore.search.reranking.spending import Policy, Spending
from skylore.search.reranking.tally import Tally

POLICIES: tuple[Policy, ...] = ("uniform", "adaptive")


def tally_of(answers: list[list[float]]) -> Tally:
    """Make a tally of given answers about each candidate."""
    tally = Tally.empty(len(answers))
    where = np.array([i for i, given in enumerate(answers) for _ in given], dtype=np.intp)
    return tally.with_verdicts(where, [Verdict(a) for given in answers for a in given])


def judge(opinions: list[float], noise: float, seed: int, faulty: frozenset[int] = frozenset()):
    """Make a judge with opinions; about some it gives errors."""
    chance = np.random.default_rng(seed)
    log: list[int] = []

    def ask(about, tally):
        log.extend(about.tolist())
        said = np.clip(
            np.round(np.array(opinions)[about] + chance.normal(0, noise, len(about))), 1, 10
        )
        return [
            Verdict(error="unreadable") if i in faulty else Verdict(float(s))
            for i, s in zip(about.tolist(), said, strict=True)
        ]

    return ask, log


@given(
    st.lists(st.integers(1, 10), min_size=1, max_size=40),
    st.builds(
        Spending,
        st.sampled_from(POLICIES),
        questions=st.integers(0, 200),
        k=st.integers(1, 60),
        samples=st.integers(1, 6),
    ),
    st.sets(st.integers(0, 39)),
)
def test_no_candidate_and_no_budget_is_overdrawn(opinions, spending, faulty) -> None:
    ask, log = judge(opinions, 1.0, 0, frozenset(faulty))
    tally = deliberate(len(opinions), spending, ask)
    assert len(log) <= spending.questions
    assert tally.counts.max(initial=0) <= spending.samples
    asked = np.bincount(np.array(log, dtype=np.intp), minlength=len(opinions))
    failed = np.array([e is not None for e in tally.errors])
    assert (asked[~failed] == tally.counts[~failed]).all()
    assert (failed == [i in faulty and bool(asked[i]) for i in range(len(opinions))]).all()
    if spending.questions >= len(opinions):
        assert (asked >= 1).all()
    else:
        assert set(log) == set(range(spending.questions)), "the most similar are judged first"


@given(st.integers(1, 30), st.integers(1, 5), st.integers(0, 150))
def test_uniform_spends_evenly_and_the_rest_on_the_most_similar(n, samples, questions) -> None:
    ask, log = judge([5.0] * n, 1.0, 1)
    counts = deliberate(n, Spending("uniform", questions, 10, samples), ask).counts
    assert len(log) == min(questions, n * samples)
    assert counts.max() - counts.min() <= 1
    assert (np.diff(counts) <= 0).all()


def test_second_answers_are_asked_at_the_border() -> None:
    answers = [[10.0] * 9] * 5 + [[7.0]] * 6 + [[1.0]] * 100
    spending = Spending("adaptive", 1000, k=8, samples=10)
    asked = next_questions(tally_of(answers), spending, left=6)
    assert set(asked.tolist()) == set(range(5, 11))


def test_the_order_within_the_top_counts_too() -> None:
    answers = [[9.0], [9.0]] + [[4.0]] * 3 + [[1.0] * 5] * 50
    spending = Spending("adaptive", 1000, k=5, samples=10)
    asked = next_questions(tally_of(answers), spending, left=2)
    assert set(asked.tolist()) == {0, 1}


def test_what_is_settled_is_not_asked_again() -> None:
    settled = [[10.0] * 12] * 5 + [[1.0] * 12] * 40
    spending = Spending("adaptive", 10_000, k=5, samples=100)
    assert set(next_questions(tally_of(settled), spending, 1000).tolist()) <= set(range(5))
    alone = [[10.0] * 12] + [[1.0] * 12] * 40
    spending = Spending("adaptive", 10_000, k=1, samples=100)
    assert not len(next_questions(tally_of(alone), spending, 1000))


def test_a_judge_that_repeats_itself_is_not_asked_for_long() -> None:
    opinions = [9.0] * 3 + [3.0] * 97
    ask, log = judge(opinions, 0.0, 0)
    deliberate(100, Spending("adaptive", 2000, k=3, samples=20), ask)
    assert len(log) < 600


@pytest.mark.parametrize("seed", range(3))
def test_adaptive_finds_the_top_more_often_at_equal_cost(seed) -> None:
    found = {}
    for policy, most in (("uniform", 2), ("adaptive", 16)):
        hits = 0
        for world in range(8):
            chance = np.random.default_rng([seed, world])
            truth = np.clip(chance.normal(4, 2, 300), 1, 10)
            ask, log = judge(truth.tolist(), 2.5, world)
            tally = deliberate(300, Spending(policy, 600, 30, most), ask)
            assert len(log) <= 600
            top = np.argsort(-tally.means, kind="stable")[:30]
            hits += len(set(top.tolist()) & set(np.argsort(-truth)[:30].tolist()))
        found[policy] = hits
    assert found["adaptive"] > 1.05 * found["uniform"]


def test_a_judge_that_stops_ends_it() -> None:
    rounds = []

    def ask(about, tally):
        rounds.append(len(about))
        return [Verdict(5.0)] * 3 + [Verdict()] * (len(about) - 3)

    tally = deliberate(10, Spending("adaptive", 100, 5, 5), ask)
    assert rounds == [10]
    assert tally.counts.sum() == 3
    assert np.isnan(tally.means[3:]).all()


def test_noise_is_learnt_from_repetitions() -> None:
    chance = np.random.default_rng(0)
    answers = (5 + chance.normal(0, 0.7, (400, 4))).tolist()
    assert tally_of(answers).noise(1.5, 8) == pytest.approx(0.7, abs=0.05)
    assert tally_of([[5.0], [9.0]]).noise(1.5, 8) == pytest.approx(1.5)


@pytest.mark.parametrize("wrong", [0.0, 10.5, float("nan")])
def test_verdicts_lie_on_the_scale(wrong) -> None:
    with pytest.raises(ValueError, match="1 to 10"):
        Verdict(wrong)
    with pytest.raises(ValueError, match="not both"):
        Verdict(5.0, "and an error")


def test_verdicts_answer_questions() -> None:
    with pytest.raises(ValueError, match="2 questions have 1 verdicts"):
        Tally.empty(3).with_verdicts(np.array([0, 1]), [Verdict(3.0)])
