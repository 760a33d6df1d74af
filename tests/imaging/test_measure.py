"""Measurement on drawn galaxies of known shape, and on images with nothing to measure."""

import warnings
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from skylore.errors import ImageError
from skylore.imaging.decode import decode
from skylore.imaging.measure import MEASUREMENT_SCHEMA, measure
from skylore.imaging.measurements import FLAG_BAD, FLAG_GOOD, FLAG_NO_SOURCE
from skylore.imaging.segment import segment_scene

SDSS = Path(__file__).parents[3] / "shared/data/gz1_sdss.parquet"


def disk(size=80, *, x=None, y=None, ratio=1.0, angle=0.0, scale=8.0, peak=150.0):
    """Exponential disk; ``angle`` counterclockwise as displayed, in degrees."""
    x = (size - 1) / 2 if x is None else x
    y = (size - 1) / 2 if y is None else y
    rows, columns = np.mgrid[:size, :size]
    turn = np.radians(angle)
    along = (columns - x) * np.cos(turn) - (rows - y) * np.sin(turn)
    across = (columns - x) * np.sin(turn) + (rows - y) * np.cos(turn)
    return peak * np.exp(-np.hypot(along, across / ratio) / scale)


def spiral(size=80, winding=4.0, amplitude=0.5):
    rows, columns = np.mgrid[:size, :size] - (size - 1) / 2
    radius = np.hypot(rows, columns) + 1
    arms = np.cos(2 * np.arctan2(rows, columns) - winding * np.log(radius))
    return disk(size, scale=10) * (1 + amplitude * arms * (radius > 4))


def display(light, colour=(1.0, 0.9, 0.8), noise=2.0, sky=8.0, seed=0):
    rng = np.random.default_rng(seed)
    image = light[..., None] * np.array(colour) + rng.normal(sky, noise, (*light.shape, 3))
    return np.rint(image.clip(0, 255)).astype(np.uint8)


def test_gives_one_value_for_each_column_of_the_schema():
    row = measure(display(disk()))
    assert list(row) == MEASUREMENT_SCHEMA.names
    table = pa.Table.from_pylist([row], schema=MEASUREMENT_SCHEMA)
    assert table.num_rows == 1
    for field in MEASUREMENT_SCHEMA:
        assert field.metadata[b"description"]


def test_is_deterministic_and_does_not_change_the_image():
    image = display(spiral())
    before = image.copy()
    first, second = measure(image), measure(image)
    assert np.array_equal(list(first.values()), list(second.values()), equal_nan=True)
    np.testing.assert_array_equal(image, before)


def test_measures_size_and_exponential_profile():
    row = measure(display(disk(scale=7)))
    assert row["measure_flag"] == FLAG_GOOD
    assert row["half_light_radius"] == pytest.approx(1.678 * 7, rel=0.1)
    assert row["sersic_n"] == pytest.approx(1.0, abs=0.15)
    assert row["sersic_half_light_radius"] == pytest.approx(1.678 * 7, rel=0.1)
    assert row["ellipticity"] < 0.08
    assert row["offset"] < 0.5
    assert row["companions"] == 0
    assert np.isnan(row["nearest_companion"])
    assert row["contact_ratio"] == 0


@pytest.mark.parametrize("angle", [0.0, 30.0, 90.0, 150.0])
@pytest.mark.parametrize("ratio", [0.25, 0.6])
def test_measures_axis_ratio_and_orientation(ratio, angle):
    row = measure(display(disk(ratio=ratio, angle=angle)))
    assert row["ellipticity"] == pytest.approx(1 - ratio, abs=0.12)
    assert abs((row["orientation"] - angle + 90) % 180 - 90) < 4


def test_half_turns_and_mirrors_change_nothing_that_matters():
    image = display(spiral())
    row, turned, mirrored = (
        measure(np.ascontiguousarray(i)) for i in (image, image[::-1, ::-1], image[:, ::-1])
    )
    for name in ("ellipticity", "half_light_radius", "gini", "arm_strength", "colour", "flux"):
        assert turned[name] == pytest.approx(row[name], rel=0.05, abs=0.01)
        assert mirrored[name] == pytest.approx(row[name], rel=0.05, abs=0.01)


def test_arms_stand_out_and_bars_do_not_pass_for_arms():
    smooth = measure(display(disk(scale=10)))
    wound = measure(display(spiral()))
    straight = measure(display(spiral(winding=0.0)))
    assert wound["arm_strength"] > 0.15
    assert wound["arm_strength"] > 5 * smooth["arm_strength"]
    assert wound["arm_strength"] > 3 * straight["arm_strength"]
    assert wound["residual"] > 3 * smooth["residual"]


@pytest.mark.parametrize("arms", [1, 2, 3, 5])
def test_fine_structure_knows_no_number_of_arms(arms):
    rows, columns = np.mgrid[:80, :80] - 39.5
    wave = np.cos(arms * np.arctan2(rows, columns) - 6 * np.log(np.hypot(rows, columns) + 1))
    smooth, wound = disk(scale=10), disk(scale=10) * (1 + 0.3 * wave)
    plain, row = measure(display(smooth)), measure(display(wound))
    assert row["fine_structure"] > 3 * plain["fine_structure"]
    assert row["residual"] > 3 * plain["residual"]


def test_a_steep_small_smooth_source_has_no_structure():
    wound = measure(display(spiral(amplitude=0.3)))
    for ratio in (1.0, 0.5):
        small = measure(display(disk(ratio=ratio, scale=2.5, peak=200)))
        assert small["fine_structure"] < 0.5 * wound["fine_structure"]
        assert small["residual"] < 0.5 * wound["residual"]


def test_structure_of_bright_light_survives_an_asinh_stretch():
    def stretched(light):
        return 255 * np.arcsinh(0.5 * light) / np.arcsinh(0.5 * 1000)

    rows, columns = np.mgrid[:80, :80] - 39.5
    wave = np.cos(3 * np.arctan2(rows, columns) - 8 * np.log(np.hypot(rows, columns) + 1))
    smooth = disk(scale=4.5, peak=900)
    plain = measure(display(stretched(smooth)))
    row = measure(display(stretched(smooth * (1 + 0.4 * wave))))
    assert row["fine_structure"] > max(3 * plain["fine_structure"], 0.03)
    assert row["residual"] > max(3 * plain["residual"], 0.1)


def star(turn=0.0, arms=4, spikes=60.0):
    rows, columns = np.mgrid[:80, :80] - 39.5
    radius = np.hypot(rows, columns)
    light = 600 / (1 + (radius / 3) ** 2) ** 1.5
    for angle in turn + np.arange(arms) * 2 * np.pi / arms:
        along = columns * np.cos(angle) + rows * np.sin(angle)
        across = rows * np.cos(angle) - columns * np.sin(angle)
        light += spikes * np.exp(-0.5 * across**2) * np.exp(-radius / 25) * (along > 0)
    return light


@pytest.mark.parametrize("turn", [0.0, 0.4, np.pi / 4])
def test_a_cross_of_spikes_marks_a_star_however_it_is_turned(turn):
    assert measure(display(star(turn)))["spikes"] > 0.5


@pytest.mark.parametrize(
    "light",
    [
        star(spikes=0),
        star(arms=2),
        star(arms=3),
        disk(ratio=0.2, angle=30),
        spiral(),
        disk(scale=4),
    ],
    ids=["no spikes", "line", "three", "edge-on", "spiral", "round"],
)
def test_no_galaxy_and_no_other_symmetry_has_a_cross(light):
    row = measure(display(light))
    assert row["spikes"] < 0.15 or np.isnan(row["spikes"])


def test_lopsided_light_is_noticed():
    lopsided = disk(scale=9, peak=110) + disk(x=50, scale=5, peak=80)
    plain = measure(display(disk(scale=9)))
    row = measure(display(lopsided))
    for name in ("lopsidedness", "asymmetry", "deviation"):
        assert row[name] > 2 * plain[name]


def test_colour_is_that_of_the_source_not_the_sky():
    red = measure(display(disk(), colour=(1.0, 0.8, 0.5)))
    blue = measure(display(disk(), colour=(0.5, 0.8, 1.0)))
    assert red["colour"] == pytest.approx(2.5 * np.log10(2.0), abs=0.1)
    assert blue["colour"] == pytest.approx(-2.5 * np.log10(2.0), abs=0.1)


def test_a_red_bulge_gives_a_colour_gradient():
    image = display(disk(scale=10, peak=100), colour=(0.7, 0.8, 1.0)).astype(int)
    image += display(disk(scale=3, peak=100), colour=(1.0, 0.6, 0.3), sky=0, noise=0)
    assert measure(image.clip(0, 255).astype(np.uint8))["colour_gradient"] > 0.3


def test_a_galaxy_in_contact_is_separated_and_weighed():
    pair = disk(x=32, scale=5) + disk(x=53, scale=5, peak=110)
    row = measure(display(pair))
    assert row["companions"] == 1
    assert 0.4 < row["contact_ratio"] < 0.95
    assert row["contact_distance"] * row["half_light_radius"] == pytest.approx(21, abs=2)


def test_a_star_in_contact_is_a_companion_but_no_contact():
    rows, columns = np.mgrid[:80, :80]
    star = 240 * np.exp(-((rows - 40) ** 2 + (columns - 62) ** 2) / (2 * 1.3**2))
    row = measure(display(disk(scale=9, peak=130) + star))
    assert row["contact_ratio"] == 0


def test_arms_are_not_taken_for_neighbours():
    scene = segment_scene(display(spiral(amplitude=0.4)).astype(float).mean(axis=2))
    assert (scene.labels == scene.central).sum() > 0.9 * (scene.blends == scene.blends.max()).sum()
    assert measure(display(spiral()))["companions"] == 0


def test_the_central_source_wins_over_a_brighter_one_at_the_rim():
    row = measure(display(disk(scale=5, peak=90) + disk(x=8, y=8, scale=5, peak=200)))
    assert row["offset"] < 2


def test_large_images_keep_their_pixels_as_the_unit():
    small = measure(display(disk(80, scale=7), noise=1.0))
    large = measure(display(disk(160, scale=14), noise=1.0))
    for name, factor in {"half_light_radius": 2, "petrosian_radius": 2, "area": 4}.items():
        assert large[name] == pytest.approx(factor * small[name], rel=0.25)
    assert large["concentration"] == pytest.approx(small["concentration"], rel=0.1)


BLANK = np.zeros((64, 64, 3), np.uint8)


@pytest.mark.parametrize(
    "image",
    [
        BLANK,
        BLANK + 255,
        BLANK[:20, :10],
        BLANK[:8, :1],
        display(disk(x=4, y=4, scale=3)),
        np.full((30, 400, 3), 9, np.uint8),
    ],
    ids=["black", "white", "small", "line", "off-centre", "strip"],
)
def test_nothing_at_the_middle_is_flagged_and_all_is_nan(image):
    row = measure(image)
    assert row.pop("measure_flag") == FLAG_NO_SOURCE
    assert np.isnan(list(row.values())).all()


def test_a_saturated_source_is_flagged_bad_but_its_shape_is_kept():
    rows, columns = np.mgrid[:80, :80]
    image = BLANK.repeat(2, 0)[:80].repeat(2, 1)[:, :80].copy()
    image[np.hypot((rows - 40) / 2, columns - 40) < 9] = 255
    row = measure(image)
    assert row["measure_flag"] == FLAG_BAD
    assert row["ellipticity"] == pytest.approx(0.5, abs=0.05)
    assert np.isnan(row["gini"])
    assert row["saturation"] > 0.5


@pytest.mark.parametrize("seed", range(4))
def test_odd_images_raise_nothing_and_warn_of_nothing(seed):
    rng = np.random.default_rng(seed)
    noise = rng.integers(0, 256, (64, 64, 3)).astype(np.uint8)
    block = BLANK.copy()
    block[20:45, 20:45] = rng.integers(0, 256, 3)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for image in (noise, block, noise & 1):
            assert measure(image)["measure_flag"] in {0, 1, 2, 4}
    assert not caught


@pytest.mark.parametrize(
    "image", [np.zeros((64, 64), np.uint8), np.zeros((64, 64, 3)), np.zeros((0, 9, 3), np.uint8)]
)
def test_anything_but_a_display_image_is_refused(image):
    with pytest.raises(ImageError, match=r"\(H, W, 3\) uint8"):
        measure(image)


@pytest.mark.skipif(not SDSS.exists(), reason="needs ../shared/data/gz1_sdss.parquet")
def test_edge_on_galaxies_of_sdss_are_flat_and_ellipticals_smooth():
    import pyarrow.parquet as pq

    table = pq.read_table(SDSS, columns=["image", "gz1_class"])
    classes = np.array(table["gz1_class"].to_pylist())
    rows = {}
    for name in ("edge-on", "elliptical", "spiral-clockwise"):
        chosen = np.flatnonzero(classes == name)[:12]
        rows[name] = [measure(decode(table["image"][int(i)].as_py())) for i in chosen]
    middle = {
        name: {k: np.nanmedian([r[k] for r in some]) for k in ("ellipticity", "residual", "colour")}
        for name, some in rows.items()
    }
    assert middle["edge-on"]["ellipticity"] > middle["elliptical"]["ellipticity"] + 0.15
    assert middle["spiral-clockwise"]["residual"] > middle["elliptical"]["residual"]
    assert middle["spiral-clockwise"]["colour"] < middle["elliptical"]["colour"]
