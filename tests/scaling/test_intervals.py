from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import brentq, minimize

from scaling.scaling_runs import SIZES, draw
from skylore.errors import DependencyMissingError, ModelError
from skylore.scaling.advice import advise
from skylore.scaling.bootstrap import draw_clusters
from skylore.scaling.fitting import fit
from skylore.scaling.laws import FloorLaw, JointLaw, PowerLaw
from skylore.scaling.plotting import plot_fits
from skylore.scaling.published import approach_three, approach_two, fixed_exponent
from skylore.scaling.runs import Runs
from skylore.scaling.selection import compare

LAW = FloorLaw(1, 60, 0.5)


@pytest.mark.parametrize("seeds", [3, 5])
def test_intervals_hold_the_truth_about_as_often_as_they_say(seeds):
    sizes = SIZES[:6]
    held = []
    for trial in range(100):
        found = fit(draw(LAW, scatter=0.02, seeds=seeds, rng=trial, sizes=sizes))
        far = found.prediction_interval(4 * sizes[-1])
        pairs = [(found.interval(name), getattr(LAW, name)) for name in ("beta", "E", "B")]
        pairs.append((far, LAW(4 * sizes[-1])))
        held.append([one.low <= truth <= one.high for one, truth in pairs])
    shares = np.mean(held, axis=0)
    assert (shares > 0.82).all(), shares
    assert (shares < 0.99).all(), shares


def test_an_interval_is_where_the_profile_crosses_its_threshold():
    found = fit(draw(LAW, scatter=0.01, seeds=8), delta=1e6)
    region, runs = found.region, found.runs
    gradient = np.eye(3)[0]
    logs = np.log(runs.loss)

    def profile(beta):
        def least(x):
            return np.sum(
                (np.log(np.exp(x[0]) + np.exp(x[1]) * (runs.data / 4000) ** -beta) - logs) ** 2
            )

        return minimize(least, [0.0, 0.0], tol=1e-14).fun

    limit = profile(found.law.beta) + region.threshold(gradient, 0.9)
    low = brentq(lambda beta: profile(beta) - limit, 0.3, found.law.beta)
    high = brentq(lambda beta: profile(beta) - limit, found.law.beta, 0.7)
    assert found.interval("beta") == pytest.approx((found.law.beta, low, high), rel=0.01)


def test_without_a_floor_in_sight_the_interval_reaches_none():
    found = fit(draw(PowerLaw(8, 0.2), scatter=0.02, rng=2))
    assert found.interval("E").low == 0
    assert found.interval("E").high > 0.1


def test_shared_noise_is_not_taken_for_certainty():
    rng = np.random.default_rng(1)
    shift = np.repeat(rng.normal(0, 0.05, 8), SIZES.size)
    runs = draw(LAW, scatter=0.002, seeds=8)
    loss = runs.loss * np.exp(shift)
    chains = fit(Runs(runs.data, loss, subset=runs.seed, seed=runs.seed))
    alone = fit(Runs(runs.data, loss))
    widths = [np.ptp(one.prediction_interval(SIZES[3])) for one in (chains, alone)]
    assert widths[0] > 1.3 * widths[1]


def test_the_bootstrap_draws_whole_clusters_and_repeats_itself():
    runs = draw(LAW, scatter=0.02, seeds=4)
    counts = draw_clusters(runs, 50, seed=3)
    assert np.array_equal(counts, draw_clusters(runs, 50, seed=3))
    assert not np.array_equal(counts, draw_clusters(runs, 50, seed=4))
    by_seed = counts.reshape(50, 4, SIZES.size)
    assert (np.ptp(by_seed, axis=2) == 0).all()
    assert (by_seed[:, :, 0].sum(axis=1) == 4).all()
    found = fit(runs)
    one, same = (found.bootstrap(replicates=40, seed=1) for _ in range(2))
    assert np.array_equal(one.eta, same.eta)
    assert np.array_equal(one.c, same.c)


def test_independent_runs_are_drawn_within_their_size():
    runs = draw(LAW, scatter=0.02, seeds=4)
    counts = draw_clusters(Runs(runs.data, runs.loss), 30, seed=0)
    for size in SIZES:
        assert (counts[:, runs.data == size].sum(axis=1) == 4).all()


def test_replicates_are_what_fits_of_the_drawn_runs_give():
    runs = draw(LAW, scatter=0.01, seeds=6)
    found = fit(runs, delta=1e6)
    replicates = found.bootstrap(replicates=12, seed=5)
    for eta, counts in zip(replicates.eta, draw_clusters(runs, 12, seed=5), strict=True):
        rows = np.repeat(np.arange(len(runs)), counts.astype(int))
        again = fit(Runs(runs.data[rows], runs.loss[rows]), delta=1e6)
        assert np.exp(eta[0]) == pytest.approx(again.law.beta, abs=0.004)


def test_joint_intervals_narrow_with_more_seeds():
    law = JointLaw(1.7, 400, 0.34, 410, 0.28)
    D, N = (x.ravel() for x in np.meshgrid(SIZES, [1e5, 1e6, 1e7, 1e8]))

    def width(seeds):
        errors = 0.01 * np.random.default_rng(0).normal(size=(seeds, D.size))
        loss = (law(D, N) * np.exp(errors)).ravel()
        runs = Runs(
            np.tile(D, seeds), loss, np.tile(N, seeds), seed=np.repeat(np.arange(seeds), D.size)
        )
        found = fit(runs, "joint")
        for name in ("alpha", "beta", "E"):
            bounds = found.interval(name)
            assert bounds.low < bounds.estimate < bounds.high
        assert found.interval("beta", method="bootstrap").low < found.law.beta
        return np.ptp(found.prediction_interval(1e6, 1e8))

    assert width(8) < 0.7 * width(2)


def test_refuses_questions_without_an_answer():
    found = fit(draw(LAW, scatter=0.01))
    for call, words in (
        (lambda: found.interval("alpha"), "no parameter 'alpha'"),
        (lambda: found.interval("beta", confidence=90), "confidence"),
        (lambda: found.prediction_interval(-3), "positive"),
        (lambda: found.bootstrap(replicates=0, seed=0), "replicates"),
        (lambda: advise(found, 0), "now"),
        (lambda: advise(found, 10, cost_per_label=-1), "costs"),
        (lambda: compare(found.runs, held_out=6), "two or more"),
        (plot_fits, "one to four"),
    ):
        with pytest.raises(ModelError, match=words):
            call()
    broken = fit(draw(LAW, scatter=0.01), "broken")
    with pytest.raises(ModelError, match="broken law"):
        broken.interval("c0")


def test_advice_is_the_law_read_at_two_sizes():
    found = fit(draw(LAW, scatter=0.01, seeds=5))
    advice = advise(found, 20_000, 10_000, cost_per_label=0.05, unit="caption")
    fall = float(found.predict(20_000) - found.predict(30_000))
    assert advice.gain.estimate == pytest.approx(fall)
    assert advice.gain.low < LAW(20_000) - LAW(30_000) < advice.gain.high
    assert advice.gain.estimate / (advice.loss_now.estimate - found.law.E) == pytest.approx(
        advice.share.estimate
    )
    # Both losses err together: their difference is known better than either.
    assert np.ptp(advice.gain) < np.ptp(advice.loss_then)
    assert advice.cost == 500
    assert advice.cost_per_percent.estimate == pytest.approx(
        500 * advice.loss_now.estimate / 100 / fall
    )
    assert "10,000 more captions (20,000 → 30,000)" in str(advice)
    assert advice.warning is None
    assert "31.4 times" in advise(found, 1e6, 4_800).warning


def test_extrapolation_tells_the_forms_apart():
    floor = compare(draw(LAW, scatter=0.005))
    assert floor.best.form == "floor"
    power = compare(draw(PowerLaw(60, 0.3), scatter=0.01, rng=4))
    assert power.best.form == "power"
    assert [one.form for one in floor.trials][-1] == "joint"
    assert "all runs have the same model" in str(floor)
    errors = {one.form: one.rmsle for one in floor.trials}
    assert errors["floor"] < errors["last value"]


def test_held_out_runs_do_not_move_the_laws():
    runs = draw(LAW, scatter=0.005)
    spoilt = Runs(runs.data, np.where(runs.data == SIZES[-1], 9, runs.loss), seed=runs.seed)
    laws = [{one.form: one.law for one in compare(r).trials} for r in (runs, spoilt)]
    assert laws[0] == laws[1]


def test_published_methods():
    runs = draw(LAW, scatter=0)
    three = approach_three(runs)
    assert three.beta == pytest.approx(0.5, abs=0.01)
    assert abs(fixed_exponent(runs, 0.5).E - 1) < 1e-6
    assert fixed_exponent(runs, 0.28).E < 0.5
    law = JointLaw(1.7, 400, 0.4, 400, 0.4)
    budgets = 10.0 ** np.arange(18, 23)
    N = np.sqrt(budgets / 6)[:, None] * 10 ** np.linspace(-1, 1, 7)
    D = budgets[:, None] / 6 / N
    parabola = approach_two(Runs(D.ravel(), law(D, N).ravel(), N.ravel()))
    assert parabola.exponent == pytest.approx(0.5)  # exact where the surface is symmetric
    assert parabola.optima == pytest.approx(np.sqrt(budgets / 6))


def test_draws_runs_laws_and_what_was_held_out(monkeypatch):
    runs = draw(LAW, scatter=0.01)
    far = runs.data == SIZES[-1]
    fits = [fit(runs.where(~far), form) for form in ("floor", "power")]
    figure = plot_fits(*fits, held_out=runs.where(far))
    loss, reducible = figure.axes
    assert loss.get_ylabel() == "loss"
    assert reducible.get_yscale() == "log"
    shown = [
        np.asarray(points.get_offsets())
        for points in loss.collections
        if points.get_label() == "held out"
    ]
    assert shown[0].tolist() == [[SIZES[-1], value] for value in runs.loss[far]]
    figure.canvas.draw()
    assert len(plot_fits(fits[1]).axes) == 1
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    with pytest.raises(DependencyMissingError, match="skylore\\[notebook\\]"):
        plot_fits(*fits)
