from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from archive.steps import LengthStep
from skylore.archive.fill import FillOptions
from skylore.archive.table import Archive
from skylore.errors import ArchiveNotFoundError


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    archive = Archive.create(tmp_path / "a.skylore")
    for start in range(0, 100, 5):
        rows = range(start, start + 5)
        archive.append(
            pa.table({"id": [f"g{i}" for i in rows], "image": [bytes(10 + i) for i in rows]})
        )
    return archive


def test_joins_files_and_keeps_versions_unless_told(archive: Archive) -> None:
    first = archive.versions[1].number
    report = archive.compact()
    assert (report.files_before, report.files_after, report.versions_removed) == (20, 1, 0)
    assert len(Archive.open(archive.location.root, version=first)) == 5
    report = archive.compact(keep_versions=1)
    assert report.versions_removed > 20
    assert report.bytes_after is not None
    assert report.bytes_before is not None
    assert report.bytes_after < report.bytes_before / 2
    with pytest.raises(ArchiveNotFoundError, match="version"):
        Archive.open(archive.location.root, version=first)
    assert "files became" in str(report)


def test_young_versions_stay(archive: Archive) -> None:
    assert archive.compact(older_than=timedelta(days=1)).versions_removed == 0
    assert archive.compact(older_than=timedelta(0)).versions_removed > 0


def test_row_ids_and_indexes_stay(archive: Archive) -> None:
    archive.objects.create_scalar_index("id", "BTREE")
    archive.refresh()
    before = archive.rows_of(["g0", "g41", "g99"]).sort_by("id")
    archive.compact(keep_versions=1)
    assert archive.rows_of(["g0", "g41", "g99"]).sort_by("id") == before
    assert archive.take(before["_rowid"], ["id"])["id"].to_pylist() == before["id"].to_pylist()
    statistics = archive.objects.stats.index_stats("id_idx")
    assert statistics["num_unindexed_rows"] == 0


def test_a_reader_stays_at_its_version(archive: Archive) -> None:
    reader = Archive.open(archive.location.root)
    archive.delete(where="id != 'g7'")
    archive.compact()
    assert len(reader) == 100
    assert reader.images(["g50"]) == {"g50": bytes(60)}


def test_beside_a_step_that_folds_and_deletions(archive: Archive) -> None:
    path = archive.location.root
    quick = FillOptions(progress=False, fold_rows=8, batch_rows=4)

    def squeeze() -> None:
        for _ in range(5):
            Archive.open(path).compact()

    def thin_out() -> None:
        for i in range(0, 100, 20):
            Archive.open(path).delete(ids=[f"g{i}"])

    with ThreadPoolExecutor(3) as pool:
        work = [
            pool.submit(lambda: Archive.open(path).fill(LengthStep(seconds=0.005), quick)),
            pool.submit(squeeze),
            pool.submit(thin_out),
        ]
        for each in work:
            each.result()
    archive.refresh()
    rows = archive.read(["id", "image", "length"]).to_pylist()
    assert {row["id"] for row in rows} == {f"g{i}" for i in range(100) if i % 20}
    assert len(rows) == 95
    assert all(row["length"] == len(row["image"]) for row in rows)
