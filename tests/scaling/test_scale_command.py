"""``skylore scale`` by real processes."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from newcomer import SKYLORE
from scaling.experiment_archives import picture_archive
from skylore.archive.table import Archive
from skylore.cli.app import app
from skylore.errors import ArchiveNotFoundError

OPTIONS = (
    "--task", "classification", "--label", "kind", "--sizes", "12,24,48", "--widths", "4",
    "--seeds", "2", "--steps", "25", "--pixels", "16", "--frames", "1", "--batch-size", "16",
    "--group-by", "object", "--where", "shape_long >= 0", "--test", "0.3", "--quiet",
)  # fmt: skip


def command(*arguments: object) -> list[str]:
    return [str(SKYLORE), "scale", *map(str, arguments)]


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*arguments), capture_output=True, text=True, check=False)


def in_process(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["scale", *map(str, arguments)])


def losses(path: Path) -> dict[str, float]:
    try:
        table = Archive.open(path)
    except ArchiveNotFoundError:
        return {}
    if "loss" not in table.schema.names:
        return {}
    rows = table.read(["id", "loss"], where="loss IS NOT NULL").to_pylist()
    return {row["id"]: row["loss"] for row in rows}


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scale") / "p.skylore"
    picture_archive(folder)
    return folder


def test_killed_experiment_goes_on_and_is_fitted(pictures: Path, tmp_path: Path) -> None:
    runs = tmp_path / "runs.skylore"
    asked = ("run", pictures, "--runs", runs, *OPTIONS)
    process = subprocess.Popen(
        command(*asked), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    while len(losses(runs)) < 2 and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL, errors
    before = losses(runs)
    assert 2 <= len(before) < 6
    done = run(*asked)
    assert done.returncode == 0, done.stderr
    after = losses(runs)
    assert len(after) == 6
    assert before.items() <= after.items()
    assert f"skylore scale fit {runs}" in done.stdout
    whole = tmp_path / "whole.skylore"
    workers = ("--workers", 1)
    assert in_process("run", pictures, "--runs", whole, *OPTIONS, *workers).exit_code == 0
    assert losses(whole) == after
    _fitted(runs, tmp_path / "law.png")


def _fitted(runs: Path, figure: Path) -> None:
    asked = ("--law", "floor", "--more", 100, "--cost-per-label", 0.5, "--format", "json")
    done = run("fit", runs, *asked, "--figure", figure)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["finished"], told["planned"]) == (6, 6)
    (law,) = told["laws"]
    assert law["advice"]["cost"] == 50
    assert law["ahead"][0]["data"] == 192
    assert figure.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["--task", "density"], 6, "does not have"),
        (["--task", "classification", "--label", "kind", "--sizes", "many"], 2, "not a list"),
        (["--task", "classification", "--label", "kind", "--where", "1; drop"], 5, "filter"),
    ],
)
def test_errors_are_one_line_with_a_code(
    pictures: Path, tmp_path: Path, arguments: list[str], code: int, says: str
) -> None:
    failed = in_process("run", pictures, "--runs", tmp_path / "r", *arguments)
    assert failed.exit_code == code, failed.stderr
    assert says in failed.stderr
    assert "Traceback" not in failed.stderr
    assert not (tmp_path / "r").exists()


def test_objects_are_no_runs(pictures: Path) -> None:
    failed = in_process("fit", pictures)
    assert failed.exit_code == 3
    assert "holds no training runs" in failed.stderr
