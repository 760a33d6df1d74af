"""Time cold starts of the command line, and warm answers of the server.

``python -m benchmarks.startup ARCHIVE``, with the archive of the demo.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import urlopen

import numpy as np

from benchmarks.report import arguments, publish, table

SKYLORE = Path(sys.executable).with_name("skylore")
WORDS = ("edge-on disk", "red elliptical", "blue spiral", "interacting pair", "small round galaxy")


def timed(work: Callable[[], object], times: int) -> list[float]:
    """Time several calls, in seconds."""
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return taken


def process(*command: object) -> Callable[[], object]:
    """Make a call that runs a process to its end."""
    return lambda: subprocess.run([str(part) for part in command], capture_output=True, check=True)


def answers(archive: Path, rounds: int) -> tuple[list[float], list[float]]:
    """Ask a running server: each question once in new words, then again."""
    server = subprocess.Popen(
        [SKYLORE, "serve", archive, "--port", "8765"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(asking("warm up"))
        new = [timed(asking(f"{w} {i}"), 1)[0] for i in range(rounds) for w in WORDS]
        known = [timed(asking(w), 1)[0] for _ in range(rounds) for w in WORDS]
    finally:
        server.terminate()
        server.wait()
    return new, known


def asking(words: str) -> Callable[[], object]:
    """Make a call that asks the server."""
    address = f"http://127.0.0.1:8765/api/search?{urlencode({'q': words})}"
    return lambda: urlopen(address, timeout=60).read()


def wait_for(work: Callable[[], object]) -> None:
    """Try until it works, for a minute at most."""
    for _ in range(300):
        try:
            work()
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise TimeoutError("the server did not start")


def main() -> None:
    """Run it."""
    parser = arguments(__doc__)
    parser.add_argument("archive", type=Path)
    options = parser.parse_args()
    new, known = answers(options.archive, 10)
    measured = {
        "`skylore --help`": timed(process(SKYLORE, "--help"), 9),
        "`import skylore`": timed(process(sys.executable, "-c", "import skylore"), 9),
        "`skylore search ARCHIVE WORDS`": timed(
            process(SKYLORE, "search", options.archive, WORDS[0]), 9
        ),
        "`serve`: words never asked before": new,
        "`serve`: words asked before": known,
    }
    rows: list[list[object]] = []
    for name, taken in measured.items():
        low, middle, high = 1e3 * np.percentile(taken, [5, 50, 95])
        rows.append([name, f"{middle:.0f}", f"{low:.0f} – {high:.0f}", len(taken)])
    header = ["what", "median, ms", "5 % – 95 %, ms", "n"]
    publish("startup", table(header, rows), write=options.write)


if __name__ == "__main__":
    main()
