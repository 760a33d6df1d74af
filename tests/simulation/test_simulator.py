"""Images and truth agree, and depend on the seed alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skylore.errors import SourceError
from skylore.simulation.simulator import (
    KINDS,
    LARGEST_RADIUS,
    SMALLEST_RADIUS,
    Simulator,
    simulate,
)
from skylore.simulation.truth import TRUTH_SCHEMA


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_gives_a_display_image_and_every_truth_column(kind: str) -> None:
    for seed in range(4):
        simulated = simulate(seed, kind)
        assert simulated.image.shape == (160, 160, 3)
        assert simulated.image.dtype == np.uint8
        assert simulated.image.flags.writeable
        assert list(simulated.truth) == TRUTH_SCHEMA.names
        assert simulated.truth["kind"] == kind


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 2**63), kind=st.sampled_from(KINDS))
def test_equal_seeds_give_equal_objects(seed: int, kind: str) -> None:
    first, second = simulate(seed, kind), simulate(seed, kind)
    assert np.array_equal(first.image, second.image)
    assert first.truth == second.truth
    assert not np.array_equal(first.image, simulate(seed + 1, kind).image)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "artefact"])
def test_the_object_is_as_large_as_the_truth_says(kind: str) -> None:
    """Its light above the isophote has the area of an ellipse of the radius and axis ratio."""
    ratios = []
    for seed in range(12):
        simulated = simulate(seed, kind)
        radius, shape = simulated.truth["apparent_radius"], simulated.truth["axis_ratio"]
        assert isinstance(radius, float)
        assert 0.9 * SMALLEST_RADIUS <= radius <= 1.1 * LARGEST_RADIUS
        area = np.pi * radius**2 * (shape if isinstance(shape, float) else 1.0)
        ratios.append(_bright_area(simulated.image) / area)
    assert 0.75 < np.median(ratios) < 1.1


def _bright_area(image: np.ndarray) -> int:
    """Count pixels above the isophote that hang together with the middle of the frame."""
    from scipy.ndimage import gaussian_filter, label

    light = gaussian_filter(image.mean(axis=2), 1.0)
    labels, _ = label(light > np.median(light[:25]) + 25)
    middle = labels[66:94, 66:94]
    found = np.unique(middle[middle > 0])
    return int(np.isin(labels, found).sum())


def test_red_objects_are_redder_than_blue_ones() -> None:
    slopes: dict[str, list[float]] = {"red": [], "blue": []}
    for kind in ("spiral", "edge-on", "merger"):
        for seed in range(30):
            simulated = simulate(seed, kind)
            if isinstance(colour := simulated.truth["colour"], str):
                inner = simulated.image[70:90, 70:90].astype(float)
                slopes[colour].append(float(inner[..., 0].mean() - inner[..., 2].mean()))
    assert min(map(len, slopes.values())) >= 8
    assert np.median(slopes["red"]) > np.median(slopes["blue"]) + 15


@pytest.mark.parametrize(("kind", "low", "high"), [("edge-on", 0.0, 0.5), ("star", 0.75, 1.01)])
def test_flattening_shows_in_the_image(kind: str, low: float, high: float) -> None:
    shapes = [_axis_ratio(simulate(seed, kind).image) for seed in range(12)]
    assert low <= np.median(shapes) <= high


def _axis_ratio(image: np.ndarray) -> float:
    light = image[40:120, 40:120].mean(axis=2)
    light = np.where(light > np.median(image[:20]) + 40, light, 0.0)
    rows, columns = np.indices(light.shape)
    spread = np.linalg.eigvalsh(np.cov(columns.ravel(), rows.ravel(), aweights=light.ravel()))
    return float(np.sqrt(spread[0] / spread[1]))


def test_truth_is_consistent_with_the_kind() -> None:
    for simulated in Simulator().batch(150, 11):
        truth = simulated.truth
        assert truth["edge_on"] == (truth["kind"] == "edge-on")
        assert truth["merger"] == (truth["kind"] == "merger")
        assert (truth["lens"] is not None) == (truth["kind"] == "lens")
        assert (truth["pitch_angle"] is not None) == (truth["kind"] in {"spiral", "barred spiral"})
        assert (truth["winding"] is None) == (truth["pitch_angle"] is None)
        if truth["kind"] == "barred spiral":
            assert isinstance(strength := truth["bar_strength"], float)
            assert 0 < strength < 0.5
        if truth["kind"] == "ring":
            assert truth["ring"] in {"inner", "outer", "collisional"}


def test_batches_share_their_beginning_and_follow_the_weights() -> None:
    simulator = Simulator({"elliptical": 3.0, "star": 1.0})
    few, more = list(simulator.batch(3, 7)), list(simulator.batch(60, 7))
    for one, other in zip(few, more[:3], strict=True):
        assert np.array_equal(one.image, other.image)
    kinds = [simulated.truth["kind"] for simulated in more]
    assert set(kinds) == {"elliptical", "star"}
    assert 30 <= kinds.count("elliptical") <= 58
    assert list(simulator.batch(0, 7)) == []


def test_what_cannot_be_simulated_is_refused() -> None:
    with pytest.raises(SourceError, match=r"no kind 'quasar'.*elliptical"):
        simulate(0, "quasar")
    with pytest.raises(SourceError, match="not negative"):
        simulate(-1)
    for weights in ({}, {"star": 0.0}, {"star": -1.0}, {"star": float("nan")}):
        with pytest.raises(SourceError, match="weights"):
            Simulator(weights)
    with pytest.raises(SourceError, match="not negative"):
        Simulator().batch(-1, 0)
