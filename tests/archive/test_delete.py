from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from archive.lengths import make_archive
from archive.steps import LengthStep
from skylore.archive.fill import FillOptions
from skylore.archive.staging import Staging
from skylore.archive.step import Values
from skylore.archive.table import Archive
from skylore.errors import ArchiveError

QUIET = FillOptions(progress=False)


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return make_archive(tmp_path / "a.skylore", 100)


def test_deletes_what_satisfies_a_predicate(archive: Archive) -> None:
    archive.fill(LengthStep(), QUIET)
    assert archive.delete(where="length < 30") == 20
    assert len(archive) == 80
    assert archive.count("length < 30") == 0
    assert archive.fill(LengthStep(), QUIET).already == 80


def test_deletes_a_list_across_files_in_one_commit(archive: Archive) -> None:
    before = archive.version
    assert archive.delete(ids=["g1", "g77", "nothing", "g77"]) == 2
    assert archive.version == before + 1
    assert archive.rows_of(["g1", "g2", "g77"])["id"].to_pylist() == ["g2"]
    assert len(Archive.open(archive.location.root, version=before)) == 100


def test_an_index_knows_what_was_deleted(archive: Archive) -> None:
    archive.objects.create_scalar_index("id", "BTREE")
    archive.refresh()
    archive.delete(ids=["g3", "g60"])
    assert archive.rows_of(["g3", "g60", "g61"])["id"].to_pylist() == ["g61"]


def test_failures_go_with_their_objects(archive: Archive) -> None:
    archive.fill(LengthStep(bad=("g3", "g4")), QUIET)
    archive.delete(ids=["g3"])
    assert archive.quarantine.read()["id"].to_pylist() == ["g4"]


def test_values_staged_for_deleted_objects_are_dropped(archive: Archive) -> None:
    archive.fill(LengthStep(), FillOptions(progress=False, limit=1))
    rows = archive.rows_of(["g5", "g6"])["_rowid"]
    values = Values(
        pa.table({"length": [15, 16], "double": pa.array([30, 32], pa.float32())}),
    )
    Staging(archive.location, "length").append(rows, values)
    archive.delete(ids=["g5"])
    archive.fill(LengthStep(), QUIET)
    assert archive.count("length IS NOT NULL") == 99


def test_rows_deleted_while_a_step_runs(archive: Archive) -> None:
    class Deleting(LengthStep):
        def _apply(self, batch: pa.Table) -> Values:
            if "g0" in batch["id"].to_pylist():
                Archive.open(archive.location.root).delete(ids=["g1", "g50", "g99"])
            return super()._apply(batch)

    archive.fill(Deleting(bad=("g99",)), FillOptions(progress=False, fold_rows=16))
    archive.refresh()
    assert archive.count() == archive.count("length IS NOT NULL") == 97
    assert archive.quarantine.read().num_rows == 0


def test_deleting_without_saying_what(archive: Archive) -> None:
    for nothing in ({}, {"where": " "}, {"where": "id = 'g1'", "ids": ["g2"]}):
        with pytest.raises(ArchiveError, match="predicate"):
            archive.delete(**nothing)  # type: ignore[arg-type]
    assert archive.delete(ids=[]) == 0
    assert len(archive) == 100


def test_ids_of_another_type(tmp_path: Path) -> None:
    archive = Archive.create(tmp_path / "i.skylore", id_type=pa.int64())
    archive.append(pa.table({"id": [1, 2, 3]}))
    with pytest.raises(ArchiveError, match="int64"):
        archive.delete(ids=["one"])
    assert archive.delete(ids=[1, 9]) == 1


def test_deleted_rows_leave_the_disk_with_compaction(archive: Archive) -> None:
    kept = archive.rows_of(["g98"])["_rowid"]
    archive.delete(where="id != 'g98'")
    report = archive.compact(keep_versions=1)
    assert (report.files_after, len(archive)) == (1, 1)
    assert archive.objects.get_fragments()[0].num_deletions == 0
    assert archive.take(kept, ["id"])["id"].to_pylist() == ["g98"]
