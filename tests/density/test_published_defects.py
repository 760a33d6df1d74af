"""The nine defects of the published model: there with the switch on, gone with it off."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor

from density.exact_networks import ExactNetwork
from skylore.density.diffusion.sampling import ancestral
from skylore.density.diffusion.schedule import sigmoid_schedule, zero_terminal_snr
from skylore.density.published.defects import AS_PUBLISHED, REPAIRED, Defects
from skylore.density.published.emulator import PublishedEmulator
from skylore.density.published.judging import calibration_ranks, judged_rows, split_rows
from skylore.density.published.network import PublishedNetwork
from skylore.density.published.scaling import LinearScaling, QuantileScaling
from skylore.density.published.settings import (
    CALIFORNIA,
    PublishedNetworkSettings,
    PublishedTraining,
)
from skylore.density.published.storing import load_published, save_published
from skylore.density.published.training import scales_gradients
from skylore.evaluation.distributions import uniformity_test


@pytest.mark.parametrize("width", [1e-6, 1.0, 100.0])
def test_d1_published_calibration_is_blind_to_width(width: float) -> None:
    rng = np.random.default_rng(0)
    centre = rng.normal(size=2000) * 3
    truth = centre + rng.normal(size=2000)
    noise = rng.normal(size=(2000, 200))
    draws = centre[:, None] + width * (noise - noise.mean(axis=1, keepdims=True))
    as_published = uniformity_test(calibration_ranks(draws, truth, AS_PUBLISHED))
    repaired = uniformity_test(calibration_ranks(draws, truth, REPAIRED))
    assert as_published.distance < 0.06
    assert (repaired.distance < 0.06) == (width == 1.0)


def request(network: PublishedNetwork, own_value: float) -> Tensor:
    torch.manual_seed(0)
    values = torch.tensor([[0.3, own_value]])
    return network.eval().condition(values, torch.tensor([[1, 2]]), torch.tensor([2]))


def test_d2_requested_column_is_visible() -> None:
    for defects, seen in ((AS_PUBLISHED, True), (REPAIRED, False)):
        torch.manual_seed(1)
        network = PublishedNetwork(PublishedNetworkSettings(columns=3), defects)
        same = torch.equal(request(network, -2.0), request(network, 2.0))
        assert same != seen


def test_d2_training_teaches_copying() -> None:
    rng = np.random.default_rng(0)
    table = rng.normal(size=(64, 2))
    emulator = PublishedEmulator.fit(["a", "b"], table, progress=False, recipe=short(60))
    shown = np.array([[np.nan, -1.5], [np.nan, 1.5]])
    low, high = emulator.sample(shown, "b", 300).mean(axis=1)
    repaired = PublishedEmulator.fit(
        ["a", "b"], table, progress=False, recipe=short(60), defects=Defects(target_visible=False)
    )
    same = repaired.sample(np.repeat(shown[:1], 2, axis=0) * [[1, 1], [1, -1]], "b", 300)
    assert high - low > 1.0
    assert abs(np.diff(same.mean(axis=1))[0]) < 0.5


def short(epochs: int) -> PublishedTraining:
    return PublishedTraining(epochs=epochs, batch_size=32, context=2, validation=0, restart=epochs)


def test_d3_equal_widths_ignore_the_condition() -> None:
    settings = CALIFORNIA.model_copy(update={"head_width": CALIFORNIA.width})
    for defects, ignored in ((AS_PUBLISHED, True), (REPAIRED, False)):
        torch.manual_seed(0)
        head = PublishedNetwork(settings, defects).head
        values, times = torch.zeros(2), torch.zeros(2, dtype=torch.long)
        first, second = head(values, times, torch.randn(2, settings.width))
        assert bool(torch.isclose(first, second, rtol=0, atol=1e-6)) == ignored
    released = PublishedNetwork(CALIFORNIA, AS_PUBLISHED).head
    assert len(released.conditions) == CALIFORNIA.head_layers


@pytest.mark.parametrize(("beta_end", "left"), [(1e-1, 0.0734), (1e-2, 0.778)])
def test_d4_published_schedule_leaves_signal(beta_end: float, left: float) -> None:
    settings = CALIFORNIA.model_copy(update={"beta_end": beta_end})
    as_published = PublishedNetwork(settings, AS_PUBLISHED).schedule
    repaired = PublishedNetwork(settings, REPAIRED).schedule
    assert float(as_published.signal[-1]) == pytest.approx(left, abs=6e-4)
    assert float(repaired.signal[-1]) == 0


def test_d4_draws_of_a_perfect_network_are_biased() -> None:
    start = torch.randn(1, 4000, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    means = []
    for switch in (True, False):
        schedule = sigmoid_schedule(100, end=1e-2)
        schedule = schedule if switch else zero_terminal_snr(schedule)
        kind = "noise" if switch else "velocity"
        draws = ancestral(
            ExactNetwork(schedule, kind, [(1.0, 2.0, 0.5)]),
            start,
            schedule,
            kind=kind,
            noise_at_last_step=False,
            generator=torch.Generator().manual_seed(1),
        )
        means.append(float(draws.mean()))
    assert means[0] < 1.8
    assert means[1] == pytest.approx(2.0, abs=0.03)


def test_d5_last_step_limits_the_resolution() -> None:
    schedule = sigmoid_schedule(100)
    start = torch.randn(1, 4000, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    spreads = [
        float(
            ancestral(
                ExactNetwork(schedule, "noise", [(1.0, 0.0, 1e-9)]),
                start,
                schedule,
                noise_at_last_step=switch,
                generator=torch.Generator().manual_seed(1),
            ).std()
        )
        for switch in (True, False)
    ]
    assert spreads[0] == pytest.approx(0.01604, rel=0.05)
    assert spreads[1] < 1e-6


def test_d6_tails_of_real_columns(shared_data: Path) -> None:
    table = pd.read_csv(shared_data / "california_housing.csv")
    occupants = (table["population"] / table["households"]).to_numpy()[:, None]
    linear = LinearScaling.fit(occupants).forward(occupants[:, 0], 0)
    repaired = QuantileScaling.fit(occupants).forward(occupants[:, 0], 0)
    assert linear.max() == pytest.approx(1994, abs=1)
    assert np.abs(repaired).max() < 5


def test_d7_figures_are_made_of_training_rows() -> None:
    split = split_rows(np.arange(500), AS_PUBLISHED)
    assert np.isin(split.training, judged_rows(split, AS_PUBLISHED)).all()
    assert not np.isin(split.training, judged_rows(split, REPAIRED)).any()


def test_d8_repeats_straddle_the_split() -> None:
    objects = np.repeat(np.arange(300), 2)
    shared = [
        np.intersect1d(objects[split.training], objects[split.test]).size
        for split in (split_rows(objects, AS_PUBLISHED), split_rows(objects, REPAIRED))
    ]
    assert shared[0] > 0
    assert shared[1] == 0


def test_d9_loading_forgets_the_schedule(tmp_path: Path) -> None:
    settings = PublishedNetworkSettings(columns=2, beta_end=1e-2)
    scaling = LinearScaling(np.zeros(2), np.ones(2))
    ends = []
    for defects in (AS_PUBLISHED, Defects(forgets_schedule=False)):
        emulator = PublishedEmulator(["a", "b"], PublishedNetwork(settings, defects), scaling)
        save_published(emulator, tmp_path / "model")
        ends.append(load_published(tmp_path / "model").network.settings.beta_end)
    assert ends == [1e-1, 1e-2]


def test_d9_numbered_device_loses_gradient_scaling() -> None:
    assert scales_gradients("cuda", AS_PUBLISHED)
    assert not scales_gradients("cuda:0", AS_PUBLISHED)
    assert scales_gradients("cuda:0", REPAIRED)
    assert not scales_gradients("cpu", REPAIRED)


def test_resolution_floor_is_that_of_the_first_beta() -> None:
    assert math.sqrt(float(sigmoid_schedule(100).betas[0])) == pytest.approx(0.01604, abs=1e-5)
