"""FITS cutouts."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from skylore.errors import ImageError, SourceError
from skylore.imaging.render import Rendering, render_bands
from skylore.sources.bands import band_names, reddest_first, unique_names
from skylore.sources.base import Source, SourceBatch
from skylore.sources.fits import FitsCutoutSource
from skylore.sources.fits_images import read_fits_image

RNG = np.random.default_rng(5)
SIZE = 24


def flux(peak: float = 50.0) -> np.ndarray:
    """A source in the lower left of the sky: rows count from the bottom."""
    y, x = np.mgrid[:SIZE, :SIZE]
    blob = peak * np.exp(-((x - 6) ** 2 + (y - 6) ** 2) / 8)
    return (blob + RNG.normal(0, 0.1, (SIZE, SIZE))).astype(np.float32)


def header(ra: float = 150.0, dec: float = 2.0, frame: str = "RA---TAN") -> fits.Header:
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = [frame, frame.replace("RA--", "DEC-").replace("GLON", "GLAT")]
    wcs.wcs.crval, wcs.wcs.crpix = [ra, dec], [(SIZE + 1) / 2, (SIZE + 1) / 2]
    wcs.wcs.cdelt = [-0.0001, 0.0001]
    return wcs.to_header()


def write_bands(path: Path, bands: dict[str, np.ndarray], head: fits.Header | None = None) -> None:
    hdus = [fits.ImageHDU(data, head) for data in bands.values()]
    for hdu, name in zip(hdus, bands, strict=True):
        hdu.header["EXTNAME"] = name
    path.parent.mkdir(parents=True, exist_ok=True)
    fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(path)


def read(source: FitsCutoutSource) -> SourceBatch:
    (batch,) = source.batches(np.ones(len(source.ids()), dtype=bool), 100)
    return batch


def pixels(data: bytes) -> np.ndarray:
    return np.array(Image.open(io.BytesIO(data)))


def test_bands_are_drawn_right_way_up_with_position_and_provenance(tmp_path: Path) -> None:
    bands = {"g": flux(20), "r": flux(40), "z": flux(80)}
    write_bands(tmp_path / "north" / "one.fits", bands, header())
    (tmp_path / "readme.txt").write_text("x")
    source = FitsCutoutSource(tmp_path)
    assert isinstance(source, Source)
    assert source.ids().to_pylist() == ["north/one"]
    assert source.other_files == 1
    (row,) = read(source).objects.to_pylist()
    expected = render_bands(
        np.stack([bands["z"], bands["r"], bands["g"]]), Rendering(bands=("z", "r", "g"))
    )
    assert np.array_equal(pixels(row["image"]), expected[::-1])
    brightest = np.unravel_index(pixels(row["image"]).sum(axis=2).argmax(), (SIZE, SIZE))
    assert brightest[0] > SIZE / 2
    assert brightest[1] < SIZE / 2
    assert (row["ra"], row["dec"]) == pytest.approx((150.0, 2.0), abs=1e-9)
    provenance = json.loads(row["image_rendering"])
    assert provenance["bands"] == ["z", "r", "g"]
    assert provenance["flip"] == "vertical"
    assert row["source_item"] == "north/one.fits"


def test_cubes_are_bands_and_big_endian_becomes_native(tmp_path: Path) -> None:
    cube = np.stack([flux(), flux()]).astype(">f8")
    cube[0, 3, 3] = np.nan
    head = fits.Header({"BANDS": "gr"})
    fits.PrimaryHDU(cube[None], head).writeto(tmp_path / "a.fits")
    image = read_fits_image(tmp_path / "a.fits")
    assert image.bands == ("g", "r")
    assert image.flux.dtype == np.float64
    assert image.flux.dtype.isnative
    assert np.isnan(image.flux[0, 3, 3])
    assert np.array_equal(image.flux, cube, equal_nan=True)


def test_scaled_integers_and_compressed_tiles_are_read(tmp_path: Path) -> None:
    counts = (flux() * 10 + 30_000).astype(np.uint16)
    fits.PrimaryHDU(counts).writeto(tmp_path / "scaled.fits")
    compressed = fits.CompImageHDU(counts, compression_type="RICE_1")
    fits.HDUList([fits.PrimaryHDU(), compressed]).writeto(tmp_path / "tiles.fits.fz")
    fits.PrimaryHDU(counts).writeto(tmp_path / "zipped.fits.gz")
    for name in ("scaled.fits", "tiles.fits.fz", "zipped.fits.gz"):
        image = read_fits_image(tmp_path / name)
        assert np.array_equal(image.flux[0], counts), name
        assert image.flux.dtype == np.float32
    assert FitsCutoutSource(tmp_path).ids().to_pylist() == ["scaled", "tiles", "zipped"]


def test_planes_that_describe_others_are_passed_over(tmp_path: Path) -> None:
    write_bands(
        tmp_path / "a.fits", {"SCI": flux(), "ERR": flux(), "VAR_POISSON": flux(), "DQ": flux()}
    )
    assert read_fits_image(tmp_path / "a.fits").bands == ("band",)


def test_a_rendering_chooses_bands_and_missing_ones_are_failures(tmp_path: Path) -> None:
    write_bands(tmp_path / "a.fits", {"g": flux(), "r": flux(), "i": flux()})
    write_bands(tmp_path / "b.fits", {"g": flux(), "i": flux()})
    rendering = Rendering(bands=("r",), stretch=2.0)
    source = FitsCutoutSource(tmp_path, rendering=rendering)
    batch = read(source)
    assert batch.objects["id"].to_pylist() == ["a"]
    assert json.loads(batch.objects["image_rendering"][0].as_py())["stretch"] == 2.0
    assert "band r is missing; the file has g, i" in str(batch.failures[0].error)
    assert json.loads(json.dumps(source.settings))["rendering"]["bands"] == ["r"]


def test_other_frames_are_converted_and_headers_are_the_fallback(tmp_path: Path) -> None:
    write_bands(tmp_path / "galactic.fits", {"r": flux()}, header(0.0, 0.0, "GLON-TAN"))
    fits.PrimaryHDU(flux(), fits.Header({"RA": -10.0, "DEC": 5.0})).writeto(tmp_path / "head.fits")
    fits.PrimaryHDU(flux(), fits.Header({"RA": "10:00:00", "DEC": "5:0:0"})).writeto(
        tmp_path / "sexagesimal.fits"
    )
    fits.PrimaryHDU(flux()).writeto(tmp_path / "none.fits")
    rows = {
        row["id"]: (row["ra"], row["dec"])
        for row in read(FitsCutoutSource(tmp_path)).objects.to_pylist()
    }
    assert rows["galactic"] == pytest.approx((266.405, -28.936), abs=1e-3)
    assert rows["head"] == (350.0, 5.0)
    assert rows["sexagesimal"] == rows["none"] == (None, None)


@pytest.mark.parametrize("keep", [0.2, 0.6, 0.9])
def test_truncated_files_are_failures(tmp_path: Path, keep: float) -> None:
    for name in ("a.fits", "b.fits.gz"):
        fits.PrimaryHDU(RNG.normal(size=(64, 64)).astype(np.float32)).writeto(tmp_path / name)
        data = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(data[: int(keep * len(data))])
    batch = read(FitsCutoutSource(tmp_path))
    assert batch.objects.num_rows == 0
    assert [failure.id for failure in batch.failures] == ["a", "b"]
    assert all(isinstance(failure.error, ImageError) for failure in batch.failures)


def test_files_without_usable_images_are_failures_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "a.fits").write_bytes(b"")
    (tmp_path / "b.fits").write_bytes(b"no FITS" * 1000)
    fits.PrimaryHDU().writeto(tmp_path / "c.fits")
    write_bands(tmp_path / "d.fits", {"g": flux(), "r": flux()[:-1]})
    fits.PrimaryHDU(np.full((9, 9), np.nan)).writeto(tmp_path / "e.fits")
    fits.PrimaryHDU(np.zeros((2, 2, 9, 9))).writeto(tmp_path / "f.fits")
    batch = read(FitsCutoutSource(tmp_path))
    reasons = {failure.id: str(failure.error) for failure in batch.failures}
    assert batch.objects.num_rows == 0
    assert "cannot be read as FITS" in reasons["a"]
    assert "cannot be read as FITS" in reasons["b"]
    assert "holds no image" in reasons["c"]
    assert "different shapes" in reasons["d"]
    assert "no pixel is finite" in reasons["e"]
    assert "no stack of bands" in reasons["f"]


def test_an_image_larger_than_the_limit_is_refused_by_its_header(tmp_path: Path) -> None:
    fits.PrimaryHDU(flux()).writeto(tmp_path / "a.fits")
    with pytest.raises(ImageError, match="it has 576 samples; the limit is 500"):
        read_fits_image(tmp_path / "a.fits", max_samples=500)


def test_a_file_that_swells_when_decompressed_is_refused(tmp_path: Path) -> None:
    fits.PrimaryHDU(np.zeros((5000, 1000), np.float32)).writeto(tmp_path / "a.fits.gz")
    with pytest.raises(ImageError, match="decompresses to more than 16,777,296 bytes"):
        read_fits_image(tmp_path / "a.fits.gz", max_samples=10)


@pytest.mark.parametrize(
    "keys",
    [
        {"CTYPE1": "HPLN-TAN", "CTYPE2": "HPLT-TAN"},
        {"CTYPE1": "RA---XXX", "CTYPE2": "DEC--XXX"},
        {"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CDELT1": 0.0, "CDELT2": 0.0},
        {"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "RADESYS": "nonsense"},
        {"CTYPE1": "FREQ", "CTYPE2": "STOKES"},
    ],
)
def test_coordinate_systems_that_give_no_sky_position_leave_none(
    tmp_path: Path, keys: dict[str, str | float]
) -> None:
    fits.PrimaryHDU(flux(), fits.Header(keys)).writeto(tmp_path / "a.fits")
    (row,) = read(FitsCutoutSource(tmp_path)).objects.to_pylist()
    assert (row["ra"], row["dec"]) == (None, None)


def test_folders_without_fits_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"none of its 0 files ends in \.fits"):
        FitsCutoutSource(tmp_path).ids()
    with pytest.raises(SourceError, match="is not a folder"):
        FitsCutoutSource(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("names", "ordered"),
    [
        (["g", "r", "z"], ("z", "r", "g")),
        (["z", "u", "r"], ("z", "r", "u")),
        (["DES-G", "DES-I", "DES-R"], ("DES-I", "DES-R", "DES-G")),
        (["J", "Ks", "H"], ("Ks", "H", "J")),
        (["F435W", "F606W", "F850LP"], ("F850LP", "F606W", "F435W")),
    ],
)
def test_bands_are_ordered_from_red_to_blue(names: list[str], ordered: tuple[str, ...]) -> None:
    assert reddest_first(names) == ordered


@given(st.lists(st.sampled_from(["g", "r", "z", "x", "F606W", "g (2)"]), max_size=8))
def test_band_names_become_unique_and_ordering_loses_none(names: list[str]) -> None:
    unique = unique_names(names)
    assert len(set(unique)) == len(names)
    assert sorted(reddest_first(unique)) == sorted(unique)


@pytest.mark.parametrize(
    ("keys", "count", "names"),
    [
        ({"FILTER": "F606W", "EXTNAME": "SCI"}, 1, ["F606W"]),
        ({"EXTNAME": "SCI"}, 1, ["band"]),
        ({"EXTNAME": "g"}, 1, ["g"]),
        ({"BANDS": "grz"}, 3, ["g", "r", "z"]),
        ({"BANDS": "u, g"}, 2, ["u", "g"]),
        ({"BAND0": "g", "BAND1": "z"}, 2, ["g", "z"]),
        ({"BAND1": "g", "BAND2": "z"}, 2, ["g", "z"]),
        ({}, 2, ["band 1", "band 2"]),
    ],
)
def test_bands_are_named_by_their_headers(
    keys: dict[str, str], count: int, names: list[str]
) -> None:
    assert band_names(keys, count) == names
