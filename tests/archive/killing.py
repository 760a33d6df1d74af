"""Kill a step again and again, and see what is left of the archive."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from skylore.archive.staging import Staging
from skylore.archive.table import Archive

TESTS = Path(__file__).parents[1]


@dataclass(frozen=True)
class Outcome:
    """What killing did."""

    kills: int
    paid: int
    paid_twice: int


def kill_until_done(archive: Path, log: Path, *, workers: int, kills: int, seed: int) -> Outcome:
    """Run the fill, killing it at ``kills`` random moments, then let it end."""
    chance = random.Random(seed)
    finished: set[str] = set()
    twice = done = 0
    while True:
        before = len(paid(log))
        process = start("archive.filler", archive, log, workers)
        if done < kills:
            wait_for(log, before, process)
            time.sleep(chance.uniform(0, 0.12))
            process.send_signal(signal.SIGKILL)
        _, errors = process.communicate(timeout=120)
        twice += len(finished & set(paid(log)[before:]))
        finished = kept(archive)
        if process.returncode == 0:
            return Outcome(done, len(paid(log)), twice)
        if process.returncode != -signal.SIGKILL:
            raise RuntimeError(errors.decode())
        done += 1


def kill_ingest_until_done(archive: Path, source: Path, *, kills: int, seed: int) -> int:
    """Run the ingest, killing it at random moments after it began to write, then let it end."""
    chance = random.Random(seed)
    done = 0
    while True:
        before = written(archive)
        process = start("archive.ingester", archive, source)
        if done < kills:
            while written(archive) == before and process.poll() is None:
                time.sleep(0.002)
            time.sleep(chance.uniform(0, 0.03))
            process.send_signal(signal.SIGKILL)
        _, errors = process.communicate(timeout=120)
        if process.returncode == 0:
            return done
        if process.returncode != -signal.SIGKILL:
            raise RuntimeError(errors.decode())
        done += 1


def written(archive: Path) -> int:
    """Count the files of the table, finished or not."""
    return sum(1 for _ in (archive / "objects.lance").rglob("*"))


def start(
    module: str, *arguments: object, stdout: int = subprocess.DEVNULL
) -> subprocess.Popen[bytes]:
    """Start a process of this folder."""
    return subprocess.Popen(
        [sys.executable, "-m", module, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(TESTS)},
        stdout=stdout,
        stderr=subprocess.PIPE,
    )


def wait_for(log: Path, before: int, process: subprocess.Popen[bytes]) -> None:
    """Wait until the process has paid for something, or has ended."""
    while len(paid(log)) == before and process.poll() is None:
        time.sleep(0.005)


def paid(log: Path) -> list[str]:
    """List the rows paid for, in order."""
    return log.read_text().split() if log.exists() else []


def kept(path: Path) -> set[str]:
    """List the rows whose work is finished: in the table, or staged."""
    archive = Archive.open(path)
    if "length" not in archive.schema.names:
        return set()
    rows = set(archive.read(["id"], where="length IS NOT NULL")["id"].to_pylist())
    staging = Staging(archive.location, "length")
    if staging.rows():
        rows |= set(archive.ids_of(staging.read()["_rowid"]).to_pylist())
    return rows


def check(path: Path, expected: dict[str, int]) -> dict[str, int]:
    """Count rows lost, doubled, wrong and set aside."""
    archive = Archive.open(path)
    rows = archive.read(["id", "length", "double"]).to_pylist()
    values = {row["id"]: (row["length"], row["double"]) for row in rows}
    aside = set(archive.quarantine.read("length")["id"].to_pylist())
    done = expected.keys() - aside
    return {
        "lost": sum(values.get(i, (None, None))[0] is None for i in done),
        "doubled": sum(count - 1 for count in Counter(row["id"] for row in rows).values()),
        "wrong": sum(values.get(i) != (expected[i], 2.0 * expected[i]) for i in done),
        "set aside": len(aside),
    }
