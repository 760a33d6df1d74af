from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import bootstrap

from skylore.evaluation.bootstrap import bootstrap_mean, paired_difference, relative_reduction

VALUES = np.random.default_rng(4).exponential(size=60)


@pytest.mark.parametrize("method", ["percentile", "bca"])
def test_agrees_with_scipy(method):
    ours = bootstrap_mean(VALUES, seed=0, resamples=9000, method=method)
    theirs = bootstrap(
        (VALUES,), np.mean, n_resamples=9000, method=method.replace("bca", "BCa"), rng=1
    ).confidence_interval
    assert ours.mean == VALUES.mean()
    assert ours.low == pytest.approx(theirs.low, abs=0.02)
    assert ours.high == pytest.approx(theirs.high, abs=0.02)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=40), st.integers(0, 2**16))
def test_an_interval_holds_its_mean_and_stays_within_the_values(values, seed):
    found = bootstrap_mean(values, seed=seed, resamples=300)
    assert min(values) - 1e-9 <= found.low <= found.high <= max(values) + 1e-9
    assert found == bootstrap_mean(values, seed=seed, resamples=300)


def test_covers_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(0)
    found = [
        bootstrap_mean(rng.random(80) < 0.3, seed=trial, resamples=500, confidence=0.9)
        for trial in range(300)
    ]
    assert 0.84 < np.mean([one.low <= 0.3 <= one.high for one in found]) < 0.96


def test_equal_values_leave_no_doubt():
    assert bootstrap_mean([0.5] * 9, seed=0) == (0.5, 0.5, 0.5)


def test_pairing_narrows_the_difference():
    better = VALUES + 0.1 + 0.01 * np.random.default_rng(1).normal(size=60)
    found = paired_difference(better, VALUES, seed=0)
    assert 0.09 < found.low < found.high < 0.11


@pytest.mark.parametrize("values", [[], [1, np.nan], [[1, 2]]])
def test_values_without_a_mean_are_refused(values):
    with pytest.raises(ValueError, match="finite"):
        bootstrap_mean(values, seed=0)
    with pytest.raises(ValueError, match="confidence"):
        bootstrap_mean([1, 2], seed=0, confidence=1.0)
    with pytest.raises(ValueError, match="paired"):
        paired_difference([1, 2], [1], seed=0)


@given(st.integers(1, 200), st.integers(1, 60), st.integers(0, 60))
@settings(max_examples=30)
def test_relative_reduction_is_of_the_sums(objects, wrong, fewer):
    wrong = min(wrong, objects)
    baseline = np.arange(objects) < wrong
    errors = np.arange(objects) < wrong - min(fewer, wrong)
    found = relative_reduction(errors, baseline, seed=0, resamples=200)
    assert found.mean == pytest.approx(1 - errors.sum() / wrong)
    assert 0 <= found.low <= found.high <= 1


def test_relative_reduction_covers_the_true_one_nine_times_in_ten():
    chance = np.random.default_rng(4)
    hits = []
    for trial in range(200):
        hard = chance.random(400) < 0.3
        errors = hard & (chance.random(400) < 0.6)
        found = relative_reduction(errors, hard, seed=trial, confidence=0.9, resamples=300)
        hits.append(found.low <= 0.4 <= found.high)
    assert 0.84 <= np.mean(hits) <= 0.96


@pytest.mark.parametrize(
    ("errors", "baseline"),
    [([1, 0], [1]), ([], []), ([0, 1], [0, 0]), ([np.nan, 1], [1, 1]), ([-1, 1], [1, 1])],
)
def test_errors_that_cannot_be_compared_are_refused(errors, baseline):
    with pytest.raises(ValueError, match="errors"):
        relative_reduction(errors, baseline, seed=0)
