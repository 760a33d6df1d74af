"""Published sets of labelled pictures, as they are downloaded."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from skylore.archive.table import Archive
from skylore.cli.app import app
from skylore.errors import SourceError
from skylore.imaging.decode import decode
from skylore.intake.ingest import IngestOptions, ingest
from skylore.sources.hdf5 import Hdf5Source
from skylore.sources.open import open_source
from skylore.symbols.library import load_symbols
from sources.labelled_sets import SCALE, write_galaxy10, write_galaxymnist

GALAXY10 = load_symbols("galaxy10-decals").classes
MNIST = load_symbols("galaxymnist").classes


def ingested(path: Path, archive: Path, **options: object) -> tuple[Archive, tuple[str, ...]]:
    made = Archive.create(archive)
    report = ingest(made, open_source(str(path), **options), IngestOptions(progress=False))
    assert report.failed == 0
    return made, report.remarks


def test_galaxy10_goes_into_an_archive_as_it_is_published(tmp_path: Path) -> None:
    path = write_galaxy10(tmp_path / "Galaxy10_DECals.h5")
    done = CliRunner().invoke(app, ["ingest", str(tmp_path / "a.skylore"), str(path), "-q"])
    assert done.exit_code == 0, done.output
    assert "Galaxy10 DECaLS, by its layout" in done.output
    assert "redshift is a copy of dec, and was left out" in done.output
    archive = Archive.open(tmp_path / "a.skylore")
    columns = ["id", "image", "class", "ans", "ra", "dec", "pxscale", "image_width"]
    rows = {row["id"]: row for row in archive.read(columns).to_pylist()}
    assert set(rows) == {f"Galaxy10_DECals-{n}" for n in range(20)}
    with h5py.File(path) as file:
        for number in (0, 7, 19):
            row = rows[f"Galaxy10_DECals-{number}"]
            assert row["class"] == GALAXY10[file["ans"][number]]
            assert (row["ans"], row["ra"]) == (file["ans"][number], file["ra"][number])
            assert (row["pxscale"], row["image_width"]) == (SCALE, 256)
            np.testing.assert_array_equal(decode(row["image"]), file["images"][number])
    assert not {"redshift", "split"} & set(archive.schema.names)
    assert archive.read(["id"], where="class = 'Barred Spiral'").num_rows == 2


def test_a_redshift_that_is_one_is_kept(tmp_path: Path) -> None:
    path = write_galaxy10(tmp_path / "g.h5", redshift="own")
    archive, remarks = ingested(path, tmp_path / "a.skylore")
    assert archive.read(["redshift"])["redshift"].to_numpy().max() == pytest.approx(0.2)
    assert not any("redshift" in remark for remark in remarks)
    bare, _ = ingested(write_galaxy10(tmp_path / "h.h5", redshift=None), tmp_path / "b.skylore")
    assert bare.filled("class") == 20


@pytest.mark.parametrize("side", [64, 224])
def test_galaxymnist_goes_into_an_archive_with_its_split(tmp_path: Path, side: int) -> None:
    folder = write_galaxymnist(tmp_path / "mnist", side=side)
    archive, remarks = ingested(folder, tmp_path / "a.skylore")
    table = archive.read(["id", "class", "labels", "split"])
    assert table.num_rows == 16
    for row in table.to_pylist():
        assert row["class"] == MNIST[row["labels"]]
        assert row["id"].startswith(f"{row['split']}_dataset-")
    assert archive.read(["id"], where="split = 'test'").num_rows == 4
    assert any(remark.startswith("GalaxyMNIST, by its layout") for remark in remarks)
    one, _ = ingested(folder / "test_dataset.hdf5", tmp_path / "b.skylore")
    assert set(one.read(["split"])["split"].to_pylist()) == {"test"}


def test_an_ingest_that_was_cut_off_goes_on(tmp_path: Path) -> None:
    path = write_galaxy10(tmp_path / "g.h5")
    archive = Archive.create(tmp_path / "a.skylore")
    options = IngestOptions(progress=False, limit=13)
    assert ingest(archive, open_source(str(path)), options).added == 13
    rest = ingest(archive, open_source(str(path)), IngestOptions(progress=False))
    assert (rest.added, rest.already) == (7, 13)
    table = archive.read(["id", "class"])
    for row in table.to_pylist():
        assert row["class"] == GALAXY10[int(row["id"].split("-")[1]) % 10]


def test_numbers_that_the_set_does_not_have_are_not_named(tmp_path: Path) -> None:
    path = write_galaxy10(tmp_path / "g.h5")
    with h5py.File(path, "a") as file:
        file["ans"][3] = 11
    archive, remarks = ingested(path, tmp_path / "a.skylore")
    assert "class" not in archive.schema.names
    assert any("ans also holds 11" in remark for remark in remarks)


def test_other_layouts_are_not_taken_for_published_ones(tmp_path: Path) -> None:
    """Galaxy10 SDSS numbers other classes: its pictures have another side."""
    path = tmp_path / "Galaxy10.h5"
    with h5py.File(path, "w") as file:
        file["images"] = np.zeros((4, 69, 69, 3), np.uint8)
        for name in ("ans", "ra", "dec", "redshift", "pxscale"):
            file[name] = np.arange(4)
    archive, remarks = ingested(path, tmp_path / "a.skylore")
    assert "class" not in archive.schema.names
    assert archive.filled("redshift") == 4
    assert list(remarks) == ["there is no column of ids: they are the file's name and the row"]


def test_ids_that_are_there_are_taken(tmp_path: Path) -> None:
    path = write_galaxymnist(tmp_path / "m") / "train_dataset.hdf5"
    with h5py.File(path, "a") as file:
        file["object_id"] = np.arange(100, 112)
    assert Hdf5Source(path).ids().to_pylist() == list(range(100, 112))
    named = Hdf5Source(path, id_column="labels")
    assert named.ids().to_pylist() == list(range(4)) * 3


def test_a_table_without_ids_or_pictures_is_still_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["mass"] = np.arange(3.0)
    with pytest.raises(SourceError, match="No column has the usual name of an id"):
        Hdf5Source(tmp_path / "a.h5")


def test_a_folder_a_class_becomes_a_column_of_labels(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    for name in ("spiral/a.jpg", "spiral/b.png", "train/ring/a.jpg", "loose.png"):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8)).save(tree / name)
    archive, remarks = ingested(tree, tmp_path / "a.skylore")
    found = {row["id"]: row["folder"] for row in archive.read(["id", "folder"]).to_pylist()}
    expected = {"spiral/a": "spiral", "spiral/b": "spiral", "train/ring/a": "ring", "loose": None}
    assert found == expected
    assert "the names of 2 folders are in the column folder" in remarks


def test_a_flat_folder_has_no_column_of_folders(tmp_path: Path) -> None:
    (tmp_path / "flat").mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / "flat" / "a.png")
    archive, remarks = ingested(tmp_path / "flat", tmp_path / "a.skylore")
    assert "folder" not in archive.schema.names
    assert remarks == ()
