"""Detection and cutouts on skies of known content and on the Hubble Deep Field."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import cKDTree
from skimage.data import hubble_deep_field

from skylore.errors import ImageError
from skylore.imaging.cutouts import cut_out, cutout_corner
from skylore.imaging.detect import DetectionSettings, detect

PLACES = [(40, 50, 900.0), (150, 60, 700.0), (90, 140, 500.0), (200, 190, 400.0), (30, 200, 300.0)]


def known_sky(places=PLACES, gradient=0.1, size=240):
    rng = np.random.default_rng(3)
    y, x = np.mgrid[:size, :size]
    sky = 100 + gradient * x + rng.normal(0, 4, (size, size))
    for x0, y0, peak in places:
        sky += peak * np.exp(-(((x - x0) / 5) ** 2 + ((y - y0) / 4) ** 2) / 2)
    return sky


@pytest.fixture(scope="module")
def deep_field():
    return hubble_deep_field()


def test_finds_known_sources_brightest_first_on_sloping_sky():
    found = detect(known_sky())
    assert len(found) == len(PLACES)
    for i, (x, y, peak) in enumerate(PLACES):
        assert found.x[i] == pytest.approx(x, abs=0.5)
        assert found.y[i] == pytest.approx(y, abs=0.5)
        assert found.flux[i] == pytest.approx(peak * 2 * np.pi * 20, rel=0.1)
        assert found.area[i] == (found.segmentation == found.label[i]).sum()


def test_neighbours_that_touch_are_split_unless_told_otherwise():
    pair = known_sky([(100, 100, 800.0), (114, 104, 600.0)])
    assert len(detect(pair)) == 2
    assert len(detect(pair, DetectionSettings(deblend_contrast=1))) == 1


def test_noise_alone_and_blank_sky_hold_nothing():
    assert len(detect(known_sky([]), DetectionSettings(threshold=3.0))) == 0
    blank = detect(np.full((100, 120), 7.0))
    assert len(blank) == 0
    assert blank.segmentation.shape == (100, 120)
    assert not blank.segmentation.any()


def test_pixels_without_a_value_are_left_out():
    sky = known_sky()
    sky[:, 80:100] = np.nan
    found = detect(sky)
    assert not found.segmentation[:, 80:100].any()
    x, y, _ = PLACES[0]
    assert np.hypot(found.x[0] - x, found.y[0] - y) < 0.5


def test_three_colours_are_averaged():
    sky = known_sky()
    colour = np.stack([sky * 1.5, sky, sky * 0.5], axis=2)
    np.testing.assert_allclose(detect(colour).x, detect(sky).x)


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((4, 100, 100)), r"\(H, W\) or \(H, W, 3\)"),
        (np.zeros((40, 100)), "100×40 pixels, smaller than one background box"),
        (np.full((100, 100), np.nan), "no pixel of the image is finite"),
    ],
)
def test_images_that_cannot_be_searched_are_refused(image, message):
    with pytest.raises(ImageError, match=message):
        detect(image)


def test_deep_field_gives_hundreds_of_centred_galaxies(deep_field):
    found = detect(deep_field)
    assert len(found) > 400
    assert (np.diff(found.flux) <= 0).all()
    tree = cKDTree(np.column_stack([found.x, found.y]))
    assert tree.query_pairs(3.0) == set()
    light = deep_field.mean(axis=2)
    cutouts = [cut_out(light, x, y, 64) for x, y in zip(found.x, found.y, strict=True)]
    whole = [c for c in cutouts if c is not None]
    assert len(whole) > 350
    brighter = [c[28:36, 28:36].mean() > 1.5 * np.median(c) for c in whole]
    assert np.mean(brighter) > 0.97


@given(st.floats(0, 59), st.floats(0, 39), st.integers(1, 70))
@settings(deadline=None)
def test_a_cutout_is_what_padding_the_whole_image_would_give(x, y, size):
    image = np.arange(1, 40 * 60 + 1).reshape(40, 60)
    padded = np.pad(image, 80)
    left, top = cutout_corner(x, size) + 80, cutout_corner(y, size) + 80
    expected = padded[top : top + size, left : left + size]
    np.testing.assert_array_equal(cut_out(image, x, y, size, edge="pad"), expected)
    dropped = cut_out(image, x, y, size)
    assert (dropped is None) == (expected == 0).any()
    if dropped is not None:
        np.testing.assert_array_equal(dropped, expected)


@given(st.floats(0, 1000), st.integers(1, 200))
def test_the_position_lies_within_half_a_pixel_of_the_middle(centre, size):
    middle = cutout_corner(centre, size) + (size - 1) / 2
    assert abs(middle - centre) <= 0.5 + 1e-9


def test_a_cutout_is_a_copy_and_keeps_colour(deep_field):
    cutout = cut_out(deep_field, 300.2, 400.7, 64)
    assert cutout.shape == (64, 64, 3)
    assert cutout.dtype == np.uint8
    before = deep_field[400, 300].copy()
    cutout[:] = 0
    np.testing.assert_array_equal(deep_field[400, 300], before)


def test_positions_and_sizes_that_make_no_sense_are_refused():
    image = np.zeros((40, 60))
    with pytest.raises(ImageError, match="is not on the image of 60×40"):
        cut_out(image, 60.0, 5.0, 8)
    with pytest.raises(ImageError, match="is not on the image"):
        cut_out(image, np.nan, 5.0, 8)
    with pytest.raises(ImageError, match="at least 1 pixel, not 0"):
        cut_out(image, 5.0, 5.0, 0)
