"""Scores, ways and groups agree with independent calculations."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from skylore.classification.linear_head import best_ridge, fit_linear
from skylore.classification.scores import (
    calibration_error,
    confusion,
    f1_of_classes,
    macro_f1,
    retrieval_precisions,
)
from skylore.classification.sky_groups import sky_groups
from skylore.classification.ways import calibrate, chosen_way, neighbour_logits

LABELS = arrays(np.int64, st.integers(2, 40), elements=st.integers(0, 3))


@given(truth=LABELS, seed=st.integers(0, 99))
def test_confusion_and_f1_are_those_of_scikit_learn(truth, seed) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    found = np.random.default_rng(seed).integers(0, 4, len(truth))
    counts = confusion(truth, found, 4)
    np.testing.assert_array_equal(counts, metrics.confusion_matrix(truth, found, labels=range(4)))
    present = ~np.isnan(f1_of_classes(counts))
    expected = metrics.f1_score(truth, found, labels=range(4), average=None, zero_division=0)
    np.testing.assert_allclose(f1_of_classes(counts)[present], expected[present])
    assert macro_f1(truth, found, 4) == pytest.approx(expected[present].mean())


def test_average_precisions_by_hand() -> None:
    """Five points on a line, A B A B B: the queries' rankings can be written down."""
    angles = np.radians([0, 1, 3, 7, 15])
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    found = retrieval_precisions(vectors, np.array([0, 1, 0, 1, 1]))
    # From 0: 1, 2, 3, 4 → the other A is second; from 15: 3, 2, 1, 0 → Bs are first and third.
    assert found["ap"][0] == pytest.approx(1 / 2)
    assert found["ap"][4] == pytest.approx((1 + 2 / 3) / 2)
    np.testing.assert_allclose(found["ap_at_5"], found["ap"])
    np.testing.assert_allclose(found["ap_at_5_of_hits"], found["ap"])


@given(labels=LABELS, seed=st.integers(0, 99))
def test_average_precision_is_that_of_each_ranking(labels, seed) -> None:
    from skylore.evaluation.metrics import average_precision

    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(len(labels), 6))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    found = retrieval_precisions(vectors, labels)["ap"]
    for i in range(len(labels)):
        others = np.delete(np.arange(len(labels)), i)
        order = others[np.argsort(-(vectors[others] @ vectors[i]), kind="stable")]
        relevant = labels[order] == labels[i]
        if relevant.any():
            assert found[i] == pytest.approx(average_precision(relevant), abs=1e-6)
        else:
            assert np.isnan(found[i])


def test_calibration_error_of_the_honest_and_the_boastful() -> None:
    rng = np.random.default_rng(0)
    sure = rng.uniform(0.5, 1, 20_000)
    truth = (rng.uniform(size=20_000) > sure).astype(np.int64)
    shares = np.stack([sure, 1 - sure], axis=1)
    assert calibration_error(shares, truth) < 0.02
    boast = np.stack([np.full(20_000, 0.99), np.full(20_000, 0.01)], axis=1)
    assert calibration_error(boast, truth) == pytest.approx(0.99 - 0.75, abs=0.02)


@given(temperature=st.floats(0.1, 10), seed=st.integers(0, 9))
def test_calibration_finds_the_temperature(temperature, seed) -> None:
    chance = torch.Generator().manual_seed(seed)
    logits = 2 * torch.randn(4000, 3, generator=chance)
    labels = torch.multinomial(logits.softmax(dim=1), 1, generator=chance)[:, 0]
    assert calibrate(logits * temperature, labels) == pytest.approx(temperature, rel=0.15)


def test_linear_head_finds_a_linear_rule() -> None:
    chance = torch.Generator().manual_seed(0)
    features = torch.randn(600, 5, generator=chance) * torch.tensor([1, 10, 0.1, 1, 1]) + 3
    labels = (features[:, 0] + 10 * features[:, 2] > 33).long()
    weight, bias = fit_linear(features, labels, 2, ridge=1e-3)
    assert ((features @ weight.T + bias).argmax(dim=1) == labels).float().mean() > 0.97


@pytest.mark.parametrize(("signal", "least", "most"), [(3.0, 0.0, 0.03), (0.0, 0.3, 1.0)])
def test_the_penalty_is_strong_where_there_is_nothing_to_learn(signal, least, most) -> None:
    chance = torch.Generator().manual_seed(0)
    labels = torch.arange(200) % 3
    features = torch.randn(200, 20, generator=chance) + signal * torch.eye(3, 20)[labels]
    assert least <= best_ridge(features, labels, 3) <= most


@pytest.mark.parametrize(("gain", "way"), [(0.5, "text"), (0.01, "combined"), (-0.5, "combined")])
def test_another_way_must_be_better_than_chance_makes_it(gain, way) -> None:
    combined = torch.linspace(0, 2, 40)
    noise = torch.linspace(-1, 1, 40)[torch.randperm(40, generator=torch.manual_seed(0))]
    assert chosen_way({"text": combined - gain + noise, "combined": combined}) == way


def test_neighbours_of_the_same_place_decide() -> None:
    known = torch.eye(3)
    logits = neighbour_logits(known, known, torch.tensor([2, 0, 1]), 3)
    assert logits.argmax(dim=1).tolist() == [2, 0, 1]


def test_groups_join_through_others_and_over_the_edge_of_the_map() -> None:
    step = 10 / 3600
    ra = [359.999, 0.0, 0.001, 10.0, 10.0 + step, 10.0 + 2 * step, 200.0, np.nan, np.nan]
    dec = [0.0, 0.0, 0.0, 89.0, 89.0, 89.0, -90.0, 0.0, 5.0]
    groups = sky_groups(ra, dec, 12 / 3600)
    assert groups[0] == groups[1] == groups[2]
    assert groups[3] == groups[4] == groups[5]
    assert len(set(groups[[0, 3, 6, 7, 8]].tolist())) == 5
    assert len(set(sky_groups(ra, dec, 0.0).tolist())) == 9


@given(
    arrays(np.float64, st.tuples(st.integers(1, 25), st.just(2)), elements=st.floats(0, 0.02)),
    st.floats(0.0005, 0.01),
)
def test_whatever_is_near_is_in_one_group(places, separation) -> None:
    from astropy.coordinates import SkyCoord

    sky = SkyCoord(places[:, 0], places[:, 1], unit="deg")
    groups = sky_groups(places[:, 0], places[:, 1], separation)
    apart = sky[:, None].separation(sky[None, :]).deg
    assert (groups[:, None] == groups[None, :])[apart < separation * 0.999].all()
