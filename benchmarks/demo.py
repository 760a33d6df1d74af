"""Run the demo in an empty folder, then again, and time its stages.

``python -m benchmarks.demo``
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.report import arguments, publish, table

SKYLORE = Path(sys.executable).with_name("skylore")


def run(folder: Path) -> tuple[float, dict[str, float]]:
    """Run the demo and read its own account of the stages."""
    start = time.perf_counter()
    done = subprocess.run(
        [SKYLORE, "demo", "--dir", folder], capture_output=True, text=True, check=True
    )
    stages = re.findall(r"^\[(\w+): ([\d.]+) s\]$", done.stdout, re.MULTILINE)
    return time.perf_counter() - start, {name: float(value) for name, value in stages}


def main() -> None:
    """Run it."""
    options = arguments(__doc__).parse_args()
    with tempfile.TemporaryDirectory() as folder:
        first, stages = run(Path(folder) / "demo")
        second, again = run(Path(folder) / "demo")
    rows: list[list[object]] = [
        [name, f"{value:.1f}", f"{again.get(name, 0):.1f}"] for name, value in stages.items()
    ]
    rows.append(["all, with start-up", f"{first:.1f}", f"{second:.1f}"])
    publish("demo", table(["stage", "first run, s", "second run, s"], rows), write=options.write)


if __name__ == "__main__":
    main()
