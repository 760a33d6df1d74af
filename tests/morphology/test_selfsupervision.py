from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.linalg import hadamard

from skylore.morphology.selfsupervision import TwoViews, vicreg_loss

shapes = st.tuples(st.integers(2, 12), st.integers(1, 7))
pairs = shapes.flatmap(
    lambda shape: st.tuples(*[arrays(float, shape, elements=st.floats(-5, 5))] * 2)
)


def reference(first: np.ndarray, second: np.ndarray) -> float:
    """The loss by sums over rows and columns."""
    count, width = first.shape
    alike = sum((first[i, j] - second[i, j]) ** 2 for i in range(count) for j in range(width))
    total = 25 * alike / (count * width)
    for rows in (first, second):
        covariance = np.cov(rows, rowvar=False).reshape(width, width)
        for i in range(width):
            total += 25 * max(0.0, 1 - np.sqrt(covariance[i, i] + 1e-4)) / (2 * width)
            total += sum(covariance[i, j] ** 2 for j in range(width) if j != i) / width
    return total


def uncorrelated(deviation: float) -> torch.Tensor:
    """Seven columns of mean zero without any covariance."""
    columns = torch.from_numpy(hadamard(8)[:, 1:]).double()
    return columns * deviation * np.sqrt(7 / 8)


@given(pairs)
@settings(max_examples=60)
def test_vicreg_is_the_sum_of_its_three_terms(pair):
    found = vicreg_loss(*map(torch.from_numpy, pair))
    assert found.item() == pytest.approx(reference(*pair), rel=1e-9, abs=1e-9)


def test_views_that_agree_vary_and_say_different_things_cost_nothing():
    view = uncorrelated(1.5).requires_grad_()
    loss = vicreg_loss(view, view.detach().clone())
    loss.backward()
    assert loss.item() == pytest.approx(0, abs=1e-20)
    assert view.grad is not None
    assert float(view.grad.abs().max()) < 1e-12


@pytest.mark.parametrize("deviation", [0.5, 0.1, 0.0])
def test_collapse_costs_more(deviation):
    varied, collapsed = uncorrelated(1.0), uncorrelated(deviation)
    lost = vicreg_loss(collapsed, collapsed) - vicreg_loss(varied, varied)
    assert lost.item() == pytest.approx(25 * (1 - np.sqrt(deviation**2 + 1e-4)), abs=1e-3)


def test_dimensions_that_say_the_same_cost_more():
    same = uncorrelated(1.5)[:, :1].expand(8, 7)
    assert vicreg_loss(same, same) > vicreg_loss(uncorrelated(1.5), uncorrelated(1.5)) + 1


def test_collapsed_views_still_have_finite_gradients():
    view = torch.ones(8, 4, requires_grad=True)
    vicreg_loss(view, view).backward()
    assert view.grad is not None
    assert torch.isfinite(view.grad).all()


@torch.no_grad()
def test_two_views_compare_what_the_expander_gives_on_the_scale_of_nats():
    torch.manual_seed(0)
    views = TwoViews(4, width=6)
    first, second = torch.randn(2, 9, 4)
    expected = vicreg_loss(views.expander(first), views.expander(second)) / 25
    assert float(views(first, second)) == pytest.approx(float(expected), rel=1e-6)
    assert float(views(first, first)) < float(views(first, second))
