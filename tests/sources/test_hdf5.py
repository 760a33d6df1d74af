"""HDF5 files of the Multimodal Universe."""

from __future__ import annotations

import io
from pathlib import Path

import h5py
import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from skylore.archive.table import Archive
from skylore.errors import SourceError
from skylore.imaging.flux import BANDS as BANDS_COLUMN
from skylore.imaging.flux import FLUX, SHAPE, read_flux
from skylore.imaging.render import Rendering, render_bands
from skylore.intake.ingest import IngestOptions, ingest
from skylore.intake.join import join_catalogue
from skylore.sources.base import Source
from skylore.sources.hdf5 import Hdf5Source
from skylore.sources.open import detect_kind, open_source
from skylore.sources.tables import read_catalogue
from sources.universe_files import BANDS, galaxy, places, write_universe

QUIET = IngestOptions(progress=False)


def read(source: Source, rows: int = 100):
    batches = list(source.batches(np.ones(len(source.ids()), bool), rows))
    failures = [failure for batch in batches for failure in batch.failures]
    return pa.concat_tables([batch.objects for batch in batches]), failures


def pixels(png: bytes) -> np.ndarray:
    return np.array(Image.open(io.BytesIO(png)))


def drawn(flux: np.ndarray, bands=("des-z", "des-i", "des-r", "des-g")) -> np.ndarray:
    """Draw as FITS cutouts are drawn: the reddest band first, the last row on top."""
    order = [BANDS.index(band) for band in bands]
    return render_bands(flux[order], Rendering(bands=bands))[::-1]


def test_a_survey_is_read_with_its_images_positions_and_catalogue(tmp_path: Path) -> None:
    folder = write_universe(tmp_path / "dr10_south_21")
    assert detect_kind(str(folder)) == "hdf5"
    source = open_source(str(folder))
    table, failures = read(source, rows=3)
    assert failures == []
    assert table["id"].to_pylist() == [
        f"brick-{n:03d}" for n in [*range(0, 10, 2), *range(1, 10, 2)]
    ]
    ra, dec = places(10)
    np.testing.assert_allclose(table["ra"].to_numpy(), ra[[*range(0, 10, 2), *range(1, 10, 2)]])
    np.testing.assert_allclose(np.sort(table["dec"].to_numpy()), np.sort(dec))
    assert table["TYPE"].to_pylist() == ["SER"] * 10
    assert table["EBV"].to_pylist()[:5] == [0, 0.25, 0.5, 0.75, 1]
    np.testing.assert_array_equal(pixels(table["image"][1].as_py()), drawn(galaxy(2)))
    assert '"bands": ["des-z", "des-i", "des-r", "des-g"]' in table["image_rendering"][1].as_py()
    assert table["source_item"][5].as_py() == "healpix=1001/001-of-001.hdf5:0"
    assert {"image_ivar", "image_mask", "image_psf_fwhm"} <= set(source.left_out)


def test_it_goes_into_an_archive_and_on_after_an_interruption(tmp_path: Path) -> None:
    folder = write_universe(tmp_path / "survey")
    archive = Archive.create(tmp_path / "a.skylore")
    first = ingest(archive, open_source(str(folder)), QUIET.model_copy(update={"limit": 7}))
    again = ingest(archive, open_source(str(folder)), QUIET)
    assert (first.added, again.added, again.already, again.failed) == (7, 3, 7, 0)
    rows = archive.read(["id", "image_width", "healpix", "_healpix_29"]).to_pylist()
    assert {row["image_width"] for row in rows} == {24}
    assert len({row["id"] for row in rows}) == len(archive) == 10
    assert all(row["_healpix_29"] is not None for row in rows)


def test_flux_is_kept_where_it_is_asked_for(tmp_path: Path) -> None:
    folder = write_universe(tmp_path / "survey")
    archive = Archive.create(tmp_path / "a.skylore")
    ingest(archive, open_source(str(folder), keep_flux=True), QUIET)
    table = archive.read(["id", "image", BANDS_COLUMN, SHAPE, FLUX])
    for name, cutout in zip(table["id"].to_pylist(), read_flux(table), strict=True):
        assert cutout is not None
        assert cutout.bands == BANDS
        np.testing.assert_array_equal(cutout.flux, galaxy(int(name[-3:])))
    assert table["image"].null_count == 0


def test_bad_images_are_set_aside_and_bands_never_observed_are_not_drawn(tmp_path: Path) -> None:
    folder = write_universe(tmp_path / "survey", files=1)
    with h5py.File(folder / "healpix=1000" / "001-of-001.hdf5", "a") as file:
        file["image_array"][3] = np.nan
        file["image_array"][4, 2] = 0
        file["image_array"][5, 2] = np.nan
    table, failures = read(Hdf5Source(folder))
    assert [failure.id for failure in failures] == ["brick-003"]
    assert "no pixel is finite" in str(failures[0].error)
    rows = dict(zip(table["id"].to_pylist(), table["image"].to_pylist(), strict=True))
    for number in (4, 5):
        expected = drawn(galaxy(number), ("des-z", "des-r", "des-g"))
        np.testing.assert_array_equal(pixels(rows[f"brick-{number:03d}"]), expected)


def one_file(path: Path, **datasets: object) -> Path:
    with h5py.File(path, "w") as file:
        for name, values in datasets.items():
            file[name.replace("__", "/")] = values
    return path


def test_bands_may_be_named_once_a_file_and_images_may_lie_in_a_group(tmp_path: Path) -> None:
    flux = np.stack([galaxy(n, 3) for n in range(5)]).astype(">f8")
    path = one_file(
        tmp_path / "a.h5",
        object_id=np.arange(5),
        image__array=flux,
        image__band=np.array([b"g", b"r", b"z"]),
        image__ivar=flux,
        pca=np.eye(5, 7, dtype=np.float16),
        settings=np.arange(3),
    )
    source = Hdf5Source(path, vector_column="pca")
    table, failures = read(source)
    assert (failures, source.ids().type) == ([], pa.int64())
    assert table["image_vector"].to_pylist() == np.eye(5, 7).tolist()
    expected = render_bands(galaxy(4, 3)[[2, 1, 0]], Rendering(bands=("z", "r", "g")))[::-1]
    np.testing.assert_array_equal(pixels(table["image"][4].as_py()), expected)
    assert source.remarks[0] == "datasets of another length were left out: settings"


def test_pictures_in_colour_are_kept_as_they_are(tmp_path: Path) -> None:
    colour = np.random.default_rng(0).integers(0, 255, (4, 16, 16, 3), np.uint8)
    ids = np.arange(4)
    path = one_file(tmp_path / "gz10.h5", object_id=ids, images=colour, ans=ids, ra=ids, dec=ids)
    table, _ = read(Hdf5Source(path))
    np.testing.assert_array_equal(pixels(table["image"][2].as_py()), colour[2])
    assert table["ans"].to_pylist() == [0, 1, 2, 3]
    assert "image_rendering" not in table.column_names


def test_a_single_band_without_a_name_is_drawn_grey(tmp_path: Path) -> None:
    path = one_file(tmp_path / "a.h5", object_id=np.arange(3), image=galaxy(0, 3))
    image = pixels(read(Hdf5Source(path))[0]["image"][1].as_py())
    assert (image[..., 0] == image[..., 2]).all()


def test_light_curves_and_spectra_are_no_images(tmp_path: Path) -> None:
    path = one_file(tmp_path / "a.h5", object_id=np.arange(3), flux=np.ones((3, 50), np.float32))
    source = Hdf5Source(path)
    assert "image" not in read(source)[0].column_names
    assert list(source.left_out) == ["flux"]


def test_catalogue_columns_can_be_joined(tmp_path: Path) -> None:
    folder = write_universe(tmp_path / "survey")
    archive = Archive.create(tmp_path / "a.skylore")
    ingest(archive, open_source(str(folder)), QUIET)
    ids = np.array([f"brick-{n:03d}" for n in range(10)], "S16")
    path = one_file(tmp_path / "more.hdf5", object_id=ids, z_spec=np.arange(10.0))
    assert join_catalogue(archive, read_catalogue(path), str(path)).joined == 10
    assert sorted(archive.read(["z_spec"])["z_spec"].to_pylist()) == list(range(10))


@pytest.mark.parametrize("damage", ["empty", "cut", "text", "inside"])
def test_damaged_files_are_named(tmp_path: Path, damage: str) -> None:
    folder = write_universe(tmp_path / "survey")
    path = folder / "healpix=1001" / "001-of-001.hdf5"
    data = bytearray(path.read_bytes())
    if damage == "inside":
        with h5py.File(path) as file:
            place = file["image_array"].id.get_chunk_info(0).byte_offset
        data[place : place + 200] = b"\xff" * 200
    parts = {"empty": b"", "cut": data[: len(data) // 2], "text": b"no", "inside": data}
    path.write_bytes(parts[damage])
    with pytest.raises(SourceError, match=r"healpix=1001/001-of-001.hdf5 cannot be read as HDF5"):
        read(Hdf5Source(folder))


def test_links_to_other_files_are_not_followed(tmp_path: Path) -> None:
    one_file(tmp_path / "secret.h5", key=np.arange(3))
    with h5py.File(one_file(tmp_path / "a.h5", object_id=np.arange(3)), "a") as file:
        file["key"] = h5py.ExternalLink("secret.h5", "key")
    assert "key" not in read(Hdf5Source(tmp_path / "a.h5"))[0].column_names


def test_memory_holds_few_images_at_a_time(tmp_path: Path) -> None:
    import tracemalloc

    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["object_id"] = np.arange(1500)
        kept = file.create_dataset("image_array", (1500, 4, 64, 64), "f4", chunks=(16, 4, 64, 64))
        for first in range(0, 1500, 500):
            kept[first : first + 500] = np.tile(galaxy(first, size=64), (500, 1, 1, 1))
    wanted = np.zeros(1500, bool)
    wanted[::10] = True
    source = Hdf5Source(tmp_path / "a.h5")
    tracemalloc.start()
    found = sum(batch.objects.num_rows for batch in source.batches(wanted, 2048))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found == 150
    assert peak < 60e6  # all flux is 98 MB
