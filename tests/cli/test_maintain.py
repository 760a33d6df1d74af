"""Deleting, compacting and checking from the command line, by real processes."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest

from newcomer import run
from skylore.archive.table import Archive


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    archive = Archive.create(tmp_path / "a.skylore")
    for start in (0, 10):
        rows = range(start, start + 10)
        archive.append(pa.table({"id": [f"g{i}" for i in rows], "ra": [18.0 * i for i in rows]}))
    return archive


def test_delete_asks_and_needs_to_be_told_which(archive: Archive, tmp_path: Path) -> None:
    path = archive.location.root
    refused = run("delete", path)
    assert refused.returncode == 2
    assert "--where SQL or --ids FILE" in refused.stderr
    unanswered = run("delete", path, "--where", "ra > 300")
    assert unanswered.returncode == 3
    assert unanswered.stderr == "skylore: 3 of 20 objects would be deleted; say --yes\n"
    wrong = run("delete", path, "--where", "raa > 300", "--yes")
    assert wrong.returncode == 5
    done = run("delete", path, "--where", "ra > 300", "--yes")
    assert done.stdout == "delete: 3 objects deleted, 17 are left\n", done.stderr
    ids = tmp_path / "ids.txt"
    ids.write_text("g1\n\n g2 \nnothing\n")
    done = run("delete", path, "--ids", ids, "-y")
    assert done.stdout == "delete: 2 objects deleted, 15 are left\n", done.stderr
    archive.refresh()
    assert set(archive.read(["id"])["id"].to_pylist()) == {f"g{i}" for i in [0, *range(3, 17)]}


def test_delete_says_when_no_line_is_an_id(archive: Archive, tmp_path: Path) -> None:
    ids = tmp_path / "catalogue.csv"
    ids.write_text("id,ra\ng1,10.0\n")
    refused = run("delete", archive.location.root, "--ids", ids, "-y")
    assert refused.returncode != 0
    assert "none of the 2 lines" in refused.stderr
    assert "one id a line" in " ".join(refused.stderr.split())


def test_compact_then_check(archive: Archive) -> None:
    path = archive.location.root
    done = run("compact", path, "--keep-versions", 1, "--memory", "64MB", "--quiet")
    assert done.stdout.startswith("compact: 2 files became 1, "), done.stderr
    assert run("compact", path, "--older-than", "soon").returncode == 2
    checked = run("check", path, "--deep", "--format", "json", "--quiet")
    assert checked.returncode == 0, checked.stderr
    report = json.loads(checked.stdout)
    assert (report["rows"], report["whole"], report["findings"]) == (20, True, [])


def test_check_fails_where_there_is_damage(archive: Archive) -> None:
    rows = archive.rows_of(["g4"])["_rowid"]
    archive.write(pa.table({"_rowid": rows, "dec": [100.0]}))
    checked = run("check", archive.location.root, "--quiet")
    assert checked.returncode == 1
    (line, last) = checked.stdout.splitlines()
    assert line.startswith("problem: positions: 1 objects (g4) lie off the sphere")
    assert "1 problems" in last
