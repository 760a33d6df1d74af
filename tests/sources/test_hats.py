"""HATS catalogues, and flux nested in Parquet columns."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest
from PIL import Image

from newcomer import run
from skylore.archive.sky import healpix_29
from skylore.archive.table import Archive
from skylore.errors import SourceError
from skylore.imaging.render import Rendering, render_bands
from skylore.sources.hats import HatsSource
from skylore.sources.open import detect_kind, open_source
from skylore.sources.parquet import ParquetSource
from sources.universe_files import galaxy, nested_images, places, write_hats


def sample(count: int = 12, *, images: bool = True) -> pa.Table:
    ra, dec = places(count, seed=1)
    columns = {
        "object_id": [f"{n}" for n in range(count)],
        "ra": ra,
        "dec": dec,
        "FLUX_R": np.arange(count, dtype=np.float32),
    }
    return pa.table(columns | ({"image": nested_images(range(count))} if images else {}))


def read(source, rows: int = 100) -> tuple[pa.Table, list]:
    batches = list(source.batches(np.ones(len(source.ids()), bool), rows))
    failures = [failure for batch in batches for failure in batch.failures]
    return pa.concat_tables([batch.objects for batch in batches]), failures


def expected(number: int) -> np.ndarray:
    drawn = Rendering(bands=("des-z", "des-i", "des-r", "des-g"))
    return render_bands(galaxy(number)[::-1], drawn)[::-1]


def pixels(png: bytes) -> np.ndarray:
    return np.array(Image.open(io.BytesIO(png)))


@pytest.mark.parametrize("listed", [False, True])
@pytest.mark.parametrize("suffix", ["parquet", "arrow"])
def test_nested_flux_is_drawn_as_fits_cutouts_are(
    tmp_path: Path, suffix: str, listed: bool
) -> None:
    table = sample().set_column(4, "image", nested_images(range(12), listed=listed))
    path = tmp_path / f"a.{suffix}"
    write = pq.write_table if suffix == "parquet" else pyarrow.feather.write_feather
    write(table, path)
    found, failures = read(ParquetSource(path), rows=5)
    assert failures == []
    for number in (0, 7, 11):
        np.testing.assert_array_equal(pixels(found["image"][number].as_py()), expected(number))
    assert '"flip": "vertical"' in found["image_rendering"][3].as_py()


def test_only_flux_and_bands_are_read_of_the_column(tmp_path: Path) -> None:
    pq.write_table(sample(), tmp_path / "a.parquet")
    source = ParquetSource(tmp_path / "a.parquet")
    (piece,) = source._files.scan(["image"], 100)
    assert [field.name for field in piece.table.schema.field("image").type] == ["band", "flux"]


def test_uneven_missing_and_misnamed_bands_are_set_aside(tmp_path: Path) -> None:
    good = nested_images(range(1)).to_pylist()[0]
    uneven = {**good, "flux": [*good["flux"][:3], good["flux"][3][:5]]}
    few = {**good, "band": ["g"]}
    empty = {**good, "flux": []}
    images = pa.array([good, uneven, few, None, empty, good])
    pq.write_table(pa.table({"id": list("abcdef"), "image": images}), tmp_path / "a.parquet")
    found, failures = read(ParquetSource(tmp_path / "a.parquet"))
    assert found["id"].to_pylist() == ["a", "d", "f"]
    assert found["image"].is_null().to_pylist() == [False, True, False]
    assert {f.id: str(f.error) for f in failures} == {
        "b": "The image cannot be drawn: its bands are empty, missing or of different shapes",
        "c": "The image cannot be drawn: it names 1 bands and has 4",
        "e": "The image cannot be drawn: it has no flux",
    }


def test_spectra_and_light_curves_are_no_images(tmp_path: Path) -> None:
    curve = {"band": ["g", "r"], "flux": [[1.0, 2.0], [3.0, 4.0]], "time": [[0.0], [1.0]]}
    spectrum = {"flux": [1.0, 2.0], "lambda": [3000.0, 3001.0]}
    table = pa.table({"id": [1], "lightcurve": [curve], "spectrum": [spectrum]})
    pq.write_table(table, tmp_path / "a.parquet")
    source = ParquetSource(tmp_path / "a.parquet")
    assert list(source.left_out) == ["lightcurve", "spectrum"]


def test_a_catalogue_is_known_by_its_properties_and_read_by_its_partitions(tmp_path: Path) -> None:
    folder = write_hats(tmp_path / "little", sample())
    assert detect_kind(str(folder)) == "hats"
    source = open_source(str(folder))
    found, failures = read(source)
    assert failures == []
    assert sorted(found["id"].to_pylist(), key=int) == [str(n) for n in range(12)]
    number = int(found["id"][5].as_py())
    np.testing.assert_array_equal(pixels(found["image"][5].as_py()), expected(number))
    cells = found["catalogue__healpix_29"].to_numpy()
    ours = healpix_29(found["ra"].to_numpy(), found["dec"].to_numpy())
    np.testing.assert_array_equal(cells, ours)
    assert source.remarks == ["columns under another name: _healpix_29 as catalogue__healpix_29"]
    assert found["source_item"][0].as_py().startswith("dataset/Norder=1/Dir=0/Npix=")


def test_partitions_may_be_folders_and_the_old_names_are_known(tmp_path: Path) -> None:
    folder = write_hats(tmp_path / "little", sample())
    for path in sorted((folder / "dataset").rglob("Npix=*.parquet")):
        place = path.with_suffix("")
        place.mkdir()
        path.rename(place / "part0.parquet")
        (place / "_metadata").write_bytes(b"not rows")
    shutil.move(folder / "dataset" / "Norder=1", folder / "Norder=1")
    properties = (
        (folder / "hats.properties").read_text().replace("hats_col_ra", "hats_col_j2000_ra")
    )
    (folder / "hats.properties").unlink()
    (folder / "properties").write_text(properties.replace("=", " = "))
    assert len(HatsSource(folder).ids()) == 12


def test_positions_are_the_columns_that_the_properties_name(tmp_path: Path) -> None:
    table = sample(images=False)
    folder = write_hats(tmp_path / "little", table)
    properties = (folder / "hats.properties").read_text()
    for path in (folder / "dataset").rglob("Npix=*.parquet"):
        old = pq.read_table(path)
        moved = old.append_column("mean_ra", old["ra"]).append_column("mean_dec", old["dec"])
        off = pa.array(np.zeros(old.num_rows))
        pq.write_table(moved.set_column(1, "ra", off).set_column(2, "dec", off), path)
    named = properties.replace("=ra\n", "=mean_ra\n").replace("=dec\n", "=mean_dec\n")
    (folder / "hats.properties").write_text(named)
    found = read(HatsSource(folder))[0]
    assert sorted(found["ra"].to_pylist()) == sorted(table["ra"].to_pylist())


def test_a_collection_is_its_primary_table(tmp_path: Path) -> None:
    write_hats(tmp_path / "all" / "little", sample())
    margin = write_hats(tmp_path / "all" / "little_10arcs", sample(3))
    said = (margin / "hats.properties").read_text().replace("=object", "=margin")
    (margin / "hats.properties").write_text(said)
    said = "obs_collection=all\nhats_primary_table_url=little\nall_margins=little_10arcs\n"
    (tmp_path / "all" / "collection.properties").write_text(said)
    assert len(open_source(str(tmp_path / "all")).ids()) == 12
    with pytest.raises(SourceError, match="is the margin table of a HATS catalogue"):
        open_source(str(margin))


@pytest.mark.parametrize("url", ["", "../elsewhere", "https://data.lsdb.io/x", "missing", "."])
def test_collections_without_their_primary_table_say_so(tmp_path: Path, url: str) -> None:
    (tmp_path / "all").mkdir()
    (tmp_path / "all" / "collection.properties").write_text(f"hats_primary_table_url={url}\n")
    with pytest.raises(SourceError, match=r"fetch that table|fetch the table whole"):
        open_source(str(tmp_path / "all"))


def test_missing_partitions_are_told(tmp_path: Path) -> None:
    folder = write_hats(tmp_path / "little", sample(), nrows=40)
    assert HatsSource(folder).remarks[0] == "the catalogue says to have 40 rows, and 12 are here"
    shutil.rmtree(folder / "dataset" / "Norder=1")
    with pytest.raises(SourceError, match="Partitions lie in Norder=K"):
        HatsSource(folder)


def test_commands_ingest_and_join_catalogues(tmp_path: Path) -> None:
    folder = write_hats(tmp_path / "little", sample(images=False))
    more = pa.table(
        {
            "object_id": [f"{n}" for n in range(12)],
            "ra": sample()["ra"],
            "dec": sample()["dec"],
            "z_spec": np.arange(12.0),
        }
    )
    write_hats(tmp_path / "more", more)
    place = tmp_path / "a.skylore"
    done = run("ingest", place, folder)
    assert done.returncode == 0, done.stderr
    assert "12 objects added" in done.stdout
    done = run("ingest", place, tmp_path / "more", "--join")
    assert done.returncode == 0, done.stderr
    rows = Archive.open(place).read(["id", "z_spec"]).to_pylist()
    assert all(row["z_spec"] == float(row["id"]) for row in rows)
    assert "0 objects added, 12 were there already" in run("ingest", place, folder).stdout
