"""Kill a worker while it works."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

WAIT = 60


@contextmanager
def one_worker_killed(folder: Path) -> Iterator[list[int]]:
    """Kill one of the workers that tell their process ids in a folder, once two of them have."""
    folder.mkdir()
    killed: list[int] = []

    def kill() -> None:
        deadline = time.monotonic() + WAIT
        while len(list(folder.iterdir())) < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
        for path in list(folder.iterdir())[:1]:
            killed.append(int(path.name))
            os.kill(killed[0], signal.SIGKILL)

    thread = Thread(target=kill)
    thread.start()
    yield killed
    thread.join()
