"""How unusual a value is: uniform where the density is right, small where the value is odd."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
import torch
from scipy.stats import kstest, norm

from skylore.density.coding import code_rows
from skylore.density.column_spec import ColumnSpec
from skylore.density.diffusion.quantiles import QuantileSpline, normal_nodes
from skylore.density.diffusion.spread import SplineSpread
from skylore.density.emulator import DensityEmulator
from skylore.density.mixture import Mixture
from skylore.density.predictive import Predictive
from skylore.density.spread import Spread
from skylore.density.transforms import Warp
from skylore.density.unusual import tails_of, unusual
from skylore.errors import ModelError

AS_IS = Warp(base="linear", offset=0, unit=1, centre=0, spread=1)
N = 1200


def gaussians(parts: list[tuple[float, float, float]], atom: float = 0.0) -> Mixture:
    """N rows of one mixture, of (weight, mean, deviation), and perhaps a point mass."""
    weight, loc, scale = torch.tensor(parts).double().T[:, None].expand(3, N, len(parts))
    rest = torch.full((N,), 1 - atom).double().log()
    atoms = torch.full((N, 1 if atom else 0), max(atom, 1e-9)).double().log()
    return Mixture(weight.log(), loc, scale, atoms, rest, -np.inf, np.inf)


def tails(spread: Spread, x: np.ndarray, **spec: object) -> np.ndarray:
    error = spec.pop("x_err", None)
    known = {"kind": "continuous", **spec, "error": None if error is None else "x_err"}
    column = ColumnSpec(name="x", rows=N, warp=AS_IS, **known)  # type: ignore[arg-type]
    table = pa.table({"x": x} if error is None else {"x": x, "x_err": error})
    return tails_of(Predictive(column, spread), code_rows(table, [column]), 0)


def test_of_a_normal_it_is_the_two_sided_tail_however_far() -> None:
    x = np.linspace(-7, 7, N)
    one = gaussians([(1.0, 0.0, 1.0)])
    np.testing.assert_allclose(tails(one, x), 2 * norm.sf(np.abs(x)), rtol=1e-3)
    error = np.full(N, 2.0)
    wider = 2 * norm.sf(np.abs(x) / np.sqrt(5))
    np.testing.assert_allclose(tails(one, x, x_err=error), wider, rtol=2e-3)


def test_many_gaussians_are_looked_at_as_closely_as_one() -> None:
    x = np.linspace(-4, 4, 40)
    many = gaussians([(1 / 300, 0.0, 1.0)] * 300).rows(torch.arange(40))
    assert many.places().shape[1] < 3000
    np.testing.assert_allclose(tails(many, x), 2 * norm.sf(np.abs(x)), rtol=5e-3)


def test_between_two_modes_is_unusual_though_no_tail() -> None:
    parts = [(0.4, -1.0, 0.1), (0.6, 2.0, 0.5)]
    x = np.random.default_rng(0).uniform(-2, 4, N)
    grid = np.linspace(-8, 8, 200_001)
    on_grid, own = (sum(w * norm.pdf(v, m, s) for w, m, s in parts) for v in (grid, x))
    mass = np.array([on_grid[on_grid <= p].sum() * (grid[1] - grid[0]) for p in own[:200]])
    found = tails(gaussians(parts), x)[:200]
    np.testing.assert_allclose(found, mass, atol=0.01)
    assert tails(gaussians(parts), np.full(N, 0.0))[0] < 1e-3


def test_draws_have_uniform_tails_and_point_masses_count() -> None:
    mixed = gaussians([(0.7, 0.0, 1.0), (0.3, 3.0, 0.2)])
    z, _ = mixed.draw(1, torch.Generator().manual_seed(1))
    assert kstest(tails(mixed, z[:, 0].numpy()), "uniform").pvalue > 0.01
    capped = gaussians([(1.0, 1.0, 0.5)], atom=0.1)
    x = np.where(np.arange(N) < 100, 0.0, 1.0)
    found = tails(capped, x, atoms=(0.0,))
    assert 0.1 < found[0] < 0.25
    assert found[-1] == pytest.approx(1, abs=0.02)


def test_whole_numbers_are_compared_by_their_probabilities() -> None:
    x = np.tile([-1.0, 0.0, 1.0, 2.0, 3.0, 40.0], N // 6)
    found = tails(gaussians([(1.0, 2.0, 1.0)]), x, kind="integer")[:6]
    mass = {k: norm.cdf(k + 0.5, 2) - norm.cdf(k - 0.5, 2) for k in range(-8, 13)}
    expected = [sum(m for m in mass.values() if m <= mass[k] * 1.0001) for k in range(-1, 4)]
    np.testing.assert_allclose(found[:5], expected, rtol=1e-5)
    assert found[5] < 1e-9


def test_flows_give_what_their_density_says() -> None:
    scores = normal_nodes(65).double()
    spline = QuantileSpline(scores, (0.5 * scores).expand(60, -1))
    one = torch.ones(60, 1).double()
    flow = SplineSpread((spline,), one, one[:, :0], 0 * one[:, 0], -np.inf, np.inf)
    x = np.linspace(-1.2, 1.2, 60)
    np.testing.assert_allclose(tails(flow, x), 2 * norm.sf(np.abs(x) / 0.5), atol=0.01)
    noisy = tails(flow, x, x_err=np.full(60, 0.5))
    np.testing.assert_allclose(noisy, 2 * norm.sf(np.abs(x) / np.sqrt(0.5)), atol=0.01)


def test_odd_rows_come_first_and_a_right_model_finds_no_more_than_chance(
    emulator: DensityEmulator, unseen: pa.Table
) -> None:
    rows = unseen.slice(0, 400)
    size = rows["size"].to_numpy().copy()
    size[7] *= 30
    kind = rows["kind"].to_pylist()
    kind[11] = None
    odd = rows.set_column(1, "size", pa.array(size)).set_column(4, "kind", pa.array(kind))
    logs, found = unusual(emulator, odd, ["size"], ["mass"])
    assert found.argmin() == 7
    assert found[7] < 1e-3
    assert abs(np.mean(np.delete(found, 7) < 0.1) - 0.1) < 0.06
    np.testing.assert_allclose(logs, emulator.logprob(odd, "size", ["mass"]))
    _, by_kind = unusual(emulator, odd, ["kind"])
    assert np.isnan(by_kind).tolist() == [i == 11 for i in range(400)]
    both, joint = unusual(emulator, odd, ["kind", "size"], ["mass"])
    assert joint.argmin() == 7
    turned = unusual(emulator, odd, ["size", "kind"], ["mass"])
    np.testing.assert_array_equal(turned, (both, joint))
    assert np.mean(np.delete(joint, 7) < 0.1) < 0.16
    assert np.isfinite(both).all()
    with pytest.raises(ModelError, match="at least one"):
        unusual(emulator, odd, [])
