"""Kill processes that build codes, look after each kill, and let the last one finish."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from archive.killing import start
from archive.victim import create
from search.coder import COLUMN, OPTIONS
from skylore.archive.table import Archive
from skylore.search.codes.building import build_codes
from skylore.search.codes.manifest import BUILDING, Manifest, folder_of
from skylore.search.codes.view import View, view_of


@dataclass
class Outcome:
    """What was found; ``again`` counts rows of finished segments that were coded once more."""

    kills: int = 0
    rows: int = 0
    lost: int = 0
    doubled: int = 0
    wrong: int = 0
    again: int = 0
    problems: list[str] = field(default_factory=list)


def kill_builds(folder: Path, *, rows: int, kills: int, seed: int) -> Outcome:
    """Build codes of as many archives as it takes for so many kills."""
    chance, outcome = random.Random(seed), Outcome()
    original = folder / "original.skylore"
    build_codes(create(original, rows), COLUMN, OPTIONS)
    expected = _codes(_view(Archive.open(original)))
    turn = 0
    while outcome.kills < kills:
        turn += 1
        path = folder / f"killed{turn}.skylore"
        shutil.copytree(original, path)
        shutil.rmtree(folder_of(Archive.open(path).location, COLUMN))
        _kill_one(path, expected, chance, outcome, kills)
        shutil.rmtree(path)
    return outcome


def _kill_one(
    path: Path, expected: dict[int, bytes], chance: random.Random, outcome: Outcome, kills: int
) -> None:
    archive = Archive.open(path)
    folder = folder_of(archive.location, COLUMN)
    finished: tuple[str, ...] = ()
    kept = 0
    while outcome.kills < kills:
        process = start("search.coder", path, stdout=subprocess.PIPE)
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n", process.communicate()[1].decode()
        if chance.random() < 0.5:
            time.sleep(chance.uniform(0, 1))
        else:  # while segments are written
            while _finished(folder) == finished and process.poll() is None:
                time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
        _, errors = process.communicate(timeout=60)
        if process.returncode == 0:
            break
        if process.returncode != -signal.SIGKILL:
            raise RuntimeError(errors.decode())
        outcome.kills += 1
        outcome.problems += [str(finding) for finding in Archive.open(path).check().problems]
        finished = _finished(folder)
        before, kept = kept, sum(_rows_in(folder / name) for name in finished)
        assert kept >= before
    kept = sum(_rows_in(folder / name) for name in _finished(folder))
    coded = build_codes(archive, COLUMN, OPTIONS)
    if kept:
        outcome.again += coded - (len(expected) - kept)
    outcome.problems += [str(finding) for finding in Archive.open(path).check(deep=True).problems]
    _compare(_view(archive), expected, outcome)


def _finished(folder: Path) -> tuple[str, ...]:
    # A process may be killed when its build is finished, and before it ends.
    manifest = Manifest.load(folder) or Manifest.load(folder, BUILDING)
    return manifest.segments if manifest else ()


def _rows_in(segment: Path) -> int:
    return len(np.load(segment / "rows.npy", mmap_mode="r"))


def _view(archive: Archive) -> View:
    view = view_of(archive, COLUMN)
    assert view is not None
    assert view.uncoded == 0
    return view


def _codes(view: View) -> dict[int, bytes]:
    return {
        int(row): code.tobytes()
        for live in view.segments
        for row, code in zip(live.segment.rows, live.segment.codes, strict=True)
    }


def _compare(view: View, expected: dict[int, bytes], outcome: Outcome) -> None:
    """Compare with the codes of a build that nobody killed."""
    found = _codes(view)
    outcome.rows += len(expected)
    outcome.lost += len(expected.keys() - found.keys())
    outcome.doubled += sum(len(live.segment) for live in view.segments) - len(found)
    outcome.wrong += sum(found[row] != expected[row] for row in found.keys() & expected.keys())
