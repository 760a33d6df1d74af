"""None of the published model's nine defects is in ours: see test_published_defects.py."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.stats import ks_2samp

from skylore.density.calibration import randomised_pit
from skylore.density.chain import sample
from skylore.density.emulator import DensityEmulator
from skylore.evaluation.distributions import uniformity_test
from skylore.training.precision import training_precision

CAP = 2.0


def objects(rows: int, seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=rows)
    capped = np.minimum(1.2 * x + 0.4 * rng.normal(size=rows) + 1.0, CAP)
    return {"x": x, "capped": capped, "heavy": np.exp(2.0 * x + rng.normal(size=rows))}


@pytest.fixture(scope="module")
def emulator() -> DensityEmulator:
    once = objects(600, seed=0)
    twice = {name: np.repeat(values, 2) for name, values in once.items()}
    return DensityEmulator.fit(
        twice, progress=False, members=1, width=48, attention=16, epochs=60, most_steps=260, views=2
    )


def test_d1_ranks_see_the_width(emulator: DensityEmulator) -> None:
    fresh = objects(600, seed=1)
    ranks = randomised_pit(emulator, fresh, "capped")
    assert uniformity_test(ranks).distance < 0.1
    wide = randomised_pit(emulator, fresh, "capped", given=[])
    near = np.abs(fresh["x"]) < 0.3
    assert uniformity_test(wide[near]).distance > 0.2


def test_d2_target_is_never_seen(emulator: DensityEmulator) -> None:
    rows = objects(20, seed=2)
    other = rows | {"capped": rows["capped"][::-1].copy()}
    shares = [0.1, 0.5, 0.9]
    first, second = (emulator.quantiles(table, "capped", shares) for table in (rows, other))
    assert np.array_equal(first, second)


def test_d3_density_depends_on_what_is_given(emulator: DensityEmulator) -> None:
    ends = {name: np.array([values[0]] * 2) for name, values in objects(1, seed=3).items()}
    ends["x"] = np.array([-1.5, 0.5])
    low, high = emulator.quantiles(ends, "capped", [0.5], given=["x"])[:, 0]
    assert high - low > 1.2


def test_d4_unconditional_draws_are_of_the_data(emulator: DensityEmulator) -> None:
    rows = {name: values[:1] for name, values in objects(1, seed=4).items()}
    drawn = sample(emulator, rows, ["x"], [], 3000)["x"].ravel()
    assert ks_2samp(drawn.astype(float), objects(3000, seed=5)["x"]).statistic < 0.1


def test_d5_a_point_mass_is_drawn_exactly(emulator: DensityEmulator) -> None:
    rows = objects(400, seed=6)
    drawn = sample(emulator, rows, ["capped"], None, 50)["capped"].astype(float)
    assert drawn.max() == CAP
    assert (drawn == CAP).mean() == pytest.approx((rows["capped"] == CAP).mean(), abs=0.07)


def test_d6_heavy_tails_are_drawn_as_they_are(emulator: DensityEmulator) -> None:
    rows = {name: values[:1] for name, values in objects(1, seed=7).items()}
    drawn = np.log(sample(emulator, rows, ["heavy"], [], 3000)["heavy"].astype(float))
    levels = [0.02, 0.25, 0.5, 0.75, 0.98]
    known = np.quantile(np.log(objects(20_000, seed=8)["heavy"]), levels)
    assert np.quantile(drawn, levels) == pytest.approx(known, abs=0.9)
    assert np.isfinite(emulator.logprob(objects(300, seed=9), "heavy")).all()


def test_d7_reported_losses_hold_on_fresh_rows(emulator: DensityEmulator) -> None:
    assert emulator.report is not None
    fresh = -emulator.logprob(objects(2000, seed=10), "capped").mean()
    assert emulator.report.held_out["capped"] == pytest.approx(fresh, abs=0.35)


def test_d8_repeats_are_one_group(emulator: DensityEmulator) -> None:
    assert emulator.report is not None
    assert (emulator.report.rows, emulator.report.groups) == (1200, 600)


def test_d9_loading_forgets_nothing(emulator: DensityEmulator, tmp_path: Path) -> None:
    emulator.save(tmp_path / "model")
    again = DensityEmulator.load(tmp_path / "model")
    rows = objects(30, seed=11)
    assert again.model.config == emulator.model.config
    assert np.array_equal(again.logprob(rows, "heavy"), emulator.logprob(rows, "heavy"))


@pytest.mark.parametrize("device", ["cuda", "cuda:0"])
def test_d9_numbered_devices_train_alike(device: str) -> None:
    # Its range is that of single precision, so that no gradient needs scaling.
    assert training_precision("auto", torch.device(device)) == torch.bfloat16
