"""Serve an archive to eight clients, from one process and from two, while a writer appends.

``python -m benchmarks.serving ARCHIVE [--seconds S]``: an archive with vectors, ``mag``, positions
and ids such as ``g123``. What is appended is deleted again at the end.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import urlopen

import numpy as np
import pyarrow as pa

from benchmarks.report import arguments, publish, table
from skylore.archive.table import Archive

SKYLORE = Path(sys.executable).with_name("skylore")
CLIENTS = 8
EVERY = 1.0
"""Seconds between appends."""
APPENDED = 50
MARK = "appended-"


@dataclass
class Measured:
    """What clients saw."""

    seconds: float
    times: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    versions: set[int] = field(default_factory=set)
    backwards: int = 0


def questions(rows: int, seed: int) -> Iterator[str]:
    """Ask for objects like one, some under filters that are asked often, some that are new."""
    chance = random.Random(seed)
    while True:
        like = {"like": f"g{chance.randrange(rows)}", "k": 20}
        kind = chance.random()
        if kind < 0.4:
            yield urlencode(like)
        elif kind < 0.7:
            yield urlencode({**like, "where": f"mag < {chance.choice((18, 19, 20))}"})
        elif kind < 0.85:
            ra, dec = chance.uniform(0, 360), chance.uniform(-80, 80)
            yield urlencode({**like, "cone": f"{ra:.3f} {dec:.3f} 5"})
        else:
            yield urlencode({"where": f"mag < {chance.uniform(14, 17):.4f}", "k": 20})


def ask(addresses: Sequence[str], rows: int, clients: int, seconds: float) -> Measured:
    """Let clients ask one question after the other, each of all processes by turns."""
    measured, lock = Measured(seconds), threading.Lock()
    end = time.monotonic() + seconds

    def client(seed: int) -> None:
        turns, last = itertools.cycle(addresses[seed % len(addresses) :]), 0
        for question in questions(rows, seed):
            if time.monotonic() > end:
                return
            start = time.perf_counter()
            try:
                with urlopen(f"{next(turns)}/api/search?{question}", timeout=60) as answer:
                    version = json.load(answer)["version"]
            except (OSError, ValueError) as error:
                with lock:
                    measured.errors.append(str(error))
                continue
            with lock:
                measured.times.append(time.perf_counter() - start)
                measured.versions.add(version)
                measured.backwards += version < last
            last = version

    with ThreadPoolExecutor(clients) as threads:
        list(threads.map(client, range(clients)))
    return measured


def cpu_seconds(pid: int) -> float:
    """Give what a process has computed, which other processes disturb little."""
    told = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(told[11]) + int(told[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def servers(archive: Path, count: int) -> Iterator[list[tuple[str, int, float]]]:
    """Start servers; gives address, process and seconds to the first answer of each."""
    with ExitStack() as stack:
        found = []
        for _ in range(count):
            start = time.perf_counter()
            process = subprocess.Popen(
                [SKYLORE, "serve", archive, "--port", "0"], stdout=subprocess.PIPE, text=True
            )
            stack.callback(process.wait)
            stack.callback(process.terminate)
            line = process.stdout.readline() if process.stdout else ""
            address = re.search(r"http://\S+", line)
            if address is None:
                raise RuntimeError(f"the server did not start: {line}")
            with urlopen(f"{address[0]}/api/search?k=1", timeout=600) as answer:
                answer.read()
            found.append((address[0], process.pid, time.perf_counter() - start))
        yield found


def anonymous_mb(pid: int) -> float:
    """Give the memory of a process that is not a file's."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    found = re.search(r"RssAnon:\s+(\d+)", status)
    return int(found[1]) / 1024 if found else 0.0


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Append rows every second, in a thread, and take them out again at the end."""
    archive, done = Archive.open(path), threading.Event()
    dimension = archive.schema.field("image_vector").type.list_size
    kind = archive.schema.field("image_vector").type.value_type
    rng = np.random.default_rng(0)

    def append() -> None:
        for turn in itertools.count():
            if done.wait(EVERY):
                return
            flat = pa.array(rng.normal(size=APPENDED * dimension).astype(np.float32)).cast(kind)
            vectors = pa.FixedSizeListArray.from_arrays(flat, dimension)
            names = [f"{MARK}{turn}-{i}" for i in range(APPENDED)]
            archive.append(pa.table({"id": names, "image_vector": vectors}))
            archive.refresh()

    writer = threading.Thread(target=append)
    writer.start()
    try:
        yield
    finally:
        done.set()
        writer.join()
        archive.delete(where=f"id LIKE '{MARK}%'")


def row(name: str, found: Measured, cpu: float, memory: tuple[float, float]) -> list[object]:
    """Lay out a line."""
    middle, high = 1e3 * np.percentile(found.times, [50, 99])
    return [
        name,
        f"{len(found.times) / found.seconds:.1f}",
        f"{middle:.0f}",
        f"{high:.0f}",
        f"{1e3 * cpu / len(found.times):.0f}",
        len(found.errors),
        f"{len(found.versions)}, {found.backwards}",
        f"{memory[0]:.0f} → {memory[1]:.0f}",
    ]


def measure(archive: Path, rows: int, seconds: float) -> Iterator[list[object]]:
    """Measure one process with one client and with eight, and two processes with eight."""
    for count, clients, beside in ((1, 1, False), (1, 8, False), (1, 8, True), (2, 8, True)):
        with servers(archive, count) as started:
            addresses = [address for address, _, _ in started]
            ask(addresses, rows, clients, min(5.0, seconds))
            pids = [pid for _, pid, _ in started]
            before, computed = sum(map(anonymous_mb, pids)), sum(map(cpu_seconds, pids))
            with ExitStack() as stack:
                if beside:
                    stack.enter_context(writing(archive))
                found = ask(addresses, rows, clients, seconds)
            after, cpu = sum(map(anonymous_mb, pids)), sum(map(cpu_seconds, pids)) - computed
        name = f"{count} process{'es' * (count > 1)}, {clients} client{'s' * (clients > 1)}"
        yield row(name + ", a writer beside" * beside, found, cpu, (before, after))
        if found.errors:
            sys.stderr.write(f"{found.errors[0]}\n")


def main() -> None:
    """Run it."""
    parser = arguments(__doc__)
    parser.add_argument("archive", type=Path)
    parser.add_argument("--seconds", type=float, default=20.0)
    options = parser.parse_args()
    rows = len(Archive.open(options.archive))
    starts, computed = [], []
    for _ in range(3):
        with servers(options.archive, 1) as started:
            starts.append(started[0][2])
            computed.append(cpu_seconds(started[0][1]))
    header = [
        "who asks",
        "answers a second",
        "median, ms",
        "99 %, ms",
        "CPU ms an answer",
        "errors",
        "versions seen, steps back",
        "memory at start → end, MB",
    ]
    lines = table(header, list(measure(options.archive, rows, options.seconds)))
    load = os.getloadavg()[0]
    said = (
        f"{rows:,} rows; `skylore serve` gives its first answer after {np.median(starts):.1f} s "
        f"(median of {len(starts)}), {np.median(computed):.1f} s of them computing. Other "
        f"processes loaded the machine with {load:.0f} at the end."
    )
    publish("serving", f"{said}\n\n{lines}", write=options.write)


if __name__ == "__main__":
    main()
