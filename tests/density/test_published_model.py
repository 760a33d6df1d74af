from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from skylore.density.published.batches import draw_batch
from skylore.density.published.defects import AS_PUBLISHED, REPAIRED
from skylore.density.published.emulator import PublishedEmulator
from skylore.density.published.network import PublishedNetwork
from skylore.density.published.scaling import LinearScaling, QuantileScaling, scaling_from_dict
from skylore.density.published.settings import (
    CALIFORNIA,
    STARS,
    PublishedNetworkSettings,
    PublishedTraining,
)
from skylore.density.published.storing import load_published, save_published
from skylore.errors import ModelError


@pytest.mark.parametrize(
    ("sizes", "total", "head"), [(CALIFORNIA, 47_425, 21_377), (STARS, 3_774_465, 1_853_441)]
)
def test_parameters_are_as_many_as_published(
    sizes: PublishedNetworkSettings, total: int, head: int
) -> None:
    network = PublishedNetwork(sizes, AS_PUBLISHED)
    assert sum(p.numel() for p in network.parameters()) == total
    assert sum(p.numel() for p in network.head.parameters()) == head


@pytest.fixture
def network() -> PublishedNetwork:
    torch.manual_seed(0)
    return PublishedNetwork(CALIFORNIA, AS_PUBLISHED).eval()


def test_condition_is_the_encoders_output_at_the_request(network: PublishedNetwork) -> None:
    values, tokens = torch.tensor([[0.5, -1.0]]), torch.tensor([[3, 7]])
    rows = [network.weights.weight[2]]
    for value, token in ((0.5, 3), (-1.0, 7)):
        rows.append(
            torch.nn.functional.gelu(
                value * network.weights.weight[token] + network.biases.weight[token]
            )
        )
    by_hand = network.encoder(torch.stack(rows)[None])[:, 0]
    found = network.condition(values, tokens, torch.tensor([2]))
    torch.testing.assert_close(found, by_hand)


def test_order_and_padding_do_not_matter(network: PublishedNetwork) -> None:
    target = torch.tensor([4])
    one = network.condition(torch.tensor([[0.5, -1.0]]), torch.tensor([[3, 7]]), target)
    other = network.condition(torch.tensor([[9.9, -1.0, 0.5]]), torch.tensor([[0, 7, 3]]), target)
    torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_batches_share_one_length_and_ask_for_what_is_there() -> None:
    generator = torch.Generator().manual_seed(0)
    rows = torch.randn(400, 9, generator=generator)
    rows[torch.rand(400, 9, generator=generator) < 0.3] = torch.nan
    rows[:, 0] = 1.0
    lengths, visible = [], []
    for _ in range(200):
        batch = draw_batch(rows, 9, generator)
        lengths.append(batch.tokens.shape[1])
        assert bool(batch.truth.isfinite().all())
        assert bool((batch.values[batch.tokens == 0] == 0).all())
        visible.append(float((batch.tokens == batch.target[:, None]).any(dim=1).float().mean()))
    assert set(lengths) == set(range(10))
    assert np.mean(visible) == pytest.approx(0.5, abs=0.06)


def line(rows: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=rows)
    return np.stack([50 + 10 * x, 3 * x + rng.normal(size=rows) * 0.6], axis=1)


RECIPE = PublishedTraining(epochs=40, restart=40, context=2, batch_size=64)


@pytest.fixture(scope="module")
def emulator() -> PublishedEmulator:
    return PublishedEmulator.fit(["x", "y"], line(1000), recipe=RECIPE, progress=False)


def test_learns_a_conditional_and_a_marginal(emulator: PublishedEmulator) -> None:
    given_x = np.array([[40.0, np.nan], [60.0, np.nan], [np.nan, np.nan]])
    draws = emulator.sample(given_x, "y", 1000)
    assert draws.mean(axis=1) == pytest.approx([-3, 3, 0], abs=1.0)
    assert draws.std(axis=1)[2] > 1.4 * draws.std(axis=1)[:2].max()


def test_density_is_normalised_and_agrees_with_its_cdf(emulator: PublishedEmulator) -> None:
    grid = np.linspace(-12, 12, 601)
    row = [[55.0, np.nan]]
    density = np.exp(emulator.log_density(row, "y", grid[None])[0])
    steps = np.diff(grid) * (density[1:] + density[:-1]) / 2
    assert steps.sum() == pytest.approx(1, abs=0.02)
    assert np.cumsum(steps) == pytest.approx(emulator.cdf(row, "y", grid[None])[0, 1:], abs=0.02)


def test_draws_lie_where_the_density_is(emulator: PublishedEmulator) -> None:
    rows = np.array([[40.0, np.nan], [60.0, np.nan]])
    draws = emulator.sample(rows, "y", 500)
    own = emulator.log_density(rows, "y", draws)
    swapped = emulator.log_density(rows[::-1], "y", draws)
    assert (own.mean(axis=1) > swapped.mean(axis=1) + 1).all()


def test_seeds_repeat_and_saving_keeps_everything(
    emulator: PublishedEmulator, tmp_path: Path
) -> None:
    save_published(emulator, tmp_path / "model")
    again = load_published(tmp_path / "model")
    rows = line(5, seed=3) * [[1, np.nan]]
    assert np.array_equal(emulator.sample(rows, "y", 7), again.sample(rows, "y", 7))
    assert "arXiv 2407.15703" in (tmp_path / "model" / "README.md").read_text()
    assert again.columns == ("x", "y")


def test_repaired_model_learns_too() -> None:
    fixed = PublishedEmulator.fit(
        ["x", "y"], line(1000), recipe=RECIPE, defects=REPAIRED, progress=False
    )
    draws = fixed.sample(np.array([[40.0, np.nan], [60.0, np.nan]]), "y", 1000)
    assert draws.mean(axis=1) == pytest.approx([-3, 3], abs=1.0)


COLUMNS = arrays(np.float64, (40, 1), elements=st.floats(-1e2, 1e2), unique=True)


@given(COLUMNS, st.booleans())
@settings(max_examples=40)
def test_scalings_invert_and_know_their_slope(column: np.ndarray, linear: bool) -> None:
    table = np.cumsum(np.abs(column) + 0.01, axis=0)
    kind = LinearScaling if linear else QuantileScaling
    scaling = scaling_from_dict(kind.fit(table).to_dict())
    values = np.array([table.min() - 5, *np.quantile(table, [0.11, 0.52, 0.87]), table.max() + 5])
    there = scaling.forward(values, 0)
    assert scaling.inverse(there, 0) == pytest.approx(values, rel=1e-6, abs=1e-6)
    step = 1e-6 * (1 + np.abs(values))
    measured = (scaling.forward(values + step, 0) - there) / step
    slopes = np.exp([scaling.log_slope(values, 0), scaling.log_slope(values + step, 0)])
    assert (measured > 0.99 * slopes.min(axis=0)).all()
    assert (measured < 1.01 * slopes.max(axis=0)).all()


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (np.full((5, 2), 3.0), "single value"),
        (np.array([[1.0, np.inf], [2.0, 1.0]]), "infinite"),
        (np.ones((4, 3)), "2 columns"),
        (np.array([[1.0, 2.0], [np.nan, np.nan], [3.0, 4.0]]), "each with a value"),
        (np.array([[1.0, np.nan], [2.0, np.nan]]), "no row has a value of y"),
    ],
)
def test_bad_tables_are_refused(table: np.ndarray, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        PublishedEmulator.fit(["x", "y"], table, progress=False)


def test_unknown_columns_and_damaged_folders_are_refused(
    emulator: PublishedEmulator, tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match="no column z"):
        emulator.sample(line(2), "z", 3)
    for values in ([1.0, 2.0], [np.nan]):
        with pytest.raises(ModelError, match="values are finite"):
            emulator.log_density(line(1), "y", values)
    with pytest.raises(ModelError, match="no published density emulator"):
        load_published(tmp_path)
    save_published(emulator, tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"no")
    with pytest.raises(ModelError, match="no published density emulator"):
        load_published(tmp_path)
    with pytest.raises(ModelError, match="do not share a width"):
        PublishedNetwork(PublishedNetworkSettings(columns=2, heads=5), AS_PUBLISHED)
