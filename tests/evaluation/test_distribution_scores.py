from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import norm

from skylore.evaluation.distributions import (
    central_coverage,
    crps_fair,
    energy_score,
    randomised_pit,
    uniformity_test,
)
from skylore.evaluation.gaussian_mixture import GaussianMixture

NUMBERS = st.floats(-1e3, 1e3)


def test_crps_of_a_normal_is_the_closed_form_at_any_number_of_draws() -> None:
    rng = np.random.default_rng(0)
    for count in (2, 50):
        draws = rng.normal(size=(40_000, count))
        truth = np.full(40_000, 0.7)
        closed = 0.7 * (2 * norm.cdf(0.7) - 1) + 2 * norm.pdf(0.7) - 1 / np.sqrt(np.pi)
        assert crps_fair(draws, truth).mean() == pytest.approx(closed, abs=0.015)


@given(arrays(np.float64, (3, 6), elements=NUMBERS), arrays(np.float64, 3, elements=NUMBERS))
def test_crps_is_its_definition(draws: np.ndarray, truth: np.ndarray) -> None:
    pairs = np.abs(draws[:, :, None] - draws[:, None]).sum(axis=(1, 2)) / (2 * 6 * 5)
    expected = np.abs(draws - truth[:, None]).mean(axis=1) - pairs
    assert crps_fair(draws, truth) == pytest.approx(expected, abs=1e-8)
    assert energy_score(draws[:, :, None], truth[:, None]) == pytest.approx(expected, abs=1e-8)


def test_energy_score_is_least_for_the_true_distribution() -> None:
    rng = np.random.default_rng(1)
    truth = rng.normal(size=(500, 2)) @ [[1, 0.9], [0, 0.4]]
    right = rng.normal(size=(500, 60, 2)) @ [[1, 0.9], [0, 0.4]]
    wrong = rng.normal(size=(500, 60, 2)) @ [[1, -0.9], [0, 0.4]]
    assert energy_score(right, truth).mean() < energy_score(wrong, truth).mean() - 0.03


def test_ranks_are_uniform_with_point_masses_too() -> None:
    rng = np.random.default_rng(2)
    capped = np.minimum(rng.normal(size=(4000, 51)), 0.5)
    ranks = randomised_pit(capped[:, 1:], capped[:, 0], seed=0)
    assert uniformity_test(ranks).p_value > 0.01
    for level in (0.5, 0.68, 0.9, 0.95):
        assert central_coverage(ranks, level).mean() == pytest.approx(level, abs=0.025)
    narrow = randomised_pit(capped[:, 1:] * 0.5, capped[:, 0], seed=0)
    assert uniformity_test(narrow).p_value < 1e-6


def test_bad_scores_are_refused() -> None:
    with pytest.raises(ValueError, match="need truths"):
        crps_fair(np.zeros((3, 4)), np.zeros(2))
    with pytest.raises(ValueError, match="two draws"):
        crps_fair(np.zeros((3, 1)), np.zeros(3))
    with pytest.raises(ValueError, match="finite"):
        randomised_pit(np.full((3, 2), np.nan), np.zeros(3), seed=0)
    with pytest.raises(ValueError, match="draws"):
        energy_score(np.zeros((3, 4, 2)), np.zeros((3, 3)))
    with pytest.raises(ValueError, match="between 0 and 1"):
        uniformity_test([0.1, 1.2])
    with pytest.raises(ValueError, match="between 0 and 1"):
        central_coverage([0.1], 1.0)


@pytest.fixture
def mixture() -> GaussianMixture:
    rng = np.random.default_rng(3)
    roots = rng.normal(size=(3, 3, 3))
    covariances = roots @ roots.transpose(0, 2, 1) + 0.2 * np.eye(3)
    return GaussianMixture(np.array([0.5, 0.3, 0.2]), rng.normal(size=(3, 3)) * 2, covariances)


def test_conditionals_obey_the_chain_rule_in_any_order(mixture: GaussianMixture) -> None:
    rows = mixture.sample(50, seed=0)
    for order in ((0, 1, 2), (2, 0, 1), (1, 2, 0)):
        total = np.zeros(50)
        known = np.full_like(rows, np.nan)
        for column in order:
            total += mixture.given(known, column).log_density(rows[:, column])
            known[:, column] = rows[:, column]
        assert total == pytest.approx(mixture.log_density(rows), abs=1e-9)


def test_conditional_draws_density_and_cdf_agree(mixture: GaussianMixture) -> None:
    rows = np.array([[0.4, np.nan, -0.3], [2.0, np.nan, 1.0]])
    found = mixture.given(rows, 1)
    grid = np.tile(np.linspace(-30, 30, 6001), (2, 1))
    density = np.exp(found.log_density(grid))
    assert np.trapezoid(density, grid, axis=1) == pytest.approx([1, 1], abs=1e-6)
    draws = found.sample(4000, seed=0)
    for row, drawn in enumerate(draws):
        shares = found.cdf(draws)[row]
        assert drawn.shape == (4000,)
        assert uniformity_test(shares).p_value > 1e-3


def test_rows_that_lack_different_values_are_refused(mixture: GaussianMixture) -> None:
    with pytest.raises(ValueError, match="set by set"):
        mixture.given([[1.0, np.nan, 0.0], [1.0, 2.0, 0.0]], 2)
