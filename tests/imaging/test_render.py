"""Drawing flux: the published formula, colours that do not depend on brightness, empty sky."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from skylore.errors import ImageError
from skylore.imaging.render import Rendering, render_bands

FIXED = Rendering(bands=("i", "r", "g"), minimum=(0, 0, 0), stretch=2.0, q=8.0)


def sky_with_galaxy(bands=3, seed=1, sky=100.0, noise=3.0, peak=2000.0):
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:40, :48]
    light = peak * np.exp(-np.hypot(y - 20, x - 24) / 4)
    return np.stack([light / (b + 1) + rng.normal(sky, noise, light.shape) for b in range(bands)])


@given(st.tuples(*[st.floats(0.01, 500)] * 3))
@settings(deadline=None)
def test_follows_lupton_equation_two(colour):
    flux = np.broadcast_to(np.array(colour)[:, None, None], (3, 8, 8)).copy()
    intensity = np.mean(colour)
    drawn = 0.1 / np.arcsinh(0.8) * np.arcsinh(8 * intensity / 2.0) / intensity * np.array(colour)
    expected = drawn / max(1.0, drawn.max()) * 255
    assert np.abs(render_bands(flux, FIXED)[3, 3] - expected).max() <= 1.0


@given(st.floats(0.02, 0.2), st.floats(1, 1000))
@settings(deadline=None)
def test_colour_does_not_depend_on_brightness(faint, factor):
    colour = np.array([3.0, 2.0, 1.0])
    flux = np.empty((3, 8, 8))
    flux[:] = (faint * 20 * colour)[:, None, None]
    pixel = render_bands(flux * factor, FIXED)[0, 0].astype(float)
    assert pixel[0] / pixel[2] == pytest.approx(3.0, rel=0.06)
    assert pixel[1] / pixel[2] == pytest.approx(2.0, rel=0.06)


@given(st.floats(1e-6, 1e6), st.floats(-1e4, 1e4))
@settings(deadline=None, max_examples=25)
def test_automatic_scale_does_not_depend_on_units(unit, level):
    flux = sky_with_galaxy()
    drawn = render_bands(flux, Rendering(bands=("z", "r", "g"))).astype(int)
    again = render_bands((flux + level) * unit, Rendering(bands=("z", "r", "g")))
    assert np.abs(drawn - again).max() <= 1


def test_automatic_scale_shows_the_galaxy_on_dark_sky():
    drawn = render_bands(sky_with_galaxy(), Rendering(bands=("z", "r", "g")))
    assert drawn[20, 24].max() > 200
    assert np.median(drawn[:6]) < 25
    assert drawn[20, 30, 0] > drawn[20, 30, 2]


def test_one_band_is_grey_and_two_have_their_mean_as_green():
    grey = render_bands(sky_with_galaxy(1), Rendering(bands=("r",)))
    assert np.ptp(grey, axis=2).max() == 0
    assert grey.max() > 150
    two = np.empty((2, 8, 8))
    two[0], two[1] = 3.0, 1.0
    three = np.stack([two[0], two.mean(axis=0), two[1]])
    np.testing.assert_array_equal(
        render_bands(two, Rendering(bands=("r", "g"), minimum=(0, 0), stretch=2.0)),
        render_bands(three, FIXED),
    )


def test_three_of_many_bands_are_drawn_red_first():
    flux = sky_with_galaxy(5)
    names = ("y", "z", "i", "r", "g")
    chosen = Rendering(bands=names, red="y", green="i", blue="g")
    np.testing.assert_array_equal(
        render_bands(flux, Rendering(bands=names)), render_bands(flux, chosen)
    )
    turned = Rendering(bands=names, red="g", green="i", blue="y")
    np.testing.assert_array_equal(render_bands(flux, turned), render_bands(flux, chosen)[..., ::-1])


def test_weights_bring_bands_to_like_units():
    flux = sky_with_galaxy()
    unlike = flux * np.array([1.0, 10.0, 0.1])[:, None, None]
    weighted = Rendering(bands=("z", "r", "g"), weights=(1.0, 0.1, 10.0))
    difference = render_bands(unlike, weighted).astype(int) - render_bands(
        flux, Rendering(bands=("z", "r", "g"))
    )
    assert np.abs(difference).max() <= 1


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_missing_pixels_are_empty_sky_and_change_nothing_else(value):
    flux = sky_with_galaxy()
    whole = render_bands(flux, FIXED)
    flux[1, 2:4, 5:9] = value
    drawn = render_bands(flux, FIXED)
    assert drawn[2:4, 5:9].max() == 0
    known = np.ones((40, 48), bool)
    known[2:4, 5:9] = False
    np.testing.assert_array_equal(drawn[known], whole[known])
    assert render_bands(flux, Rendering(bands=("z", "r", "g")))[20, 24].max() > 200


def test_blank_flux_is_black():
    blank = np.full((3, 9, 9), 7.0)
    assert render_bands(blank, Rendering(bands=("z", "r", "g"))).max() == 0


def test_flux_without_a_value_is_refused():
    flux = sky_with_galaxy()
    flux[2] = np.nan
    with pytest.raises(ImageError, match="no pixel is finite in band g"):
        render_bands(flux, Rendering(bands=("z", "r", "g")))
    flux = sky_with_galaxy()
    flux[0, :20], flux[1, 20:] = np.nan, np.nan
    with pytest.raises(ImageError, match="no pixel is finite in all drawn bands"):
        render_bands(flux, Rendering(bands=("z", "r", "g")))


def test_flux_must_fit_the_bands():
    with pytest.raises(ImageError, match=r"\(2, 40, 48\) does not fit 3 bands"):
        render_bands(sky_with_galaxy(2), FIXED)


@pytest.mark.parametrize(
    "settings",
    [
        {"bands": ()},
        {"bands": ("r", "r")},
        {"bands": ("r", "g"), "minimum": (0.0,)},
        {"bands": ("r", "g"), "weights": (1.0, 0.0)},
        {"bands": ("r", "g"), "red": "r"},
        {"bands": ("r", "g"), "red": "z", "green": "r", "blue": "g"},
        {"bands": ("r",), "stretch": 0.0},
        {"bands": ("r",), "q": float("nan")},
    ],
)
def test_renderings_that_make_no_sense_are_refused(settings):
    with pytest.raises(ValidationError):
        Rendering(**settings)


def test_describe_is_json_that_gives_the_rendering_back():
    said = json.loads(FIXED.describe())
    assert said.pop("rendering") == "lupton-asinh"
    assert Rendering.model_validate(said) == FIXED
