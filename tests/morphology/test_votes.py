from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mp
from scipy import stats

from skylore.errors import ModelError
from skylore.morphology.tree import load_tree
from skylore.morphology.votes import (
    dirichlet_multinomial_nll,
    expected_fractions,
    fraction_cross_entropy,
    multinomial_nll,
    saturated_nll,
    tree_fraction_cross_entropy,
    tree_multinomial_nll,
    tree_nll,
    tree_saturated_nll,
)

GZ2 = load_tree("gz2")


def double(*rows: object) -> torch.Tensor:
    return torch.tensor(rows, dtype=torch.float64)


@st.composite
def votes(draw: st.DrawFn) -> list[int]:
    """Mixed, unanimous, polarised or no votes at all."""
    answers = draw(st.integers(2, 7))
    total = draw(st.sampled_from([0, 1, 2, 40, 10_000]))
    shape = draw(st.sampled_from(["mixed", "unanimous", "polarised"]))
    first, second = draw(st.permutations(range(answers)))[:2]
    counts = [0] * answers
    if shape == "mixed":
        cuts = sorted(draw(st.lists(st.integers(0, total), min_size=answers - 1, max_size=7)))
        ends = [0, *cuts[: answers - 1], total]
        return [b - a for a, b in itertools.pairwise(ends)]
    counts[first] = total if shape == "unanimous" else total // 2
    counts[second] += total - counts[first]
    return counts


def alphas(count: int) -> st.SearchStrategy[list[float]]:
    return st.lists(st.floats(-3, 4).map(lambda x: 10**x), min_size=count, max_size=count)


votes_and_alphas = votes().flatmap(lambda k: st.tuples(st.just(k), alphas(len(k))))


@given(votes_and_alphas)
def test_dirichlet_multinomial_is_scipys(case):
    k, alpha = case
    expected = -stats.dirichlet_multinomial.logpmf(k, alpha, sum(k))
    found = dirichlet_multinomial_nll(double(k), double(alpha))
    assert found.item() == pytest.approx(expected, rel=1e-9, abs=1e-7)


@given(votes(), st.data())
def test_multinomial_is_scipys(k, data):
    weights = np.array(data.draw(alphas(len(k))))
    p = weights / weights.sum()
    expected = -stats.multinomial.logpmf(k, sum(k), p)
    found = multinomial_nll(double(k), double(np.log(p).tolist()))
    assert found.item() == pytest.approx(expected, rel=1e-9, abs=1e-7)


def exact_nll(k: list[float], alpha: list[float]) -> float:
    with mp.workdps(50):
        a, n = mp.fsum(alpha), mp.fsum(k)
        log_p = mp.loggamma(a) + mp.loggamma(n + 1) - mp.loggamma(n + a)
        for x, y in zip(k, alpha, strict=True):
            log_p += mp.loggamma(x + y) - mp.loggamma(y) - mp.loggamma(x + 1)
        return float(-log_p)


@settings(max_examples=60)
@given(votes_and_alphas, st.floats(0.01, 1))
def test_single_precision_loses_nothing_but_the_last_rounding(case, weight):
    counts, concentration = (torch.tensor([row], dtype=torch.float32) for row in case)
    counts = counts * weight
    expected = exact_nll(counts[0].tolist(), concentration[0].tolist())
    found = dirichlet_multinomial_nll(counts, concentration)
    assert found.dtype == torch.float32
    assert found.item() == pytest.approx(expected, rel=2e-7, abs=1e-8)


@settings(max_examples=60)
@given(votes_and_alphas)
def test_single_precision_gradients_are_those_of_exact_arithmetic(case):
    k, concentration = case[0], torch.tensor([case[1]], dtype=torch.float32, requires_grad=True)
    dirichlet_multinomial_nll(torch.tensor([k]), concentration).sum().backward()
    alpha = concentration[0].tolist()
    with mp.workdps(50):
        a, n = mp.fsum(alpha), sum(k)
        shared = mp.digamma(a + n) - mp.digamma(a)
        expected = [
            float(shared - mp.digamma(x + y) + mp.digamma(y)) for x, y in zip(k, alpha, strict=True)
        ]
    assert concentration.grad[0].tolist() == pytest.approx(expected, rel=1e-5, abs=1e-9)


@given(votes_and_alphas.filter(lambda case: sum(case[0]) <= 40))
def test_gradcheck(case):
    """Within what finite differences resolve; the test above covers the whole range."""
    k = double(case[0])
    alpha = double(case[1]).clamp(0.05, 100).requires_grad_()
    assert torch.autograd.gradcheck(lambda a: dirichlet_multinomial_nll(k, a), alpha)
    logits = alpha.detach().log().clamp(-2, 2).requires_grad_()
    assert torch.autograd.gradcheck(lambda z: multinomial_nll(k, z.log_softmax(1)), logits)
    f = k / k.sum().clamp(min=1)
    assert torch.autograd.gradcheck(
        lambda z: fraction_cross_entropy(f, z.log_softmax(1), 40.0), logits
    )


@settings(max_examples=30)
@given(st.integers(2, 4), st.integers(0, 6), st.data())
def test_all_outcomes_have_probability_one(answers, total, data):
    outcomes = [k for k in itertools.product(range(total + 1), repeat=answers) if sum(k) == total]
    alpha = double(*[data.draw(alphas(answers))] * len(outcomes))
    counts = torch.tensor(outcomes)
    log_p = (alpha / alpha.sum(dim=1, keepdim=True)).log()
    for nll in (dirichlet_multinomial_nll(counts, alpha), multinomial_nll(counts, log_p)):
        assert torch.exp(-nll).sum().item() == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("missing", [0.0, math.nan])
def test_a_question_not_asked_costs_exactly_nothing(missing):
    counts = torch.full((3, 5), missing)
    alpha = torch.logspace(-3, 4, 15).reshape(3, 5).requires_grad_()
    log_p = torch.randn(3, 5).log_softmax(1).requires_grad_()
    for loss, output in (
        (dirichlet_multinomial_nll(counts, alpha), alpha),
        (multinomial_nll(counts, log_p), log_p),
        (fraction_cross_entropy(counts, log_p, 40.0), log_p),
    ):
        assert (loss == 0).all()
        (gradient,) = torch.autograd.grad(loss.sum(), output)
        assert (gradient == 0).all()
    assert (saturated_nll(counts) == 0).all()


@given(votes().filter(lambda k: 0 < sum(k) <= 40), st.data())
def test_raising_the_probability_of_what_was_observed_lowers_the_loss(k, data):
    """Catch the bracket error of ``gz-evo`` (June 2025): ``−ln N! − Σ ln k! + Σ k ln p``."""
    observed = data.draw(st.sampled_from([i for i, x in enumerate(k) if x > 0]))
    p = np.full(len(k), 1 / len(k))
    fractions = np.array(k) / sum(k)
    towards = 0.9 * p + 0.1 * fractions
    losses = multinomial_nll(double(k, k), torch.tensor(np.log([p, towards])))
    assert losses[1] < losses[0] or np.allclose(fractions, p)
    log_p = torch.tensor(np.log([p]), requires_grad=True)
    multinomial_nll(double(k), log_p).sum().backward()
    assert log_p.grad[0, observed] == -k[observed]


@given(votes_and_alphas)
def test_nothing_is_likelier_than_the_saturated_model(case):
    counts, alpha = (double(row) for row in case)
    floor = saturated_nll(counts)
    mean = alpha / alpha.sum()
    assert floor <= dirichlet_multinomial_nll(counts, alpha) + 1e-8
    assert floor <= multinomial_nll(counts, mean.log()) + 1e-8
    sharp = counts / counts.sum().clamp(min=1)
    if counts.sum() > 0:
        torch.testing.assert_close(floor, multinomial_nll(counts, sharp.log()))
        limit = dirichlet_multinomial_nll(counts, 1e9 * sharp + 1e-9)
        torch.testing.assert_close(floor, limit, rtol=0, atol=1e-1)


def test_a_huge_concentration_is_multinomial():
    counts, p = double([7, 2, 1]), double([0.5, 0.3, 0.2])
    found = dirichlet_multinomial_nll(counts, 1e8 * p)
    torch.testing.assert_close(found, multinomial_nll(counts, p.log()), rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", ["gz2", "gz-decals"])
def test_trees_are_their_questions_side_by_side(name):
    tree = load_tree(name)
    shape = (6, len(tree.columns))
    generator = torch.Generator().manual_seed(0)
    counts = torch.randint(0, 30, shape, generator=generator).double()
    counts[0] = 0
    counts[1, tree.slices[2]] = math.nan
    alpha = torch.rand(shape, generator=generator).double() * 5 + 0.1
    logits = torch.randn(shape, generator=generator).double()
    log_p = torch.cat([logits[:, s].log_softmax(1) for s in tree.slices], dim=1)
    fractions = torch.cat(
        [counts[:, s] / counts[:, s].sum(1, keepdim=True).clamp(min=1) for s in tree.slices], dim=1
    )
    worth = torch.rand(6, len(tree.sizes), generator=generator) * 40
    whole = (
        tree_nll(counts, alpha, tree),
        tree_multinomial_nll(counts, log_p, tree),
        tree_saturated_nll(counts, tree),
        tree_fraction_cross_entropy(fractions, log_p, tree, worth),
    )
    for q, place in enumerate(tree.slices):
        parts = (
            dirichlet_multinomial_nll(counts[:, place], alpha[:, place]),
            multinomial_nll(counts[:, place], log_p[:, place]),
            saturated_nll(counts[:, place]),
            fraction_cross_entropy(fractions[:, place], log_p[:, place], worth[:, q]),
        )
        for of_tree, of_question in zip(whole, parts, strict=True):
            torch.testing.assert_close(of_tree[:, q], of_question)
    assert (whole[0][0] == 0).all()
    assert whole[0][1, 2] == 0
    assert (whole[0][2:] > 0).all()


def test_fractions_differ_from_counts_by_a_constant():
    counts = double([12, 3, 5], [1, 0, 7])
    log_p = torch.randn(2, 3, generator=torch.Generator().manual_seed(1)).double().log_softmax(1)
    total = counts.sum(1)
    entropy = fraction_cross_entropy(counts / total[:, None], log_p, total)
    constant = torch.lgamma(total + 1) - torch.lgamma(counts + 1).sum(1)
    torch.testing.assert_close(entropy - constant, multinomial_nll(counts, log_p))
    rounded = fraction_cross_entropy(double([0.333, 0.333, 0.333]), log_p[:1])
    exact = fraction_cross_entropy(double([1 / 3, 1 / 3, 1 / 3]), log_p[:1])
    torch.testing.assert_close(rounded, exact)


def test_expected_fractions_are_shares_of_each_question():
    alpha = torch.rand(4, len(GZ2.columns)) * 50 + 1e-3
    found = expected_fractions(alpha, GZ2)
    for place in GZ2.slices:
        expected = stats.dirichlet.mean(alpha[0, place].double().numpy())
        np.testing.assert_allclose(found[0, place], expected, rtol=1e-5)
        torch.testing.assert_close(found[:, place].sum(1), torch.ones(4))


def test_half_precision_outputs_and_whole_counts_give_single_precision():
    log_p = torch.randn(4, 3).log_softmax(1).bfloat16()
    counts = torch.randint(0, 9, (4, 3))
    assert multinomial_nll(counts, log_p).dtype == torch.float32
    assert dirichlet_multinomial_nll(counts, log_p.exp()).dtype == torch.float32
    assert saturated_nll(counts).dtype == torch.float32


NAN, INF = math.nan, math.inf


@pytest.mark.parametrize(
    ("counts", "alpha", "message"),
    [
        ([1, -1], [1, 1], "not negative"),
        ([1, INF], [1, 1], "finite"),
        ([1, NAN], [1, 1], "for all answers"),
        ([1, 1], [1, 0], "positive and finite"),
        ([1, 1], [1, NAN], "positive and finite"),
        ([0, 0], [1, INF], "positive and finite"),
        ([1, 1], [1, 1, 1], "same shape"),
        ([], [], "a column for each answer"),
    ],
)
def test_bad_votes_and_concentrations_are_refused(counts, alpha, message):
    with pytest.raises(ModelError, match=message):
        dirichlet_multinomial_nll(double(counts), double(alpha))


def test_bad_probabilities_fractions_and_shapes_are_refused():
    log_p, half = double([0.5, 0.5]).log(), double([0.5, 0.5])
    with pytest.raises(ModelError, match="log_softmax"):
        multinomial_nll(double([1, 2]), half)
    with pytest.raises(ModelError, match="log_softmax"):
        multinomial_nll(double([1, 2]), double([NAN, 0.0]))
    with pytest.raises(ModelError, match="sum to 1"):
        fraction_cross_entropy(double([3, 4]), log_p)
    with pytest.raises(ModelError, match="effective counts"):
        fraction_cross_entropy(half, log_p, -1.0)
    with pytest.raises(ModelError, match="do not fit"):
        fraction_cross_entropy(half, log_p, torch.ones(3))
    for call in (tree_nll, tree_multinomial_nll, tree_fraction_cross_entropy):
        with pytest.raises(ModelError, match="37 answers"):
            call(half, half, GZ2)
    with pytest.raises(ModelError, match="37 answers"):
        tree_saturated_nll(half, GZ2)
    with pytest.raises(ModelError, match="37 answers"):
        expected_fractions(half, GZ2)


def test_an_answer_of_probability_zero_is_infinitely_unlikely_only_if_given():
    log_p = double([0.0, -INF])
    assert multinomial_nll(double([3, 0]), log_p).item() == 0
    assert multinomial_nll(double([3, 1]), log_p).item() == INF
