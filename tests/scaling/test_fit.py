from __future__ import annotations

from dataclasses import astuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize, nnls

from scaling.scaling_runs import SIZES, draw, shuffled
from skylore.errors import ModelError
from skylore.scaling.bounded import Normal, extremes, solve
from skylore.scaling.fitting import fit
from skylore.scaling.laws import BrokenLaw, FloorLaw, JointLaw, PowerLaw
from skylore.scaling.robust import huber_sum
from skylore.scaling.runs import Runs

EXPONENTS = st.floats(0.05, 1.2)
FEW = settings(max_examples=5)


@FEW
@given(EXPONENTS, st.floats(-3, 3), st.floats(-2, 6))
def test_recovers_a_power_law(beta, log_loss, log_unit):
    sizes = SIZES * 10**log_unit
    law = PowerLaw(10**log_loss * sizes[0] ** beta, beta)
    found = fit(draw(law, scatter=0, sizes=sizes), "power").law
    assert astuple(found) == pytest.approx(astuple(law), rel=1e-6)


@FEW
@given(EXPONENTS, st.floats(0, 20), st.floats(-2, 6))
def test_recovers_a_floor(beta, floor, log_unit):
    sizes = SIZES * 10**log_unit
    law = FloorLaw(floor, 3 * sizes[0] ** beta, beta)
    found = fit(draw(law, scatter=0, sizes=sizes)).law
    assert isinstance(found, FloorLaw)
    assert found.beta == pytest.approx(beta, rel=1e-4)
    assert pytest.approx(floor, abs=1e-3) == found.E
    assert found(8 * sizes) == pytest.approx(law(8 * sizes), rel=1e-6)


@FEW
@given(st.floats(0.1, 0.8), st.floats(0.1, 0.8), st.floats(0.2, 3))
def test_recovers_a_joint_law(alpha, beta, floor):
    D, N = np.meshgrid(SIZES, [1e6, 1e7, 1e8, 1e9])
    law = JointLaw(floor, 1e6**alpha, alpha, 500**beta, beta)
    found = fit(Runs(D.ravel(), law(D, N).ravel(), N.ravel()), "joint").law
    assert astuple(found) == pytest.approx(astuple(law), rel=1e-4)


@pytest.mark.parametrize(
    "law", [BrokenLaw(0.5, 10, 0.1, 0.4, 16000, 0.4), BrokenLaw(0.2, 50, 0.4, -0.25, 8000, 0.3)]
)
def test_recovers_a_break(law):
    sizes = 500 * 2.0 ** np.arange(11)
    found = fit(draw(law, scatter=0, sizes=sizes), "broken").law
    assert astuple(found) == pytest.approx(astuple(law), rel=1e-3)


@FEW
@given(st.integers(0, 999), st.sampled_from([1e-6, 1.0, 1e5]), st.sampled_from([1e-4, 1.0, 1e6]))
def test_units_change_nothing_else(seed, labels, losses):
    runs = draw(FloorLaw(1, 60, 0.5), scatter=0.02, rng=seed)
    scaled = Runs(runs.data * labels, runs.loss * losses, seed=runs.seed)
    one, other = fit(runs), fit(scaled)
    assert one.interval("beta") == pytest.approx(other.interval("beta"), rel=1e-4)
    band = one.prediction_interval(1e5)
    other_band = other.prediction_interval(1e5 * labels)
    assert np.array(band) * losses == pytest.approx(np.array(other_band), rel=1e-4)


@FEW
@given(st.integers(0, 999))
def test_order_of_runs_changes_nothing(seed):
    runs = draw(FloorLaw(1, 60, 0.5), scatter=0.02, rng=seed)
    one, other = fit(runs), fit(shuffled(runs, seed))
    assert astuple(one.law) == pytest.approx(astuple(other.law), rel=1e-5)
    for method in ("profile", "bootstrap"):
        bounds = [found.interval("beta", method=method) for found in (one, other)]
        assert bounds[0] == pytest.approx(bounds[1], rel=1e-4)


@FEW
@given(st.integers(0, 999), st.sampled_from(["power", "floor"]))
def test_no_general_optimiser_finds_a_smaller_sum(seed, form):
    runs = draw(FloorLaw(1, 60, 0.5), scatter=0.03, rng=seed)
    found = fit(runs, form)

    def objective(x):
        curve = np.exp(x[0] - np.exp(x[1]) * np.log(runs.data / 4000))
        curve = curve + (x[2] ** 2 if form == "floor" else 0)
        return huber_sum(np.log(curve / runs.loss), found.delta)

    ours = huber_sum(np.log(found.law(runs.data) / runs.loss), found.delta)
    starts = [(0, -0.7, 1), (1, -1.5, 0.2)]
    theirs = min(minimize(objective, x, method="Nelder-Mead").fun for x in starts)
    assert ours <= theirs * (1 + 1e-9)


def test_a_diverged_run_hardly_matters():
    law = FloorLaw(1, 60, 0.5)
    runs = draw(law, scatter=0.01, seeds=4)
    loss = runs.loss.copy()
    loss[9] *= 8
    spoilt = Runs(runs.data, loss, seed=runs.seed)
    assert fit(spoilt).law.beta == pytest.approx(law.beta, abs=0.05)
    assert abs(fit(spoilt, delta=1e3).law.beta - law.beta) > 0.05


def test_an_oracle_bounds_the_floor():
    runs = draw(FloorLaw(1, 8, 0.15), scatter=0.01)
    free, bounded = fit(runs), fit(runs, floor_bounds=(0.9, 1.1))
    pinned = fit(runs, floor_bounds=(1.0, 1.0))
    assert 0.9 <= bounded.law.E <= 1.1
    assert abs(pinned.law.E - 1.0) < 1e-8
    widths = [np.ptp(found.interval("beta")) for found in (pinned, bounded, free)]
    assert widths == sorted(widths)
    assert widths[1] < 0.6 * widths[2]
    assert 0.9 <= bounded.interval("E").low <= bounded.interval("E").high <= 1.1 + 1e-9


def test_rejects_what_cannot_be_fitted():
    good = draw(FloorLaw(1, 60, 0.5), scatter=0.01)
    for loss, words in (
        (np.where(good.data == 500, np.nan, good.loss), "leave failed runs out"),
        (good.loss - good.loss[0], "positives"),
        (good.loss[1:], "entries of loss"),
    ):
        with pytest.raises(ModelError, match=words):
            Runs(good.data, loss)
    with pytest.raises(ModelError, match="must be numbers"):
        Runs(np.array(["many"]), np.array([1.0]))
    with pytest.raises(ModelError, match="seed"):
        Runs(good.data, good.loss, seed=np.arange(2))
    for keep, form, words in (
        (good.data < 1500, "floor", "3 amounts of data or more, not 2"),
        (good.data < 9000, "broken", "6 amounts"),
        (good.data > 0, "joint", "parameters"),
        (good.data > 0, "cubic", "no law is called"),
    ):
        with pytest.raises(ModelError, match=words):
            fit(good.where(keep), form)
    with pytest.raises(ModelError, match="nothing to judge the scatter by"):
        fit(Runs(SIZES[:3], FloorLaw(1, 60, 0.5)(SIZES[:3])))
    with pytest.raises(ModelError, match="models of 3 sizes"):
        fit(Runs(good.data, good.loss, np.where(good.data > 3000, 1e6, 1e7)), "joint")
    for bounds in ((-1, 1), (2, 1), (np.nan, 1)):
        with pytest.raises(ModelError, match="floor cannot lie"):
            fit(good, floor_bounds=bounds)
    with pytest.raises(ModelError, match="no floor"):
        fit(good, "power", floor_bounds=(0, 1))
    with pytest.raises(ModelError, match="delta"):
        fit(good, delta=0.0)


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.integers(1, 3))
def test_active_sets_agree_with_lawson_and_hanson(seed, size):
    rng = np.random.default_rng(seed)
    X, z = rng.normal(size=(4, 9, size)), rng.normal(size=(4, 9))
    c, q = solve(normal_of(X, z))
    for problem in range(4):
        theirs, norm = nnls(X[problem], z[problem])
        assert c[problem] == pytest.approx(theirs, abs=1e-8)
        assert q[problem] == pytest.approx(norm**2)


@settings(max_examples=12)
@given(st.integers(0, 10_000), st.integers(1, 3))
def test_extremes_hold_all_good_points_and_are_reached(seed, size):
    rng = np.random.default_rng(seed)
    X, z = rng.random((1, 9, size)), rng.normal(1, 0.5, size=(1, 9))
    normal, gradient = normal_of(X, z), rng.normal(size=(1, size))
    c, q = solve(normal)
    low, high = extremes(normal, gradient, q + 0.5)
    points = c[0] + rng.normal(size=(20_000, size)) * 0.6
    points = np.abs(points)
    residuals = z[0] - points @ X[0].T
    reached = (points @ gradient[0])[np.sum(residuals**2, axis=1) <= q[0] + 0.5]
    assert low[0] - 1e-9 <= reached.min()
    assert reached.max() <= high[0] + 1e-9
    assert np.ptp(reached) > 0.7 * (high[0] - low[0])


def normal_of(X, z):
    size = X.shape[-1]
    A, b = np.einsum("grk,grl->gkl", X, X), np.einsum("grk,gr->gk", X, z)
    return Normal(A, b, np.sum(z**2, axis=1), np.zeros(size), np.full(size, np.inf))
