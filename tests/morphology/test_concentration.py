from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from skylore.errors import ModelError
from skylore.morphology.concentration import (
    LEAST_FRACTION,
    FreeConcentration,
    PublishedConcentration,
    concentration_head,
)
from skylore.morphology.tree import DecisionTree, Question, load_tree
from skylore.morphology.votes import expected_fractions, tree_nll

GZ2 = load_tree("gz2")
YES_NO = DecisionTree(name="one", questions=(Question(name="bar", answers=("yes", "no")),))


def test_how_many_outputs_each_head_takes():
    assert concentration_head("published", GZ2).outputs == 37
    assert concentration_head("free", GZ2).outputs == 37 + 11


def test_the_published_head_is_as_published():
    outputs = torch.randn(5, 37, generator=torch.Generator().manual_seed(0))
    found = PublishedConcentration(GZ2)(outputs)
    torch.testing.assert_close(found, 100 / (1 + torch.exp(-outputs)) + 1)
    extremes = torch.tensor([[-math.inf, math.inf]])
    assert PublishedConcentration(YES_NO)(extremes).tolist() == [[1, 101]]


def test_the_free_head_starts_even_and_at_its_precision():
    head = FreeConcentration(GZ2, initial_precision=7.0)
    alpha = head(torch.zeros(1, head.outputs))
    for place in GZ2.slices:
        even = torch.full_like(alpha[:, place], 7 / alpha[:, place].shape[1])
        torch.testing.assert_close(alpha[:, place], even)


def test_outputs_set_mean_and_precision_apart():
    head = FreeConcentration(GZ2)
    generator = torch.Generator().manual_seed(1)
    outputs = torch.randn(4, head.outputs, generator=generator)
    mean, precision = head.mean_and_precision(outputs)
    torch.testing.assert_close(expected_fractions(head(outputs), GZ2), mean)
    sharper = outputs.clone()
    sharper[:, 37 + 2] += 1
    same_mean, other = head.mean_and_precision(sharper)
    torch.testing.assert_close(same_mean, mean)
    changed = (other != precision).all(dim=0)
    assert changed.tolist() == [q == 2 for q in range(11)]
    assert (other[:, 2] > precision[:, 2]).all()


def test_precision_behaves_as_exp_at_the_start():
    head = FreeConcentration(YES_NO, initial_precision=10.0)
    step = torch.tensor([[0.0, 0.0, 0.0], [0.0, 0.0, 1e-3]], dtype=torch.float64)
    _, precision = head.mean_and_precision(step)
    slope = (precision[1] / precision[0]).log() / 1e-3
    assert slope.item() == pytest.approx(1, abs=1e-3)


@given(st.lists(st.floats(-1e4, 1e4), min_size=3, max_size=3))
def test_any_outputs_give_concentrations_within_the_limits(numbers):
    outputs = torch.tensor([numbers], requires_grad=True)
    alpha = FreeConcentration(YES_NO, limits=(0.1, 1e3))(outputs)
    assert 0.1 * (1 - 1e-5) <= alpha.sum().item() <= 1e3 * (1 + 1e-5)
    assert alpha.min().item() >= 0.1 * LEAST_FRACTION * (1 - 1e-5)
    counts = torch.tensor([[40.0, 0.0]])
    tree_nll(counts, alpha, YES_NO).sum().backward()
    assert torch.isfinite(outputs.grad).all()


@pytest.mark.parametrize("name", ["published", "free"])
def test_gradients(name):
    head = concentration_head(name, GZ2)
    generator = torch.Generator().manual_seed(2)
    outputs = torch.randn(2, head.outputs, generator=generator, dtype=torch.float64)
    counts = torch.randint(0, 40, (2, 37), generator=generator)
    assert torch.autograd.gradcheck(
        lambda z: tree_nll(counts, head(z), GZ2), outputs.requires_grad_()
    )


def best(name: str, counts: torch.Tensor) -> float:
    head = concentration_head(name, YES_NO)
    outputs = torch.zeros(1, head.outputs, dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.Adam([outputs], lr=0.2)
    for _ in range(400):
        optimiser.zero_grad()
        loss = tree_nll(counts, head(outputs.expand(len(counts), -1)), YES_NO).mean()
        loss.backward()
        optimiser.step()
    return float(loss.detach())


@pytest.mark.parametrize(
    ("counts", "margin"),
    [
        ([[40, 0], [0, 40], [40, 0], [0, 40]], 1.0),
        ([[40, 0]] * 4, 0.3),
        ([[20, 20]] * 4, 0.02),
    ],
    ids=["polarised", "unanimous", "agreed on even odds"],
)
def test_the_free_head_reaches_what_the_published_one_cannot(counts, margin):
    votes = torch.tensor(counts, dtype=torch.float64)
    assert best("free", votes) < best("published", votes) - margin


def test_half_precision_outputs_give_single_precision():
    for name in ("published", "free"):
        head = concentration_head(name, GZ2)
        assert head(torch.zeros(1, head.outputs, dtype=torch.bfloat16)).dtype == torch.float32


def test_wrong_widths_names_and_limits_are_refused():
    with pytest.raises(ModelError, match="48 outputs"):
        concentration_head("free", GZ2)(torch.zeros(2, 37))
    with pytest.raises(ModelError, match="free, published"):
        concentration_head("sigmoid", GZ2)
    for limits in ((0.0, 100.0), (20.0, 100.0), (1.0, 5.0), (1.0, math.inf)):
        with pytest.raises(ModelError, match="between positive, finite limits"):
            FreeConcentration(GZ2, limits=limits)
