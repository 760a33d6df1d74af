"""Densities of one column hold a mass of one, and their parts agree with each other."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from skylore.density.coding import Coded, code_rows
from skylore.density.column_spec import ColumnSpec
from skylore.density.columns import describe_columns
from skylore.density.mixture import average, mixture_of
from skylore.density.objective import column_mixture
from skylore.density.predictive import Predictive
from skylore.density.transforms import Warp

seeds = st.integers(0, 100_000)


def table_of(**columns: np.ndarray):
    import pyarrow as pa

    return pa.table(columns)


def spec_of(x: np.ndarray) -> ColumnSpec:
    other = np.random.default_rng(1).normal(size=len(x))
    specs, _ = describe_columns(table_of(x=x, other=other))
    return specs[0]


def predictive(spec: ColumnSpec, seed: int, rows: int = 1, members: int = 2) -> Predictive:
    rng = torch.Generator().manual_seed(seed)
    width = 3 * 4 + (len(spec.atoms) + 1 if spec.atoms else 0)
    raw = [torch.randn((rows, width), generator=rng, dtype=torch.float64) for _ in range(members)]
    return Predictive(spec, average([column_mixture(r, spec) for r in raw]))


def coded_values(spec: ColumnSpec, x: np.ndarray) -> Coded:
    return code_rows(table_of(x=x), [spec])


def capped() -> np.ndarray:
    return np.minimum(np.random.default_rng(2).lognormal(0, 0.8, 3000), 3.0)


def counts() -> np.ndarray:
    return np.random.default_rng(3).poisson(6, 3000)


def same(part: Predictive, n: int) -> Predictive:
    """The first density n times over."""
    rows = torch.zeros(n, dtype=torch.long)
    m = part.spread
    fields = (m.log_weight, m.loc, m.scale, m.log_atoms, m.log_rest)
    return Predictive(part.spec, type(m)(*(f[rows] for f in fields), m.lower, m.upper))


@settings(max_examples=15)
@given(seed=seeds)
def test_a_continuous_density_and_its_atoms_hold_one(seed: int) -> None:
    spec = spec_of(capped())
    assert spec.atoms == (3.0,)
    one = predictive(spec, seed)
    assert spec.warp is not None
    z = np.linspace(-60, float(spec.warp.forward(np.array([3.0]))[0]), 24_001)
    # A midpoint rule on a grid that is even in z, widths in the unit of x.
    edges = spec.warp.inverse(z)
    middles = spec.warp.inverse((z[1:] + z[:-1]) / 2)
    density = np.exp(same(one, len(middles)).log_prob(coded_values(spec, middles), 0))
    point, beyond = np.exp(same(one, 2).log_prob(coded_values(spec, np.array([3.0, 3.2])), 0))
    assert abs(density @ np.diff(edges) + point - 1) < 1e-3
    assert beyond == 0


@settings(max_examples=25)
@given(seed=seeds)
def test_the_masses_of_integers_add_up_to_one(seed: int) -> None:
    spec = spec_of(counts())
    assert spec.kind == "integer"
    whole = np.arange(0, 90)
    part = same(predictive(spec, seed), len(whole))
    mass = np.exp(part.log_prob(coded_values(spec, whole.astype(float)), 0))
    below = part.cdf(whole[:, None].astype(float))[:, 0]
    np.testing.assert_allclose(mass.cumsum(), below, atol=1e-7)
    assert below[-1] <= 1
    half = part.log_prob(coded_values(spec, whole + 0.5), 0)
    assert np.isneginf(half).all()


@settings(max_examples=25)
@given(seed=seeds, kind=st.sampled_from(["capped", "counts", "normal"]))
def test_quantiles_are_the_inverse_of_the_cdf(seed: int, kind: str) -> None:
    x = {"capped": capped, "counts": counts}.get(
        kind, lambda: np.random.default_rng(4).normal(5, 2, 3000)
    )()
    part = predictive(spec_of(x), seed, rows=3)
    shares = np.linspace(0.01, 0.99, 33)
    found = part.quantiles(shares)
    assert np.all(np.diff(found, axis=1) >= 0)
    assert np.all(part.cdf(found) >= shares - 1e-6)
    assert np.all(part.cdf_before(found) <= shares + 1e-6)


@settings(max_examples=10)
@given(seed=seeds)
def test_draws_follow_the_cdf_and_have_its_mean(seed: int) -> None:
    part = predictive(spec_of(capped()), seed)
    drawn = np.sort(part.draw(20_000, seed)[0])
    at = np.quantile(drawn, np.linspace(0.02, 0.98, 25))
    empirical = np.searchsorted(drawn, at, side="right") / len(drawn)
    assert np.abs(part.cdf(at[None])[0] - empirical).max() < 0.02
    assert abs(drawn.mean() - part.mean()[0]) < 5 * drawn.std() / np.sqrt(len(drawn)) + 1e-3
    assert abs(np.mean(drawn == 3.0) - part.spread.log_atoms[0, 0].exp().item()) < 0.02


def test_what_keeps_the_rare_possible_moves_no_mean() -> None:
    warp = Warp(base="log", offset=0, unit=1, centre=0, spread=1)
    spec = ColumnSpec(name="x", kind="heavy-tailed", rows=9, warp=warp)
    raw = torch.tensor([[0.0, -30.0, 0.0, 0.0, 0.5413, -5.0]]).double()
    part = Predictive(spec, mixture_of(raw, 2, 0, (-np.inf, np.inf)))
    assert part.mean()[0] == pytest.approx(np.exp(0.5 * 1.01**2), rel=0.02)
    drawn = part.draw(50_000, 0)
    assert drawn.mean() == pytest.approx(part.mean()[0], rel=0.03)
    assert part.spread.log_density(torch.tensor([12.0]).double()).item() > -50


@settings(max_examples=20)
@given(seed=seeds, noise=st.floats(0.01, 2))
def test_noise_convolves_the_density(seed: int, noise: float) -> None:
    raw = torch.randn((1, 12), generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    mixture = mixture_of(raw, 4, 0, (-np.inf, np.inf))
    grid = torch.linspace(-30, 30, 12_001, dtype=torch.float64)
    rows = torch.zeros(len(grid), dtype=torch.long)
    many = type(mixture)(
        mixture.log_weight[rows], mixture.loc[rows], mixture.scale[rows],
        mixture.log_atoms[rows], mixture.log_rest[rows], mixture.lower, mixture.upper,
    )  # fmt: skip
    clean = many.log_density(grid).exp()
    at = 0.7
    kernel = torch.exp(-0.5 * ((at - grid) / noise) ** 2) / (noise * np.sqrt(2 * np.pi))
    by_hand = torch.trapezoid(clean * kernel, grid)
    exact = mixture.log_density(torch.tensor([at]).double(), torch.tensor([noise]).double()).exp()
    np.testing.assert_allclose(exact.item(), by_hand.item(), rtol=1e-3)
