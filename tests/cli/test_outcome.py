"""How commands end that work on objects one by one."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from morphology.shapes import archive_of, shape_rows
from skylore.archive.table import Archive
from skylore.cli.app import app


def run(*words: object) -> Result:
    return CliRunner().invoke(app, [*map(str, words), "--quiet"])


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    for name in ("a", "b"):
        (folder / f"{name}.png").write_bytes(b"no image at all")
    return folder


def test_an_ingest_of_nothing_but_failures_is_an_error(broken: Path, tmp_path: Path) -> None:
    archive = tmp_path / "x.skylore"
    ended = run("ingest", archive, broken)
    assert ended.exit_code == 4
    assert "0 objects added, 2 set aside" in ended.stdout
    assert ended.stderr.startswith("skylore: ingest could do none of 2 objects: a")
    assert f"`skylore info {archive} --failures`" in ended.stderr
    assert "--retry-failed" in ended.stderr
    again = run("ingest", archive, broken, "--retry-failed")
    assert again.exit_code == 4


def test_an_ingest_that_brings_in_something_is_none(broken: Path, tmp_path: Path) -> None:
    (broken / "c.png").write_bytes(shape_rows(1)["image"][0])
    ended = run("ingest", tmp_path / "x.skylore", broken)
    assert ended.exit_code == 0
    assert "1 objects added, 2 set aside" in ended.stdout
    (broken / "d.png").write_bytes(b"nor this")
    assert run("ingest", tmp_path / "x.skylore", broken).exit_code == 0
    assert run("ingest", tmp_path / "x.skylore", broken).exit_code == 0


@pytest.mark.parametrize("good", [0, 1])
def test_so_is_a_step_that_can_do_no_object(tmp_path: Path, good: int) -> None:
    rows = dict(shape_rows(3))
    rows["image"] = [*rows["image"][:good], *[b"no image at all"] * (3 - good)]
    archive = archive_of(tmp_path / "x.skylore", rows)
    ended = run("embed", archive, "--workers", 0)
    assert ended.exit_code == (0 if good else 3), ended.output
    assert ("embed could do none of 3 objects" in ended.stderr) != bool(good)
    assert Archive.open(tmp_path / "x.skylore").filled("image_vector") == good


def test_no_workers_and_a_cluster_contradict_each_other(tmp_path: Path) -> None:
    archive = archive_of(tmp_path / "x.skylore", shape_rows(2))
    ended = run("measure", archive, "--workers", 0, "--engine", "ray")
    assert ended.exit_code == 2
    assert "--workers 0" in ended.stderr
