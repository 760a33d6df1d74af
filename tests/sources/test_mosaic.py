"""One large image, from which objects are detected and cut out."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from PIL import Image

from skylore.errors import SourceError
from skylore.imaging.detect import DetectionSettings
from skylore.imaging.render import Rendering
from skylore.sources.base import Source
from skylore.sources.mosaic import MosaicSource, hubble_deep_field

# Brightest first, as (x, y, peak); the last is too near to the edge for a cutout.
GALAXIES = [(60, 150, 900.0), (150, 60, 700.0), (190, 190, 500.0), (6, 100, 300.0)]
HEIGHT, WIDTH = 240, 260


def sky(bands: int = 1) -> np.ndarray:
    noise = np.random.default_rng(3).normal(10.0, 1.0, (bands, HEIGHT, WIDTH))
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    light = sum(p * np.exp(-((x - a) ** 2 + (y - b) ** 2) / 50) for a, b, p in GALAXIES)
    return (noise + light).astype(np.float32)


def wcs() -> WCS:
    system = WCS(naxis=2)
    system.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    system.wcs.crval, system.wcs.crpix, system.wcs.cdelt = [10.0, 20.0], [1, 1], [-1e-4, 1e-4]
    return system


def read(source: MosaicSource) -> list[dict[str, object]]:
    wanted = np.ones(len(source.ids()), dtype=bool)
    return [row for batch in source.batches(wanted, 2) for row in batch.objects.to_pylist()]


def pixels(data: object) -> np.ndarray:
    return np.array(Image.open(io.BytesIO(data)))


def test_objects_of_a_fits_field_have_place_brightness_and_picture(tmp_path: Path) -> None:
    bands = [fits.ImageHDU(band, wcs().to_header()) for band in sky(2)]
    for band, name in zip(bands, "gr", strict=True):
        band.header["FILTER"] = name
    fits.HDUList([fits.PrimaryHDU(), *bands]).writeto(tmp_path / "field.fits")
    source = MosaicSource(tmp_path / "field.fits", size=32)
    assert isinstance(source, Source)
    assert source.ids().to_pylist() == ["field-00001", "field-00002", "field-00003"]
    assert source.edge_dropped == 1
    rows = read(source)
    places = [(row["x"], row["y"]) for row in rows]
    assert np.allclose(places, [g[:2] for g in GALAXIES[:3]], atol=0.3)
    fluxes = [row["detection_flux"] for row in rows]
    assert fluxes == sorted(fluxes, reverse=True)
    assert all(row["detection_area"] >= 80 for row in rows)
    expected = wcs().pixel_to_world_values(*np.array(places).T)
    assert np.allclose([(row["ra"], row["dec"]) for row in rows], np.transpose(expected))
    assert json.loads(rows[0]["image_rendering"])["bands"] == ["r", "g"]


def test_cutouts_of_fits_are_turned_because_its_rows_count_from_the_bottom(tmp_path: Path) -> None:
    fits.PrimaryHDU(sky()[0]).writeto(tmp_path / "f.fits")
    rendering = Rendering(bands=("band",))
    turned = read(MosaicSource(tmp_path / "f.fits", size=32))
    straight = read(MosaicSource(sky(), name="f", size=32, rendering=rendering))
    assert len(turned) == len(straight) == 3
    for one, other in zip(turned, straight, strict=True):
        assert np.array_equal(pixels(one["image"])[::-1], pixels(other["image"]))
        assert (one["x"], one["y"]) == (other["x"], other["y"])
        assert json.loads(one["image_rendering"])["flip"] == "vertical"
        assert "flip" not in json.loads(other["image_rendering"])


def test_cutouts_of_pictures_are_their_own_pixels(tmp_path: Path) -> None:
    grey = (8 * np.sqrt(np.clip(sky()[0], 0, 1000))).astype(np.uint8)
    drawn = np.repeat(grey[..., None], 3, axis=2)
    Image.fromarray(drawn).save(tmp_path / "p.png")
    for row in read(MosaicSource(tmp_path / "p.png", size=33)):
        left, top = round(row["x"]) - 16, round(row["y"]) - 16
        assert np.array_equal(pixels(row["image"]), drawn[top : top + 33, left : left + 33])
        assert row["image_rendering"] == "cut out without resampling"
        assert "ra" not in row


def test_ids_do_not_depend_on_the_size_of_cutouts_or_their_number() -> None:
    small = MosaicSource(sky(), name="f", size=12)
    assert small.ids().to_pylist() == ["f-00001", "f-00002", "f-00003", "f-00004"]
    assert small.edge_dropped == 0
    large = MosaicSource(sky(), name="f", size=110)
    assert large.ids().to_pylist() == ["f-00001", "f-00002"]
    few = MosaicSource(sky(), name="f", size=12, max_objects=2)
    assert read(few) == read(small)[:2]


def test_only_wanted_objects_are_cut_out() -> None:
    source = MosaicSource(sky(), name="f", size=12)
    (batch,) = source.batches(np.array([False, True, False, True]), 5)
    assert batch.objects["id"].to_pylist() == ["f-00002", "f-00004"]


def test_pixels_without_data_do_not_stop_detection() -> None:
    field = sky()
    field[0, :, 220:] = np.nan
    field[0, 148, 60] = np.nan
    assert MosaicSource(field, name="f", size=12).ids().to_pylist()[:2] == ["f-00001", "f-00002"]


def test_settings_are_json_and_tell_everything() -> None:
    source = MosaicSource(sky(), name="f", size=20, rendering=Rendering(bands=("r",)))
    settings = json.loads(json.dumps(source.settings))
    assert settings["size"] == 20
    assert settings["detection"]["threshold"] == DetectionSettings().threshold
    assert settings["rendering"]["bands"] == ["r"]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MosaicSource(sky()), "needs name="),
        (lambda: MosaicSource(sky(), name="f", size=4), "at least 8 pixels"),
        (lambda: MosaicSource(sky(), name="f", max_objects=0), "max_objects is positive"),
        (lambda: MosaicSource("nowhere.png").ids(), "There is nothing at"),
        (lambda: MosaicSource(sky().astype(int), name="f").ids(), "is no mosaic"),
        (
            lambda: MosaicSource(sky(2), name="f", rendering=Rendering(bands=("r",))).ids(),
            "names 1 bands, but the array has 2",
        ),
        (
            lambda: MosaicSource(
                np.zeros((99, 99, 3), np.uint8), name="f", rendering=Rendering(bands=("r",))
            ).ids(),
            "drawn already",
        ),
        (
            lambda: MosaicSource(np.zeros((99, 99, 3), np.uint8), name="f").ids(),
            "0 sources were detected",
        ),
    ],
)
def test_what_cannot_be_done_is_refused(make, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        make()


def test_images_beyond_the_limit_or_damaged_are_refused_by_name(tmp_path: Path) -> None:
    Image.new("RGB", (100, 100)).save(tmp_path / "a.png")
    with pytest.raises(SourceError, match=r"a\.png: .*more than the limit"):
        MosaicSource(tmp_path / "a.png", max_pixels=9_999).ids()
    fits.PrimaryHDU(sky()).writeto(tmp_path / "a.fits")
    with pytest.raises(SourceError, match=r"a\.fits: it has 62,400 samples"):
        MosaicSource(tmp_path / "a.fits", max_pixels=9_999).ids()
    (tmp_path / "a.png").write_bytes((tmp_path / "a.png").read_bytes()[:60])
    with pytest.raises(SourceError, match=r"a\.png: "):
        MosaicSource(tmp_path / "a.png").ids()


def test_the_hubble_deep_field_holds_hundreds_of_galaxies_without_positions() -> None:
    source = hubble_deep_field(max_objects=50)
    ids = source.ids().to_pylist()
    assert len(ids) == 50
    assert ids == hubble_deep_field().ids().to_pylist()[:50]
    assert 200 < len(hubble_deep_field().ids()) < 2000
    (batch,) = source.batches(np.arange(50) < 3, 10)
    assert batch.objects.num_rows == 3
    assert {"ra", "dec"}.isdisjoint(batch.objects.schema.names)
    assert pixels(batch.objects["image"][0].as_py()).shape == (64, 64, 3)
