"""What `skylore check` finds in an archive that was damaged on purpose."""

from __future__ import annotations

import json
import shutil
from io import BytesIO
from pathlib import Path

import lance
import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from archive.steps import LengthStep
from skylore.archive.checking.finding import CheckReport
from skylore.archive.fill import FillOptions
from skylore.archive.provenance import Provenance, with_provenance
from skylore.archive.schema import PIXEL
from skylore.archive.sky import cells_of
from skylore.archive.staging import Staging
from skylore.archive.step import Values
from skylore.archive.table import Archive

QUIET = FillOptions(progress=False)
ROWS = 40


def png(side: int) -> bytes:
    file = BytesIO()
    Image.fromarray(np.full((side, side, 3), side, np.uint8)).save(file, "PNG")
    return file.getvalue()


def objects(start: int) -> pa.Table:
    names = range(start, start + ROWS // 2)
    table = pa.table(
        {
            "id": [f"g{i}" for i in names],
            "ra": [None if i == 3 else 9.0 * (i % 40) for i in names],
            "dec": [None if i == 3 else i % 40 - 20.0 for i in names],
            "image": [png(8 + i) for i in names],
            "image_width": pa.array([8 + i for i in names], pa.int32()),
            "image_height": pa.array([8 + i for i in names], pa.int32()),
        }
    )
    return table.append_column(PIXEL, cells_of(table))


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    archive = Archive.create(tmp_path / "a.skylore")
    for start in (0, ROWS // 2):
        archive.append(objects(start))
    archive.fill(LengthStep(bad=("g5",)), QUIET)
    archive.objects.create_scalar_index("id", "BTREE")
    archive.refresh()
    return archive


def problems(archive: Archive, *, deep: bool = False) -> dict[str, str]:
    return {p.check: p.message for p in archive.check(deep=deep).problems}


def add_column(archive: Archive, field: pa.Field, values: pa.Array) -> None:
    archive.add_columns([field])
    rows = archive.read([], row_ids=True)["_rowid"]
    archive.write(pa.table({"_rowid": rows, field.name: values}))


@pytest.mark.parametrize("deep", [False, True])
def test_a_whole_archive(archive: Archive, deep: bool) -> None:
    report = archive.check(deep=deep)
    assert report.whole
    assert report.findings == ()
    assert len(report.checks) >= 10
    assert str(report).startswith("check: 40 objects")
    assert json.loads(json.dumps(report.to_json()))["whole"] is True


def test_an_empty_archive(tmp_path: Path) -> None:
    assert Archive.create(tmp_path / "b.skylore").check(deep=True).whole


def test_after_deletions_updates_and_compaction(archive: Archive) -> None:
    archive.delete(ids=["g1", "g5", "g30"])
    assert archive.check(deep=True).whole
    archive.update(pa.table({"id": ["g9"], "ra": [1.0], "dec": [2.0]}))
    archive.compact(keep_versions=1)
    report = archive.check(deep=True)
    assert report.whole, str(report)
    archive.append(objects(100))
    assert "objects are not in the index of id yet" in str(archive.check())


def test_a_file_that_is_cut_off_or_gone(archive: Archive) -> None:
    data = sorted(Path(archive.location.table("objects"), "data").glob("*.lance"))
    used = {f.path for each in archive.objects.get_fragments() for f in each.metadata.files}
    file = next(path for path in data if path.name in used)
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    assert "bytes, not" in problems(archive)["files"]
    file.unlink()
    assert "is missing" in problems(archive)["files"]
    file.write_bytes(bytes(len(whole)))
    assert "cannot be read" in problems(Archive.open(archive.location.root))["files"]


def test_ids_that_repeat_or_lack(archive: Archive) -> None:
    lance.write_dataset(
        pa.table({"id": ["g7", "g7", None]}), archive.location.table("objects"), mode="append"
    )
    archive.refresh()
    found = [p.message for p in archive.check().problems]
    assert any("1 ids occur more than once (g7)" in message for message in found)
    assert any("1 objects have no id" in message for message in found)


def test_a_position_in_another_cell(archive: Archive) -> None:
    rows = archive.rows_of(["g4"])["_rowid"]
    archive.write(pa.table({"_rowid": rows, PIXEL: pa.array([7], pa.int64())}))
    assert "1 objects (g4) lie in another cell" in (problems(archive)["positions"])


def test_a_position_off_the_sphere(archive: Archive) -> None:
    rows = archive.rows_of(["g4"])["_rowid"]
    archive.write(pa.table({"_rowid": rows, "dec": [91.0]}))
    assert "(g4) lie off the sphere" in problems(archive)["positions"]


def test_images_that_cannot_be_decoded_or_have_another_size(archive: Archive) -> None:
    rows = archive.rows_of(["g4"])["_rowid"]
    archive.write(pa.table({"_rowid": rows, "image": [b"no image"]}))
    assert "1 objects (g4): the image cannot be decoded" in problems(archive)["images"]
    archive.write(pa.table({"_rowid": rows, "image": [png(99)]}))
    assert "(g4): the image has another size" in problems(archive)["images"]


@pytest.mark.parametrize(("length", "wrong"), [(1.0, False), (2.0, True), (float("nan"), True)])
def test_vectors_of_another_length(archive: Archive, length: float, wrong: bool) -> None:
    made = Provenance(step="embed", model="m", revision="r")
    field = pa.field("v", pa.list_(pa.float16(), 4), metadata={"description": "x, unit length"})
    vectors = np.zeros((ROWS, 4), np.float16)
    vectors[:, 1] = 1
    vectors[7, 1] = length
    flat = pa.array(vectors.ravel())
    add_column(archive, with_provenance(field, made), pa.FixedSizeListArray.from_arrays(flat, 4))
    found = problems(archive)
    assert ("vectors" in found) is wrong
    assert not wrong or "(g7)" in found["vectors"]


def test_lists_of_vectors(archive: Archive) -> None:
    made = Provenance(step="embed-captions")
    kind = pa.list_(pa.list_(pa.float16(), 2))
    field = pa.field("vs", kind, metadata={"description": "unit length"})
    values: list[list[list[float]] | None] = [[[1, 0], [0, 1]], None, []] + [[[0.0, 1]]] * (
        ROWS - 3
    )
    values[9] = [[0, 1], [0, 3]]
    add_column(archive, with_provenance(field, made), pa.array(values, kind))
    assert "in 1 objects (g9)" in problems(archive)["vectors"]


def test_a_column_of_unknown_origin(archive: Archive) -> None:
    add_column(archive, pa.field("mystery", pa.int64()), pa.array([1] * ROWS))
    assert "mystery does not say how it came to be" in problems(archive)["provenance"]


def test_a_model_that_is_gone(archive: Archive, tmp_path: Path) -> None:
    made = Provenance(step="align", model="alignment", revision="abc")
    add_column(archive, with_provenance(pa.field("vector", pa.int64()), made), pa.array([1] * ROWS))
    assert "models/abc" in problems(archive)["models"]
    model = tmp_path / "model"
    model.mkdir()
    for part in ("config.json", "model.safetensors"):
        (model / part).write_text("{}")
    archive.location.put_folder(model, "models/abc")
    assert "models" not in problems(archive)


def test_work_that_is_staged(archive: Archive) -> None:
    staging = Staging(archive.location, "length")
    values = Values(pa.table({"length": [1], "double": pa.array([2], pa.float32())}))
    staging.append(archive.rows_of(["g6"])["_rowid"], values)
    report = archive.check()
    assert report.whole
    assert "1 rows of length are finished" in str(report)
    for file in Path(archive.location.table("staging/length"), "data").iterdir():
        file.write_bytes(b"")
    assert "cannot be read" in problems(archive)["staged"]


def test_what_is_set_aside_has_no_value(archive: Archive) -> None:
    rows = archive.rows_of(["g5"])["_rowid"]
    archive.write(pa.table({"_rowid": rows, "length": [5]}))
    assert "(g5)" in problems(archive)["set aside"]


def test_an_index_whose_files_are_gone(archive: Archive) -> None:
    for folder in Path(archive.location.table("objects"), "_indices").iterdir():
        shutil.rmtree(folder)
    assert "index of id" in problems(Archive.open(archive.location.root))["indexes"]


def test_temporary_files_are_notes(archive: Archive) -> None:
    (archive.location.folder / "models").mkdir()
    (archive.location.folder / "models" / "x.tmp").touch()
    report: CheckReport = archive.check()
    assert report.whole
    assert "models/x.tmp" in str(report)
