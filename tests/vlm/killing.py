"""Kill a captioning process again and again, and see what it lost or paid for twice."""

from __future__ import annotations

import random
import signal
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from archive.killing import start


@dataclass(frozen=True)
class Outcome:
    """What killing did.

    ``kept_paid_again`` counts answers that were on disk when a process was killed and that the
    server was asked for once more.
    """

    kills: int
    kept_paid_again: int
    output: str


def kept_keys(answers: Path) -> set[str]:
    """List the digests of the answers on disk."""
    if not answers.exists():
        return set()
    connection = sqlite3.connect(answers, timeout=30)
    try:
        return {key for (key,) in connection.execute("SELECT key FROM answers")}
    finally:
        connection.close()


def requests_made(answers: Path) -> list[str]:
    """List the digests of all requests that were ever reserved money for, in order."""
    connection = sqlite3.connect(answers, timeout=30)
    try:
        return [key for (key,) in connection.execute("SELECT key FROM spending ORDER BY id")]
    finally:
        connection.close()


def kill_until_done(
    archive: Path,
    answers: Path,
    arguments: list[object],
    served: Callable[[], int],
    *,
    kills: int,
    each: int,
    seed: int,
    timeout: float = 600,
) -> Outcome:
    """Run the captioner, killing it after some ``each`` answers, then let it end.

    Parameters
    ----------
    served
        Counts the server's answers.
    """
    chance = random.Random(seed)
    kept: set[str] = set()
    made = again = done = 0
    while True:
        before = served()
        process = start("vlm.captioner", archive, *arguments)
        if done < kills:
            goal = before + chance.randint(1, each)
            while served() < goal and process.poll() is None:
                time.sleep(0.005)
            time.sleep(chance.uniform(0, 0.05))
            process.send_signal(signal.SIGKILL)
        _, errors = process.communicate(timeout=timeout)
        if answers.exists():
            requests = requests_made(answers)
            again += sum(key in kept for key in requests[made:])
            kept, made = kept_keys(answers), len(requests)
        if process.returncode == 0:
            return Outcome(done, again, errors.decode())
        if process.returncode != -signal.SIGKILL:
            raise RuntimeError(errors.decode())
        done += 1
