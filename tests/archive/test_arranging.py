from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from typer.testing import CliRunner

from search.archives import vectors_archive
from skylore.archive.arranging import arrange
from skylore.archive.table import Archive
from skylore.cli.app import app
from skylore.errors import ArchiveBusyError, ArchiveError
from skylore.search.index import build_indexes


def make(path: Path, rows: int = 1500) -> Archive:
    archive, _ = vectors_archive(path, rows=rows)
    archive.append(pa.table({"id": ["nowhere", "neither"], "mag": [1.0, 2.0]}))
    archive.objects.delete("mag > 21.5")
    archive.refresh()
    return archive


def everything(archive: Archive) -> pa.Table:
    return archive.read(row_ids=True).sort_by("_rowid")


def files_read(archive: Archive, where: str) -> int:
    fragments = archive.objects.get_fragments()
    return sum(fragment.count_rows(where) > 0 for fragment in fragments)


def test_rows_keep_all_but_their_place(tmp_path: Path) -> None:
    archive = make(tmp_path / "a.skylore")
    before, schema = everything(archive), archive.schema
    report = arrange(archive, rows_a_file=200)
    assert report.rows == len(before) == len(archive)
    assert report.files == len(archive.objects.get_fragments()) > 5
    assert everything(archive).equals(before)
    assert archive.schema.equals(schema, check_metadata=True)
    cells = archive.read(["_healpix_29"])["_healpix_29"]
    assert cells.null_count == 2
    placed = cells.drop_null().to_numpy()
    assert np.all(np.diff(placed) >= 0)
    assert cells.slice(len(placed)).null_count == 2
    middle = int(placed[len(placed) // 2])
    assert files_read(archive, f"_healpix_29 BETWEEN {middle} AND {middle + 10**14}") <= 2


def test_what_is_in_order_stays(tmp_path: Path) -> None:
    archive = make(tmp_path / "a.skylore", 300)
    arrange(archive, rows_a_file=100)
    version = archive.version
    assert "already" in str(arrange(archive))
    assert archive.version == version
    empty = Archive.create(tmp_path / "empty.skylore")
    assert arrange(empty).files == 0


def test_the_archive_goes_on_as_before(tmp_path: Path) -> None:
    archive = make(tmp_path / "a.skylore")
    build_indexes(archive)
    earlier = archive.version
    found = archive.search(cone="10 20 40", k=500).table
    done = CliRunner().invoke(app, ["arrange", archive.location.root, "-q"])
    assert done.exit_code == 0, done.output
    assert "arrange: " in done.output
    assert "id: BTREE" in done.output
    archive = Archive.open(archive.location.root)
    assert archive.search(cone="10 20 40", k=500).table.equals(found)
    highest = max(archive.read(["id"], row_ids=True)["_rowid"].to_pylist())
    archive.append(pa.table({"id": ["new"], "mag": [3.0]}))
    assert archive.read(["id"], where="id = 'new'", row_ids=True)["_rowid"].to_pylist() == [
        highest + 1
    ]
    some = archive.read(["id"], where="bright", row_ids=True)
    archive.write(pa.table({"_rowid": some["_rowid"], "mag": pa.array([7.0] * some.num_rows)}))
    assert archive.count("mag = 7") == some.num_rows
    before = everything(archive)
    archive.compact()
    assert everything(archive).equals(before)
    assert len(Archive.open(archive.location.root, version=earlier)) == len(archive) - 1


def test_rows_changed_meanwhile_are_not_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from skylore.archive import arranging

    archive = make(tmp_path / "a.skylore", 400)
    other = Archive.open(archive.location.root)
    write = arranging._write

    def interfere(*given: object) -> object:
        if other.count("mag = 99"):
            return write(*given)  # type: ignore[arg-type]
        rows = other.read(["id"], limit=5, row_ids=True)
        other.write(pa.table({"_rowid": rows["_rowid"], "mag": pa.array([99.0] * 5)}))
        return write(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(arranging, "_write", interfere)
    with pytest.raises(ArchiveBusyError, match="nothing was done"):
        arrange(archive)
    archive.refresh()
    assert archive.count("mag = 99") == 5
    assert arrange(archive).files == 1
    assert archive.count("mag = 99") == 5


def test_a_kill_loses_nothing(tmp_path: Path) -> None:
    archive = make(tmp_path / "a.skylore", 3000)
    before = everything(archive)
    program = (
        "import sys\n"
        "from skylore.archive.arranging import arrange\n"
        "from skylore.archive.table import Archive\n"
        "archive = Archive.open(sys.argv[1])\n"
        "print('ready', flush=True)\n"
        "arrange(archive, rows_a_file=50)\n"
    )
    notes = Path(archive.location.root) / "staging" / "arrange"
    for wait in (0.05, 0.2, 0.4):
        command = [sys.executable, "-c", program, archive.location.root]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(wait)
            process.kill()
        assert everything(Archive.open(archive.location.root)).equals(before)
    arrange(archive, rows_a_file=50)
    assert everything(archive).equals(before)
    assert not notes.exists()


def test_a_killed_arranging_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from skylore.archive import arranging

    archive = make(tmp_path / "a.skylore", 600)
    before, write, written = everything(archive), arranging._write, []

    def fail_at(count: int) -> None:
        def counted(objects: object, rows: np.ndarray, batch: int) -> object:
            if len(written) == count:
                raise KeyboardInterrupt
            written.append(len(rows))
            return write(objects, rows, batch)  # type: ignore[arg-type]

        monkeypatch.setattr(arranging, "_write", counted)

    for count in (2, 5):
        fail_at(count)
        with pytest.raises(KeyboardInterrupt):
            arrange(archive, rows_a_file=100)
    fail_at(-1)
    said: list[str] = []
    report = arrange(archive, rows_a_file=100, say=said.append)
    assert len(written) == report.files == 6
    assert f"{len(archive)} rows take" in said[0]
    assert everything(archive).equals(before)
    # What is noted of an earlier version is not taken for this one.
    archive.write(pa.table({"_rowid": before["_rowid"][:1], "_healpix_29": [0]}))
    after = everything(archive)
    arrange(archive, rows_a_file=100)
    assert everything(archive).equals(after)


def test_a_disk_that_is_too_small_is_told_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from skylore.archive import arranging

    archive = make(tmp_path / "a.skylore", 300)
    usage = arranging.shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(arranging.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(ArchiveError, match="1 kB are free"):
        arrange(archive)
