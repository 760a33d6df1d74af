"""Kill processes that change an archive, and look at it after each time."""

from __future__ import annotations

import random
import signal
import subprocess
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from archive.killing import start
from archive.victim import A_BATCH, batch_of, image_of, name_of
from skylore.archive.table import Archive


@dataclass
class Damage:
    """What was found, over all kills."""

    kills: int = 0
    rows: int = 0
    lost: int = 0
    doubled: int = 0
    wrong: int = 0
    returned: int = 0
    problems: list[str] = field(default_factory=list)

    @property
    def none(self) -> bool:
        return not (self.lost or self.doubled or self.wrong or self.returned or self.problems)


def kill_while(
    what: str, path: Path, *, rows: int, kills: int, seed: int, longest: float
) -> Damage:
    """Let a process work on an archive of ``rows`` objects, kill it, look, and start another."""
    log = path.with_suffix(".log")
    chance, damage = random.Random(seed), Damage()
    first = 0 if what == "delete" else rows // A_BATCH
    for _ in range(kills):
        process = start("archive.victim", what, path, log, first, stdout=subprocess.PIPE)
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n", process.communicate()[1].decode()
        time.sleep(chance.uniform(0, longest))
        process.send_signal(signal.SIGKILL)
        _, errors = process.communicate(timeout=60)
        if process.returncode != -signal.SIGKILL:
            raise RuntimeError(errors.decode())
        damage.kills += 1
        look(path, log, rows, damage, deleting=what == "delete")
    return damage


def look(path: Path, log: Path, rows: int, damage: Damage, *, deleting: bool) -> None:
    """Compare the archive with what was acknowledged, and check it."""
    archive = Archive.open(path)
    report = archive.check()
    damage.problems += [str(finding) for finding in report.problems]
    acknowledged = set(log.read_text().split()) if log.exists() else set()
    table = archive.read(["id", "payload"]).to_pylist()
    there = Counter(row["id"] for row in table)
    initial = {name_of(i) for i in range(rows)}
    expected = (initial - acknowledged) if deleting else (initial | acknowledged)
    if deleting:
        # A batch may have been deleted without its process having lived to say so.
        first = len(log.read_text().splitlines()) if log.exists() else 0
        expected -= set(batch_of(first))
        damage.returned += len(acknowledged & there.keys())
    damage.rows = len(there)
    damage.lost += len(expected - there.keys())
    damage.doubled += sum(there.values()) - len(there)
    damage.wrong += sum(row["payload"] != image_of(row["id"]) for row in table)
