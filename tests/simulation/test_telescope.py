"""Seeing spreads light without losing it; the drawing keeps to its settings."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from skylore.simulation.canvas import add_points, empty, place
from skylore.simulation.telescope import Conditions, blur, choose_conditions, expose


def conditions() -> Conditions:
    chosen = choose_conditions(np.random.default_rng(1), 30.0, 0.0)
    return replace(
        chosen, seeing=4.0, wings=4.0, shifts=np.zeros((3, 2)), quality=95, subsampling=0,
        grain=0.0, noise=5.0, background=np.array([30.0, 40.0, 50.0]), saturation=1.0,
    )  # fmt: skip


def test_blur_keeps_flux_and_place_and_has_the_width_asked_for() -> None:
    canvas = empty()
    add_points(canvas, np.array([0.5]), np.array([0.5]), np.full((3, 1), 100.0))
    seen = blur(canvas, conditions())
    assert seen.sum(axis=(1, 2)) == pytest.approx([100, 100, 100], rel=1e-3)
    across = np.sort(seen[0].max(axis=0))[::-1]
    assert 3.5 <= np.count_nonzero(across > across[0] / 2) <= 6


def test_misaligned_bands_are_shifted() -> None:
    canvas = empty()
    add_points(canvas, np.zeros(1), np.zeros(1), np.ones((3, 1)))
    shifts = np.array([[1.5, 0.0], [0.0, 0.0], [0.0, -2.0]])
    seen = blur(canvas, replace(conditions(), shifts=shifts))
    columns, rows = place(0.0, 0.0, 0.0)
    assert float((seen[0] * columns).sum()) == pytest.approx(1.5, abs=0.1)
    assert float((seen[2] * rows).sum()) == pytest.approx(-2.0, abs=0.1)


def test_empty_sky_has_the_background_and_noise_asked_for() -> None:
    image = expose(empty(), conditions(), np.random.default_rng(0)).astype(float)
    assert np.allclose(np.median(image, axis=(0, 1)), [30, 40, 50], atol=2)
    assert np.allclose(image.std(axis=(0, 1)), 5, atol=1.5)


def test_bright_light_keeps_its_colour_and_does_not_overflow() -> None:
    canvas = empty()
    canvas += np.array([4e4, 2e4, 1e4], dtype=np.float32)[:, None, None]
    dark = replace(conditions(), background=np.zeros(3))
    image = expose(canvas, dark, np.random.default_rng(0)).astype(float)
    red, green, blue = image.mean(axis=(0, 1))
    assert red > 250
    assert green / red == pytest.approx(0.5, abs=0.05)
    assert blue / red == pytest.approx(0.25, abs=0.05)


def test_structure_is_not_asked_for_under_seeing_that_hides_it() -> None:
    for seed in range(40):
        chosen = choose_conditions(np.random.default_rng(seed), 20.0, 5.0)
        assert chosen.seeing <= 4.0
