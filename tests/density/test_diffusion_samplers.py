from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kstest, norm
from torch import Tensor

from density.exact_networks import ExactNetwork
from skylore.density.diffusion.head import DiffusionHead
from skylore.density.diffusion.parametrisation import Prediction
from skylore.density.diffusion.quantiles import QuantileSpline, normal_nodes
from skylore.density.diffusion.sampling import ancestral, ddim, dpm_solver
from skylore.density.diffusion.schedule import (
    cosine_schedule,
    sigmoid_schedule,
    zero_terminal_snr,
)

TWO_MODES = [(0.7, -0.9, 0.3), (0.3, 1.2, 0.15)]
Solver = Callable[..., Tensor]


def two_modes_cdf(values: object) -> object:
    return sum(w * norm.cdf(values, mean, deviation) for w, mean, deviation in TWO_MODES)


@given(st.integers(2, 300), st.floats(1e-6, 1e-3), st.floats(2e-3, 0.5))
@settings(max_examples=30)
def test_zero_terminal_schedules_end_without_signal(steps: int, start: float, end: float) -> None:
    for schedule in (
        zero_terminal_snr(sigmoid_schedule(steps, start, end)),
        cosine_schedule(steps),
    ):
        assert float(schedule.kept[0]) == 1
        assert float(schedule.kept[-1]) == 0
        assert bool((schedule.kept.diff() < 0).all())
        assert bool(torch.isfinite(schedule.betas).all())


def test_schedule_keeps_the_published_remainder_of_signal() -> None:
    assert float(sigmoid_schedule(100).signal[-1]) == pytest.approx(0.0734, abs=5e-5)
    assert float(sigmoid_schedule(120).signal[-1]) == pytest.approx(0.0436, abs=5e-5)
    assert math.sqrt(sigmoid_schedule(100).betas[0]) == pytest.approx(0.01604, abs=5e-6)


def test_walking_in_more_steps_than_there_are_is_refused() -> None:
    with pytest.raises(ValueError, match="is not walked in 101"):
        cosine_schedule(100).spaced(101)


@pytest.mark.parametrize(
    ("solver", "steps", "kind"),
    [(dpm_solver, 16, "velocity"), (ddim, 100, "velocity"), (ddim, 100, "noise")],
)
def test_draws_are_of_the_true_distribution(solver: Solver, steps: int, kind: Prediction) -> None:
    schedule = cosine_schedule(100) if kind == "velocity" else sigmoid_schedule(100)
    network = ExactNetwork(schedule, kind, TWO_MODES)
    start = torch.randn(1, 4000, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    draws = solver(network, start, schedule, steps=steps, kind=kind)
    assert kstest(draws[0].numpy(), two_modes_cdf).statistic < 0.035


def test_second_order_is_closer_than_first_at_equal_steps() -> None:
    schedule = cosine_schedule(100)
    network = ExactNetwork(schedule, "velocity", TWO_MODES)
    scores = normal_nodes(65)[None].double()
    truth = ddim(network, scores, schedule, steps=100, kind="velocity")
    errors = [
        float((solver(network, scores, schedule, steps=12, kind="velocity") - truth).abs().mean())
        for solver in (dpm_solver, ddim)
    ]
    assert errors[0] < errors[1]


@pytest.mark.parametrize("kind", ["velocity", "noise"])
def test_ancestral_walk_draws_the_true_distribution(kind: Prediction) -> None:
    schedule = sigmoid_schedule(100)
    schedule = zero_terminal_snr(schedule) if kind == "velocity" else schedule
    network = ExactNetwork(schedule, kind, TWO_MODES)
    generator = torch.Generator().manual_seed(2)
    start = torch.randn(1, 4000, generator=generator, dtype=torch.float64)
    draws = ancestral(
        network, start, schedule, kind=kind, noise_at_last_step=False, generator=generator
    )
    assert kstest(draws[0].numpy(), two_modes_cdf).statistic < 0.035


def test_few_carried_quantiles_give_the_density() -> None:
    schedule = cosine_schedule(100)
    network = ExactNetwork(schedule, "velocity", TWO_MODES)
    scores = normal_nodes(65)
    carried = dpm_solver(network, scores[None].double(), schedule, steps=18, kind="velocity")
    spline = QuantileSpline(scores.double(), carried)
    values = torch.linspace(-1.8, 1.6, 300, dtype=torch.float64)[None]
    truth = torch.tensor(two_modes_cdf(values.numpy()))
    assert float((spline.cdf(values) - truth).abs().max()) < 0.03


@st.composite
def splines(draw: st.DrawFn) -> QuantileSpline:
    gaps = draw(st.lists(st.floats(0.1, 5), min_size=9, max_size=9))
    values = torch.tensor([gaps], dtype=torch.float64).cumsum(dim=1)
    return QuantileSpline(normal_nodes(9).double(), values)


@given(splines())
@settings(max_examples=15)
def test_spline_is_a_distribution(spline: QuantileSpline) -> None:
    scores = torch.linspace(-6, 6, 2001, dtype=torch.float64)[None]
    values = spline.at_scores(scores)
    assert bool((values.diff(dim=1) > 0).all())
    back, _ = spline.scores_of(values)
    torch.testing.assert_close(back, scores, rtol=0, atol=2e-4)
    density = spline.log_density(values).exp()
    mass = torch.trapezoid(density, values)
    assert float(mass[0]) == pytest.approx(1, abs=2e-3)


@given(splines(), st.floats(-4.4, 4.4))
@settings(max_examples=15)
def test_spline_slope_agrees_with_autograd(spline: QuantileSpline, score: float) -> None:
    place = torch.tensor([[score]], dtype=torch.float64, requires_grad=True)
    value = spline.at_scores(place)
    (slope,) = torch.autograd.grad(value.sum(), place)
    _, log_slope = spline.scores_of(value.detach())
    assert float(-log_slope) == pytest.approx(math.log(float(slope)), abs=1e-3)


def test_folded_nodes_keep_their_distribution() -> None:
    scores = normal_nodes(5)
    spline = QuantileSpline(scores, torch.tensor([[0.0, 2.0, 1.0, 3.0, 4.0]]))
    assert spline.at_scores(scores[None]).tolist()[0] == pytest.approx([0, 1, 2, 3, 4])


def test_head_learns_two_modes_and_draws_them_in_few_steps() -> None:
    torch.manual_seed(0)
    rng = torch.Generator().manual_seed(0)
    head = DiffusionHead(1, width=32, layers=2)
    optimiser = torch.optim.Adam(head.parameters(), lr=1e-2)
    rates = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, 500)
    for _ in range(500):
        given_sign = torch.randint(0, 2, (512, 1), generator=rng).float() * 2 - 1
        side = (torch.rand(512, generator=rng) < 0.5).float() * 2 - 1
        values = given_sign[:, 0] * 0.3 + side + 0.2 * torch.randn(512, generator=rng)
        optimiser.zero_grad()
        head.loss(given_sign, values, rng).mean().backward()
        optimiser.step()
        rates.step()
    found = head.distribution(torch.tensor([[-1.0], [1.0]]), steps=16)
    draws = found.sample(4000, rng)
    for row, shift in zip(draws, (-0.3, 0.3), strict=True):
        known = lambda x, m=shift: 0.5 * (norm.cdf(x, m - 1, 0.2) + norm.cdf(x, m + 1, 0.2))  # noqa: E731 - handed on once
        assert kstest(row.numpy(), known).statistic < 0.08
