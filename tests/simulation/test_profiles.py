"""Profiles, patterns and lensing obey their equations."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skylore.simulation.canvas import add_points, empty, inclined, paint, place, tint
from skylore.simulation.kinds.lensing import deflection
from skylore.simulation.profiles import radius_of, ridge, sersic, smooth_field, winding_phase


@settings(deadline=None, max_examples=20)
@given(index=st.floats(0.6, 3.0), size=st.floats(5.0, 11.0))
def test_half_of_sersic_light_lies_within_the_effective_radius(index: float, size: float) -> None:
    radius = np.linspace(1e-3, 400 * size, 400_000).astype(np.float32)
    light = sersic(radius, size, index) * radius
    assert light[radius < size].sum() / light.sum() == pytest.approx(0.5, abs=0.01)


@settings(deadline=None, max_examples=20)
@given(pitch=st.floats(8, 40), arms=st.integers(1, 5))
def test_arms_keep_their_pitch_angle(pitch: float, arms: int) -> None:
    """Along ``r = r0 exp(θ tan(pitch))`` the phase stays that of the arm."""
    angle = np.linspace(0, 2, 50, dtype=np.float32)
    radius = (10 * np.exp(angle * np.tan(np.radians(pitch)))).astype(np.float32)
    phase = winding_phase(radius, angle, arms, pitch, 10.0)
    assert np.allclose(phase, 0, atol=1e-3)
    assert np.allclose(ridge(phase, 4.0), 1, atol=1e-3)


@pytest.mark.parametrize("arms", [1, 2, 3, 4, 5])
def test_a_circle_meets_every_arm_once(arms: int) -> None:
    angle = np.linspace(-np.pi, np.pi, 721, dtype=np.float32)[:-1]
    crest = ridge(winding_phase(np.full_like(angle, 20), angle, arms, 20.0, 5.0), 4.0)
    peaks = (crest > np.roll(crest, 1)) & (crest >= np.roll(crest, -1))
    assert peaks.sum() == arms


def test_a_round_isothermal_lens_deflects_by_its_einstein_radius() -> None:
    x, y = place(0.3, -0.2, 0.4)
    along, across = deflection(x, y, 12.0, 1.0)
    assert np.allclose(np.hypot(along, across), 12.0, rtol=2e-2)
    assert np.all(along * x + across * y > 0)


@pytest.mark.parametrize("ratio", [0.6, 0.8, 0.97])
def test_the_deflection_is_that_of_the_mass(ratio: float) -> None:
    """Its divergence is twice the convergence ``b sqrt(q) / (2 sqrt(q² x² + y²))``, its curl 0."""
    x, y = place(0.0, 0.0, 0.0)
    along, across = (part.astype(float) for part in deflection(x, y, 12.0, ratio))
    convergence = 12.0 * np.sqrt(ratio) / (2 * np.hypot(ratio * x, y))
    divergence = np.gradient(along, axis=1) + np.gradient(across, axis=0)
    curl = np.gradient(across, axis=1) - np.gradient(along, axis=0)
    away = np.hypot(x, y) > 15
    away[:1] = away[-1:] = away[:, :1] = away[:, -1:] = False
    assert np.allclose(divergence[away], 2 * convergence[away], rtol=0.01)
    assert np.allclose(curl[away], 0, atol=0.01 * convergence[away].max())


def test_an_elliptical_lens_is_symmetric_about_its_axes() -> None:
    x, y = place(0.0, 0.0, 0.0)
    along, across = deflection(x, y, 12.0, 0.7)
    assert np.allclose(along, -along[:, ::-1], atol=1e-4)
    assert np.allclose(across, -across[::-1], atol=1e-4)


def test_paint_adds_the_flux_in_the_colour_asked_for() -> None:
    canvas = empty()
    paint(canvas, sersic(radius_of(*place(2.0, 1.0, 0.3, 0.5)), 6.0, 1.0), 0.8, 5.0)
    assert np.allclose(canvas.sum(axis=(1, 2)), 5 * tint(0.8), rtol=1e-4)
    paint(canvas, np.zeros_like(canvas[0]), 0.8, 5.0)
    assert np.isfinite(canvas).all()


def test_points_keep_flux_and_place_and_ignore_what_is_outside() -> None:
    canvas = empty()
    x, y = np.array([3.3, 500.0]), np.array([-7.6, 0.0])
    add_points(canvas, x, y, np.ones((3, 2)))
    assert canvas.sum(axis=(1, 2)) == pytest.approx([1, 1, 1], abs=1e-5)
    columns, rows = place(0.0, 0.0, 0.0)
    assert float((canvas[0] * columns).sum()) == pytest.approx(3.3, abs=1e-4)
    assert float((canvas[0] * rows).sum()) == pytest.approx(-7.6, abs=1e-4)


def test_inclination_flattens() -> None:
    assert inclined(0) == pytest.approx(1)
    assert inclined(90, 0.2) == pytest.approx(0.2)
    assert inclined(60, 0.0) == pytest.approx(0.5)


def test_smooth_fields_are_smooth_over_the_scale() -> None:
    field = smooth_field(np.random.default_rng(0), 5.0)
    assert field.std() == pytest.approx(1, abs=1e-4)
    neighbours = [float((field * np.roll(field, shift, axis=0)).mean()) for shift in (1, 10, 40)]
    assert neighbours[0] > 0.95
    assert neighbours[1] < 0.6
    assert abs(neighbours[2]) < 0.3
