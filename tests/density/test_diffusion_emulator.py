"""The emulator with a diffusion head: the same questions, answers of one distribution."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from scipy.stats import kstest, norm

from density.conftest import SMALL, made_table
from skylore.density.chain import sample
from skylore.density.diffusion.head import DiffusionHead
from skylore.density.diffusion.quantiles import QuantileSpline, normal_nodes
from skylore.density.diffusion.spread import SplineSpread
from skylore.density.emulator import DensityEmulator
from skylore.density.heads import without_twice
from skylore.density.joint import joint_logprob
from skylore.errors import ModelError


@pytest.fixture(scope="module")
def flows(table: pa.Table) -> DensityEmulator:
    recipe = {**SMALL, "head": "diffusion", "diffusion_width": 32, "diffusion_layers": 2}
    return DensityEmulator.fit(table.slice(0, 700), progress=False, **{**recipe, "epochs": 40})


def test_answers_are_of_one_distribution(flows: DensityEmulator, unseen: pa.Table) -> None:
    rows = unseen.slice(0, 20)
    shares = np.array([0.05, 0.3, 0.5, 0.9])
    found = flows.quantiles(rows, "size", shares)
    np.testing.assert_allclose(
        flows.cdf(rows, "size", at=found), np.tile(shares, (20, 1)), atol=1e-6
    )
    drawn = sample(flows, rows.slice(0, 1), ["size"], None, 3000)["size"][0]
    uniform = flows.cdf(rows.slice(0, 1), "size", at=drawn[None])[0]
    assert kstest(uniform, "uniform").pvalue > 1e-3
    assert flows.mean(rows.slice(0, 1), "size")[0] == pytest.approx(drawn.mean(), rel=0.15)
    step = 1e-3 * found[:, 2]
    slope = flows.cdf(rows, "size", at=np.stack([found[:, 2] - step, found[:, 2] + step], 1))
    at_median = rows.set_column(1, "size", pa.array(found[:, 2]))
    density = np.exp(flows.logprob(at_median, "size"))
    np.testing.assert_allclose(np.diff(slope, axis=1)[:, 0] / (2 * step), density, rtol=0.02)


def test_it_has_learnt_and_is_the_same_after_saving(
    flows: DensityEmulator, unseen: pa.Table, tmp_path: Path
) -> None:
    rows = unseen.slice(0, 300)
    known, alone = (np.nanmean(flows.logprob(rows, "size", g)) for g in (["mass"], []))
    assert known > alone + 0.3
    capped = sample(flows, rows, ["bright"], None, 10)["bright"]
    assert capped.max() == 2.5
    knots = sample(flows, rows.slice(0, 20), ["knots", "kind"], None, 5)["knots"]
    assert np.all(knots == np.rint(knots))
    assert np.isfinite(joint_logprob(flows, rows.slice(0, 20), ["knots", "kind", "mass"])).all()
    flows.save(tmp_path / "m")
    again = DensityEmulator.load(tmp_path / "m")
    np.testing.assert_array_equal(flows.logprob(rows, "mass"), again.logprob(rows, "mass"))
    assert flows.report is not None
    own = -np.nanmean(flows.logprob(rows, "mass"))
    assert flows.report.held_out["mass"] == pytest.approx(own, abs=0.4)


def test_point_masses_of_integers_are_counted_once() -> None:
    scores = normal_nodes(65).double()
    one = torch.ones(2, 1).double()
    atoms = torch.tensor([[0.4], [0.01]]).double()
    alone = SplineSpread(
        (QuantileSpline(scores, (2 * scores).expand(2, -1)),),
        *(one, atoms[:, :0], 0 * one[:, 0], -np.inf, np.inf),
    )
    half = torch.full((2,), 0.5).double()
    around = alone.log_between(-half, half).exp()[:, None]
    points, rest = without_twice(atoms.log(), (1 - atoms[:, 0]).log(), around)
    np.testing.assert_allclose(points.exp().sum(1) + rest.exp(), 1)
    at_point = points.exp()[:, 0] + rest.exp() * around[:, 0]
    assert at_point[0].item() == pytest.approx(0.4)
    elsewhere = rest.exp()[0] * alone.log_between(half, 3 * half).exp()[0]
    flow = 0.6 * (norm.cdf(0.75) - norm.cdf(0.25)) / (1 - around[0, 0])
    assert elsewhere.item() == pytest.approx(flow.item(), rel=1e-3)
    assert points[1].exp().item() < 1e-9


def test_flows_are_cut_off_averaged_and_convolved_exactly() -> None:
    scores = normal_nodes(65).double()
    wide, narrow = (QuantileSpline(scores, (s * scores).expand(6, -1)) for s in (1.0, 0.5))
    half = torch.full((6, 2), 0.5).double()
    atoms = torch.full((6, 1), np.log(0.2)).double()
    rest = torch.full((6,), np.log(0.8)).double()
    part = SplineSpread((wide, narrow), half, atoms, rest, -0.5, np.inf)
    z = torch.linspace(-0.5, 3, 3001).double()
    inside = part.log_density(z[:6] + 0.1).exp()
    assert (part.log_density(torch.full((6,), -0.6).double()) == -np.inf).all()
    cdf = part.cdf(z.expand(6, -1))[0].numpy()
    assert cdf[0] == pytest.approx(0)
    assert part.cdf(torch.full((6, 1), 60.0).double())[0, 0] == pytest.approx(0.8)
    np.testing.assert_allclose(
        part.log_between(torch.zeros(6).double(), torch.ones(6).double()).exp()[0],
        np.interp(1, z, cdf) - np.interp(0, z, cdf),
        atol=1e-6,
    )
    assert float(inside[0]) == pytest.approx(
        np.interp(-0.4, z[1:], np.diff(cdf) / 0.0011667), rel=0.02
    )
    free = SplineSpread((wide,), half[:, :1] * 2, atoms[:, :0], 0 * rest, -np.inf, np.inf)
    at, noise = torch.linspace(-2, 2, 6).double(), torch.full((6,), 0.7).double()
    expected = 0.998 * norm.pdf(at, 0, np.sqrt(1.49)) + 0.002 * norm.pdf(at, 0, np.sqrt(9.49))
    np.testing.assert_allclose(free.log_density(at, noise).exp(), expected, rtol=2e-3)
    below = free.cdf(at[:, None], noise)[:, 0]
    np.testing.assert_allclose(below, norm.cdf(at, 0, np.sqrt(1.49)), atol=2e-3)


def test_values_measured_with_errors_teach_the_true_distribution() -> None:
    """Regressing on noisy values has its least loss at the velocity of the true ones."""
    head = DiffusionHead(1, width=8, layers=1)
    rng = torch.Generator().manual_seed(0)
    rows, sigma, true = 200_000, 0.5, 0.8
    error = torch.full((rows,), sigma)
    noisy = (true**2 + sigma**2) ** 0.5 * torch.randn(rows, generator=rng)

    class Exact(torch.nn.Module):
        def __init__(self, variance: float) -> None:
            super().__init__()
            self.variance = variance

        def forward(
            self, values: torch.Tensor, times: torch.Tensor, _: torch.Tensor
        ) -> torch.Tensor:
            s, n = head.schedule.signal[times + 1].float(), head.schedule.noise[times + 1].float()
            total = s * s * self.variance + n * n
            # Of a normal, E[noise] and E[value] are both in proportion to what is seen.
            return values * s * n * (1 - self.variance) / total

    losses = {}
    for variance in (true**2, true**2 + sigma**2, true**2 - 0.2):
        head.predictor = Exact(variance)  # type: ignore[assignment]
        chance = torch.Generator().manual_seed(1)
        found = head.loss(torch.zeros(rows, 1), noisy, chance, error)
        losses[variance] = float(found.mean())
    assert min(losses, key=lambda v: losses[v]) == true**2


def test_errors_that_leave_nothing_to_learn_are_refused() -> None:
    table = made_table(300)
    noisy = table.append_column("size_err", pa.array(np.full(300, 50.0)))
    with pytest.raises(ModelError, match="too large for a diffusion head"):
        DensityEmulator.fit(noisy, progress=False, **{**SMALL, "head": "diffusion"})
