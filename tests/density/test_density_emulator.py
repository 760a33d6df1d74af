"""What a trained emulator promises, whatever it has learnt."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from scipy.stats import kstest

from density.conftest import SMALL, made_table
from skylore.density.calibration import check, crps_of, randomised_pit
from skylore.density.chain import sample
from skylore.density.coding import code_rows
from skylore.density.columns import describe_columns
from skylore.density.emulator import DensityEmulator
from skylore.density.inputs import find_contrasts
from skylore.density.joint import chain_logprobs, gap_between, joint_logprob
from skylore.density.masks import draw_requests
from skylore.density.run import MemberRun, Rows
from skylore.density.settings import DensitySettings, MaskMixture
from skylore.errors import ModelError


def replaced(table: pa.Table, name: str, values: object) -> pa.Table:
    return table.set_column(table.column_names.index(name), name, pa.array(values))


def test_the_target_is_never_seen(emulator: DensityEmulator, unseen: pa.Table) -> None:
    rows = unseen.slice(0, 50)
    before = emulator.quantiles(rows, "size", [0.1, 0.9])
    changed = replaced(rows, "size", np.full(50, 0.123))
    np.testing.assert_array_equal(before, emulator.quantiles(changed, "size", [0.1, 0.9]))
    dropped = rows.drop_columns(["size"])
    np.testing.assert_array_equal(before, emulator.quantiles(dropped, "size", [0.1, 0.9]))


def test_requests_never_show_their_target() -> None:
    torch.manual_seed(0)
    present = torch.rand(500, 6) > 0.3
    present[:, 2] = True
    visible, targets = draw_requests(present, 5, MaskMixture(), torch.ones(6))
    assert not visible.gather(2, targets[..., None]).any()
    assert not (visible & ~present[:, None]).any()
    assert present.gather(1, targets).all()
    seen = visible.sum(2).float() / (present.sum(1, keepdim=True) - 1).clamp(min=1)
    assert (seen == 1).float().mean() > 0.45
    assert (seen == 0).any()


def test_what_is_given_matters(emulator: DensityEmulator, unseen: pa.Table) -> None:
    nats = {
        known: -np.nanmean(emulator.logprob(unseen, "size", known.split()))
        for known in ("", "mass", "mass bright")
    }
    assert nats["mass bright"] < nats["mass"] < nats[""] - 0.2
    alone = emulator.quantiles(unseen.slice(0, 20), "size", [0.5], [])
    assert np.ptp(alone) == 0


def test_a_chain_of_one_is_the_conditional_and_chains_add_up(
    emulator: DensityEmulator, unseen: pa.Table
) -> None:
    rows = unseen.slice(0, 40)
    first = emulator.logprob(rows, "mass", ["kind"])
    second = emulator.logprob(rows, "size", ["kind", "mass"])
    joint = joint_logprob(emulator, rows, ["mass", "size"], ["kind"], orders=1)
    np.testing.assert_allclose(joint, first + second)


def test_joint_densities_are_the_mean_over_orders_however_columns_are_named(
    emulator: DensityEmulator, unseen: pa.Table
) -> None:
    rows = unseen.slice(0, 40)
    names = ["size", "mass", "knots"]
    logs = chain_logprobs(emulator, rows, names, [])
    joint = joint_logprob(emulator, rows, names, [])
    np.testing.assert_allclose(np.exp(joint), np.exp(logs).mean(axis=0))
    turned = joint_logprob(emulator, rows, ["knots", "size", "mass"], [])
    np.testing.assert_array_equal(turned, joint)
    gap = gap_between(logs)
    assert gap.orders == 3
    assert 0 < gap.mean < 1


def test_draws_of_a_sub_network_each_are_draws_of_their_average(
    emulator: DensityEmulator, unseen: pa.Table
) -> None:
    row = unseen.slice(5, 1)
    drawn = sample(emulator, row, ["knots", "size"], ["mass"], 4000, seed=2)
    few = drawn["knots"][0] == np.median(drawn["knots"][0])
    known = row.set_column(3, "knots", pa.array([int(np.median(drawn["knots"][0]))]))
    size = drawn["size"][0][few]
    below = emulator.cdf(known, "size", ["mass", "knots"], at=size[None])[0]
    assert kstest(below, "uniform").pvalue > 0.01


def test_joint_draws_keep_what_binds_columns(emulator: DensityEmulator, unseen: pa.Table) -> None:
    drawn = sample(emulator, unseen.slice(0, 1), ["mass", "size", "kind"], [], 1500, seed=1)
    mass, size = drawn["mass"][0], drawn["size"][0]
    assert np.corrcoef(mass, np.log(size))[0, 1] > 0.7
    assert mass[drawn["kind"][0] == "giant"].mean() > mass[drawn["kind"][0] == "dwarf"].mean() + 0.5
    again = sample(emulator, unseen.slice(0, 1), ["mass", "size", "kind"], [], 1500, seed=1)
    np.testing.assert_array_equal(size, again["size"][0])
    assert set(drawn["kind"].ravel()) <= {"giant", "dwarf"}


def test_point_masses_and_integers_are_drawn_as_they_are(
    emulator: DensityEmulator, unseen: pa.Table
) -> None:
    drawn = sample(emulator, unseen.slice(0, 200), ["bright"], None, 20)["bright"]
    true = np.asarray(unseen["bright"].drop_null())
    assert drawn.max() == 2.5
    assert abs(np.mean(drawn == 2.5) - np.mean(true == 2.5)) < 0.1
    knots = sample(emulator, unseen.slice(0, 50), ["knots"], None, 20)["knots"]
    assert np.all(knots == np.rint(knots))
    assert knots.min() >= 0


def test_missing_stays_missing_and_strange_is_told(
    emulator: DensityEmulator, unseen: pa.Table
) -> None:
    rows = unseen.slice(0, 60)
    gaps = ~np.asarray(rows["bright"].is_valid())
    np.testing.assert_array_equal(np.isnan(emulator.logprob(rows, "bright")), gaps)
    strange = replaced(rows, "kind", ["comet", *rows["kind"].to_pylist()[1:]])
    assert np.isneginf(emulator.logprob(strange, "kind")).tolist() == [True, *[False] * 59]
    unknown = replaced(rows, "kind", [None, *rows["kind"].to_pylist()[1:]])
    np.testing.assert_array_equal(emulator.mean(strange, "mass"), emulator.mean(unknown, "mass"))


def test_probabilities_of_categories_are_those_of_their_logs(
    emulator: DensityEmulator, unseen: pa.Table
) -> None:
    shares = emulator.probabilities(unseen, "kind")
    np.testing.assert_allclose(shares.sum(axis=1), 1, atol=1e-6)
    own = np.array([["dwarf", "giant"].index(k) for k in unseen["kind"].to_pylist()])
    logs = emulator.logprob(unseen, "kind")
    np.testing.assert_allclose(np.log(shares[np.arange(len(own)), own]), logs)
    assert (shares.argmax(axis=1) == own).mean() > 0.75


def test_densities_are_calibrated_on_rows_not_seen(
    emulator: DensityEmulator, unseen: pa.Table
) -> None:
    report, pits = check(emulator, unseen, resamples=50)
    assert set(pits) == {"mass", "size", "bright", "knots"}
    for column in report.columns:
        if column.ks is not None:
            assert column.ks < 0.12
            assert abs(column.coverage["68"] - 0.68) < 0.1
    nothing = crps_of(np.zeros((1, 199)) + 3.0, (np.arange(199) + 0.5) / 199, np.array([5.0]))
    np.testing.assert_allclose(nothing, 2.0)
    again = randomised_pit(emulator, unseen, "bright")
    assert np.nanmin(again) >= 0
    assert np.nanmax(again) <= 1


def test_it_is_the_same_after_saving(
    emulator: DensityEmulator, unseen: pa.Table, tmp_path: Path
) -> None:
    emulator.save(tmp_path / "m")
    again = DensityEmulator.load(tmp_path / "m")
    np.testing.assert_array_equal(emulator.logprob(unseen, "size"), again.logprob(unseen, "size"))
    assert {f.name for f in (tmp_path / "m").iterdir()} == {
        "README.md",
        "config.json",
        "model.safetensors",
        "training.json",
    }
    (tmp_path / "m" / "model.safetensors").write_bytes(b"damaged")
    with pytest.raises(ModelError, match="no density emulator can be read"):
        DensityEmulator.load(tmp_path / "m")
    with pytest.raises(ModelError, match="finished model"):
        DensityEmulator.fit(made_table(200), folder=tmp_path / "m", progress=False, **SMALL)


class _KilledError(Exception):
    pass


def test_a_killed_run_ends_as_if_it_had_not_been(tmp_path: Path) -> None:
    table = made_table(300)
    specs, _ = describe_columns(table)
    coded = code_rows(table, specs)
    rows = Rows(coded, specs, find_contrasts(coded, specs), np.arange(250), np.arange(250, 300))
    settings = DensitySettings(**{**SMALL, "epochs": 12, "checkpoint_steps": 5})

    def stop(step: int, loss: float) -> None:
        if step == 13:
            raise _KilledError

    whole = MemberRun(settings, 0, rows, None)
    whole.go(lambda step, loss: None)
    with pytest.raises(_KilledError):
        MemberRun(settings, 0, rows, tmp_path / "c").go(stop)
    resumed = MemberRun(settings, 0, rows, tmp_path / "c")
    resumed.go(lambda step, loss: None)
    assert resumed.step == whole.step
    for one, other in zip(whole.best.parameters(), resumed.best.parameters(), strict=True):
        assert torch.equal(one, other)
    with pytest.raises(ModelError, match="other settings"):
        MemberRun(settings.model_copy(update={"seed": 9}), 0, rows, tmp_path / "c").go(stop)


def test_measurement_errors_sharpen_the_truth() -> None:
    def noisy(seed: int, rows: int = 1200) -> tuple[pa.Table, np.ndarray]:
        rng = np.random.default_rng(seed)
        true = rng.choice([-1.0, 1.0], rows) + rng.normal(0, 0.1, rows)
        error = rng.choice([0.05, 1.0], rows)
        return pa.table(
            {
                "x": true + error * rng.normal(size=rows),
                "x_err": error,
                "y": true + rng.normal(0, 1, rows),
            }
        ), true

    table, _ = noisy(0)
    unseen, _ = noisy(1)
    quick = {**SMALL, "epochs": 25}
    uses = DensityEmulator.fit(table, progress=False, **quick)
    ignores = DensityEmulator.fit(table.drop_columns(["x_err"]), progress=False, **quick)
    better = uses.logprob(unseen, "x") - ignores.logprob(unseen, "x")
    assert better.mean() > 0.2
    # Without an error the density is of the true value: two narrow modes, deconvolved.
    drawn = sample(uses, unseen.slice(0, 1), ["x"], [], 4000)["x"][0]
    assert np.mean(np.abs(np.abs(drawn) - 1) < 0.5) > 0.8


@pytest.mark.parametrize(
    ("ask", "why"),
    [
        (lambda e, t: e.logprob(t, "redshift"), "does not know"),
        (lambda e, t: e.logprob(t, "mass", ["mass"]), "asked for and given"),
        (lambda e, t: e.logprob(t.drop_columns(["mass"]), "mass"), 'no column "mass"'),
        (lambda e, t: e.logprob(t.drop_columns(["kind"]), "mass", ["kind"]), 'no column "kind"'),
        (lambda e, t: e.quantiles(t, "mass", [1.5]), "between 0 and 1"),
        (lambda e, t: e.quantiles(t, "kind", [0.5]), "has categories"),
        (lambda e, t: e.probabilities(t, "mass"), "has no categories"),
        (lambda e, t: e.mean(replaced(t, "mass", ["x"] * len(t)), "size"), "held numbers"),
        (lambda e, t: sample(e, t, ["mass", "mass"]), "twice"),
    ],
)
def test_what_cannot_be_asked_is_refused(
    emulator: DensityEmulator, unseen: pa.Table, ask: object, why: str
) -> None:
    with pytest.raises(ModelError, match=why):
        ask(emulator, unseen.slice(0, 30))  # type: ignore[operator]


def test_too_few_rows_are_refused() -> None:
    with pytest.raises(ModelError, match="too few"):
        DensityEmulator.fit(made_table(80), progress=False, **SMALL)
