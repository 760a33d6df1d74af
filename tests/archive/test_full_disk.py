"""A disk that is really full: a small file system of its own, where that may be mounted."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from archive.steps import LengthStep
from archive.victim import create
from skylore import pipeline
from skylore.archive.fill import FillOptions
from skylore.archive.table import Archive
from skylore.errors import ArchiveError
from skylore.intake.ingest import IngestOptions

QUIET = FillOptions(progress=False, fold_rows=8, batch_rows=4)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(folder)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"a small file system cannot be mounted here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill_up(disk: Path, *, leaving: int = 0) -> Path:
    """Take all space but a few bytes."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            file.truncate(max(0, file.tell() - leaving))
    return ballast


def refused(work: Callable[[], object]) -> None:
    with pytest.raises(ArchiveError, match=r"disk of .* is full.*[Ff]ree some space"):
        work()


def test_ingest(disk: Path, tmp_path: Path) -> None:
    source = tmp_path / "images"
    source.mkdir()
    chance = np.random.default_rng(0)
    for i in range(120):
        noise = chance.integers(0, 255, (160, 160, 3), np.uint8)
        Image.fromarray(noise).save(source / f"g{i:03d}.png")
    path = disk / "a.skylore"
    ballast = fill_up(disk, leaving=4 << 20)
    options = IngestOptions(progress=False, batch_rows=10)
    refused(lambda: pipeline.ingest(path, source, options))
    archive = Archive.open(path)
    kept = len(archive)
    assert 0 < kept < 120
    assert archive.check(deep=True).whole
    ballast.unlink()
    subprocess.run(["mount", "-o", "remount,size=32m", str(disk)], check=True)
    _, report = pipeline.ingest(path, source, options)
    assert (report.added, report.already) == (120 - kept, kept)
    assert Archive.open(path).check(deep=True).whole


@pytest.mark.parametrize("leaving", [0, 40_000, 100_000])
def test_fill(disk: Path, leaving: int) -> None:
    archive = Archive.create(disk / "a.skylore")
    names = [f"g{i}" for i in range(200)]
    archive.append(pa.table({"id": names, "image": [bytes(10 + i) for i in range(200)]}))
    ballast = fill_up(disk, leaving=leaving)
    refused(lambda: archive.fill(LengthStep(bad=("g7",)), QUIET))
    again = Archive.open(archive.location.root)
    assert again.read(["id"])["id"].to_pylist() == names
    ballast.unlink()
    assert not [p for p in again.check(deep=True).problems if p.check != "images"]
    again.fill(LengthStep(), QUIET.model_copy(update={"retry_failed": True}))
    assert again.read(["length"])["length"].to_pylist() == [10 + i for i in range(200)]


@pytest.mark.parametrize("work", ["index", "compact", "delete", "update"])
def test_upkeep(disk: Path, work: str) -> None:
    archive = create(disk / "a.skylore", 600)
    doings: dict[str, Callable[[], object]] = {
        "index": lambda: pipeline.index(archive, vector_rows=256),
        "compact": archive.compact,
        "delete": lambda: archive.delete(ids=["g1", "g500"]),
        "update": lambda: archive.update(pa.table({"id": ["g9"], "payload": [b"other"]})),
    }
    ballast = fill_up(disk)
    refused(doings[work])
    again = Archive.open(archive.location.root)
    assert len(again) == 600
    ballast.unlink()
    assert again.check(deep=True).whole
    archive.refresh()
    doings[work]()
    archive.refresh()
    assert archive.check(deep=True).whole
