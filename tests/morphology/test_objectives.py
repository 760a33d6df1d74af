from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.special import huber, log_softmax

from skylore.morphology.objectives import ClassObjective, FigureObjective, Objective
from skylore.morphology.tree import DecisionTree, Question, load_tree
from skylore.morphology.vote_objectives import FractionObjective, VoteObjective

GZ2 = load_tree("gz2")
BAR = DecisionTree(
    name="bar",
    questions=(
        Question(name="disk", answers=("yes", "no")),
        Question(name="bar", answers=("strong", "weak", "none"), parent="disk_yes"),
    ),
)
FEATURES = 8
NAN = math.nan

seeds = st.integers(0, 2**31)


def features(count: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(count, FEATURES, generator=torch.Generator().manual_seed(seed))


def votes(count: int, tree: DecisionTree, seed: int = 0) -> np.ndarray:
    """Counts of each question's answers, some questions asked of nobody."""
    draw = np.random.default_rng(seed)
    parts = []
    for size in tree.sizes:
        part = draw.integers(0, 30, (count, size)).astype(float)
        part[draw.random(count) < 0.3] = 0
        parts.append(part)
    parts[0][:, 0] += 1
    return np.concatenate(parts, axis=1)


def fractions_of(counts: np.ndarray, tree: DecisionTree) -> np.ndarray:
    parts = [counts[:, place] for place in tree.slices]
    return np.concatenate([p / np.maximum(p.sum(axis=1, keepdims=True), 1) for p in parts], axis=1)


def objective_and_targets(kind: str, count: int) -> tuple[Objective, torch.Tensor]:
    torch.manual_seed(0)
    if kind == "classes":
        return ClassObjective(FEATURES, 5), torch.arange(count)[:, None] % 5.0
    if kind == "figures":
        return FigureObjective(FEATURES, 3), torch.linspace(-4, 4, 3 * count).reshape(count, 3)
    counts = votes(count, GZ2)
    if kind == "fractions":
        shares = torch.from_numpy(fractions_of(counts, GZ2)).float()
        return FractionObjective(FEATURES, GZ2), shares
    return VoteObjective(FEATURES, GZ2, kind), torch.from_numpy(counts).float()


KINDS = ["classes", "figures", "free", "published", "fractions"]


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_missing_labels_cost_exactly_nothing(kind, training):
    objective, targets = objective_and_targets(kind, 12)
    missing = torch.arange(12) % 3 == 1
    targets[missing] = NAN
    if kind in {"free", "published", "fractions"}:
        targets[4] = 0.0
    seen = (20 * features(12)).requires_grad_()
    loss = objective.train(training).loss(seen, targets)
    assert loss.shape == (12,)
    assert torch.equal(loss[missing], torch.zeros(4))
    assert (loss[~missing] > 0).all()
    loss.sum().backward()
    assert seen.grad is not None
    assert torch.equal(seen.grad[missing], torch.zeros(4, FEATURES))
    assert torch.isfinite(seen.grad).all()
    assert (seen.grad[~missing].abs().sum(dim=1) > 0).sum() >= 6
    assert torch.equal(objective.known(targets), ~missing)


@pytest.mark.parametrize("kind", KINDS)
def test_rows_without_labels_teach_the_head_nothing(kind):
    objective, targets = objective_and_targets(kind, 6)
    none = torch.full_like(targets, NAN)
    objective.loss(features(6), none).sum().backward()
    for parameter in objective.parameters():
        assert parameter.grad is not None
        assert torch.equal(parameter.grad, torch.zeros_like(parameter))
    assert objective.measure(features(6), none) == {}
    assert not objective.known(none).any()
    assert torch.equal(objective.rarity(none), torch.ones(6))


@pytest.mark.parametrize("kind", KINDS)
def test_a_missing_neighbour_changes_no_other_loss(kind):
    objective, targets = objective_and_targets(kind, 6)
    objective.eval()
    whole = objective.loss(features(6), targets)
    targets[2] = NAN
    torch.testing.assert_close(objective.loss(features(6), targets)[3:], whole[3:])


@given(seeds)
@settings(max_examples=30)
def test_class_loss_is_the_cross_entropy_of_logits_once(seed):
    objective = ClassObjective(FEATURES, 6).eval()
    seen = 5 * features(10, seed)
    targets = torch.arange(10)[:, None] % 6.0
    logits = objective.head(seen).detach().double().numpy()
    expected = -log_softmax(logits, axis=1)[np.arange(10), np.arange(10) % 6]
    np.testing.assert_allclose(objective.loss(seen, targets).detach(), expected, rtol=1e-4)


def test_confident_right_answers_cost_nothing_where_a_softmax_taken_twice_has_a_floor():
    objective = ClassObjective(6, 6).eval()
    with torch.no_grad():
        objective.head[1].weight.copy_(30 * torch.eye(6))
        objective.head[1].bias.zero_()
    loss = objective.loss(torch.eye(6), torch.arange(6.0)[:, None]).detach()
    floor_of_two = math.log(1 + 5 / math.e)
    assert floor_of_two > 1
    assert float(loss.max()) < 1e-6


@given(seeds)
@settings(max_examples=30)
def test_figure_loss_is_hubers_over_the_known_figures(seed):
    objective = FigureObjective(FEATURES, 4).eval()
    seen, wanted = features(9, seed), 3 * features(9, seed + 1)[:, :4]
    wanted[features(9, seed + 2)[:, :4] > 0.8] = NAN
    residual = (objective.head(seen).detach() - wanted).double().numpy()
    known = ~np.isnan(residual)
    each = np.where(known, huber(1.0, np.nan_to_num(residual)), 0)
    expected = each.sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    np.testing.assert_allclose(objective.loss(seen, wanted).detach(), expected, rtol=1e-4)


@given(seeds, st.sampled_from(["free", "published"]))
@settings(max_examples=20)
def test_votes_cost_the_mean_over_questions_of_scipys_dirichlet_multinomial(seed, head):
    objective = VoteObjective(FEATURES, GZ2, head).eval()
    seen, counts = features(3, seed), votes(3, GZ2, seed)
    alpha = objective.concentrations(objective.head(seen)).detach().double().numpy()
    expected = np.zeros(3)
    for row in range(3):
        for place in GZ2.slices:
            k = counts[row, place].astype(int)
            if k.sum():
                a = alpha[row, place]
                expected[row] -= stats.dirichlet_multinomial.logpmf(k, a, k.sum())
    found = objective.loss(seen, torch.from_numpy(counts).float()).detach()
    np.testing.assert_allclose(found, expected / len(GZ2.questions), rtol=1e-4)


def test_fractions_cost_the_mean_cross_entropy_of_those_who_were_asked():
    objective = FractionObjective(FEATURES, BAR).eval()
    shares = np.array([[0.8, 0.2, 0.5, 0.25, 0.25], [0.0, 1.0, 0.0, 0.0, 0.0]])
    outputs = objective.head(features(2)).detach().double().numpy()
    disk, bar = log_softmax(outputs[:, :2], axis=1), log_softmax(outputs[:, 2:], axis=1)
    first = -(shares[:, :2] * disk).sum(axis=1)
    second = -shares[:, 0] * (shares[:, 2:] * bar).sum(axis=1)
    found = objective.loss(features(2), torch.from_numpy(shares).float()).detach()
    np.testing.assert_allclose(found, (first + second) / 2, rtol=1e-5)


def test_rare_classes_are_drawn_by_the_square_root_and_at_most_six_times_as_often():
    targets = torch.tensor([0.0] * 100 + [1.0] * 4 + [2.0] + [NAN])[:, None]
    often = ClassObjective(FEATURES, 4).rarity(targets)
    assert often[0] == 1.0
    assert often[100] == pytest.approx(5.0)
    assert often[104] == 6.0
    assert often[105] == 1.0


@torch.no_grad()
def test_merit_of_classes_and_figures():
    classes = ClassObjective(2, 2).eval()
    figures = FigureObjective(2, 2).eval()
    for objective in (classes, figures):
        objective.head[1].weight.copy_(torch.eye(2))
        objective.head[1].bias.zero_()
    seen = torch.tensor([[3.0, 0.0], [0.0, 3.0], [3.0, 0.0], [1.0, 1.0]])
    merit = classes.measure(seen, torch.tensor([[0.0], [1.0], [1.0], [NAN]]))
    right, wrong = math.log1p(math.exp(-3)), 3 + math.log1p(math.exp(-3))
    assert merit["accuracy"] == pytest.approx(2 / 3)
    assert merit["cross-entropy"] == pytest.approx((2 * right + wrong) / 3, rel=1e-5)
    wanted = torch.tensor([[2.0, NAN], [NAN, NAN], [3.0, -2.0], [1.0, 1.0]])
    merit = figures.measure(seen, wanted)
    assert merit["absolute error"] == pytest.approx((1 + 0 + 2 + 0 + 0) / 5)
    assert merit["absolute error of a constant"] == pytest.approx((2 + 3 + 2 + 1 + 1) / 5)


@torch.no_grad()
@pytest.mark.parametrize("make", [VoteObjective, FractionObjective])
def test_fraction_error_is_over_the_answers_of_questions_that_were_asked(make):
    objective = make(FEATURES, BAR).eval()
    objective.head[1].weight.zero_()
    objective.head[1].bias.zero_()
    given_votes = torch.tensor([[1.0, 0.0, 0.5, 0.5, 0.0], [0.0, 1.0, 0.0, 0.0, 0.0]])
    merit = objective.measure(features(2), given_votes)
    third = [abs(1 / 3 - f) for f in (0.5, 0.5, 0.0)]
    assert merit["fraction error"] == pytest.approx((4 * 0.5 + sum(third)) / 7, abs=1e-5)
