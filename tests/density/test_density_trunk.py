"""Sub-networks that share matrices, and the inversion of distribution functions."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from skylore.density.column_spec import ColumnSpec
from skylore.density.inputs import Inputs
from skylore.density.inversion import invert
from skylore.density.network import DensityNetwork
from skylore.density.settings import DensitySettings
from skylore.density.transforms import Warp
from skylore.density.trunk import Block

WARP = Warp(base="linear", offset=0, unit=1, centre=0, spread=1)
SETTINGS = DensitySettings(width=32, views=3, blocks=1, frequencies=4, dropout=0.25)


def network() -> DensityNetwork:
    torch.manual_seed(0)
    specs = [ColumnSpec(name=name, kind="continuous", rows=9, warp=WARP) for name in "abc"]
    return DensityNetwork(specs, [], SETTINGS).eval()


def rows(count: int) -> Inputs:
    torch.manual_seed(1)
    whole = torch.zeros(count, 3, dtype=torch.long)
    empty = torch.zeros(count, 0)
    return Inputs(torch.randn(count, 3), whole, whole, torch.zeros(count, 3), empty)


def answers(visible: Tensor, precision: torch.dtype = torch.float32) -> Tensor:
    targets = torch.full(visible.shape[:2], 2)
    with torch.inference_mode():
        return network()(rows(len(visible)), visible, targets, precision).view(*targets.shape, -1)


def test_each_request_is_answered_by_a_sub_network_of_its_own() -> None:
    same = torch.tensor([True, True, False]).expand(5, 3, 3)
    found = answers(same)
    assert (found[:, 0] - found[:, 1]).abs().amax(1).min() > 0.01
    other = same.clone()
    other[:, 1, 0] = False
    changed = (answers(other) - found).abs().amax((0, 2))
    assert changed[1] > 0.01
    assert changed[[0, 2]].max() == 0


def test_half_precision_is_near_single() -> None:
    visible = torch.tensor([True, True, False]).expand(50, 3, 3)
    single, half = answers(visible), answers(visible, torch.bfloat16)
    assert 0 < (single - half).abs().mean() < 0.02


def test_dropout_keeps_the_mean_and_its_share() -> None:
    dropout = Block(SETTINGS).dropout
    torch.manual_seed(2)
    dropped = dropout(torch.ones(100, 3, 333))
    assert float((dropped == 0).float().mean()) == pytest.approx(0.25, abs=0.01)
    assert float(dropped.mean()) == pytest.approx(1, abs=0.01)
    assert torch.equal(dropout.eval()(dropped), dropped)


@settings(max_examples=60, deadline=None)
@given(
    power=st.floats(0.05, 12),
    step=st.floats(1e-6, 1),
    shares=st.lists(st.floats(1e-6, 1 - 1e-6), min_size=1, max_size=6),
)
def test_increasing_functions_are_inverted(power: float, step: float, shares: list[float]) -> None:
    """A power and a steep step: flat here, all but upright there."""

    def function(_: Tensor, x: Tensor) -> Tensor:
        return 0.5 * x**power + 0.5 * torch.special.ndtr((x - 0.4) / (1e-3 * step))

    wanted = torch.tensor([shares], dtype=torch.float64)
    low, high = torch.zeros_like(wanted), torch.full_like(wanted, 2.0)
    found = invert(function, wanted, low, high)
    number = torch.zeros(1, dtype=torch.long)
    assert (function(number, (found - 3e-10).clamp(min=0)) <= wanted + 1e-12).all()
    assert (function(number, found + 3e-10) >= wanted - 1e-12).all()
