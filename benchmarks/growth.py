"""How an index of codes grows: built and asked at several sizes, with laws fitted to what it takes.

``python -m benchmarks.growth WORK [--sizes ROWS …] [--target ROWS]``. Vectors are made by number
(``benchmarks.vectors``) and never stored; refining makes those of the candidates again. WORK keeps
index and results of each size, so that a run that was stopped goes on where it was; with
``--discard`` an index goes once it was asked and no larger size grows from it.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.growth_asking import ask_size
from benchmarks.growth_building import Size, build_size, whole
from benchmarks.growth_laws import FEWEST, laws
from benchmarks.growth_tables import answers, builds, heading
from benchmarks.report import arguments, publish

SIZES = (2e6, 8e6, 32e6, 64e6, 140e6)
TARGET = 140e6
BYTES = 140
"""Of disk a row, and some to spare for a segment that is being written."""


def main() -> None:
    """Build and ask each size in processes of their own; then fit."""
    parser = arguments(__doc__)
    parser.add_argument("work", type=Path)
    parser.add_argument("--sizes", nargs="+", type=float, default=SIZES)
    parser.add_argument("--target", type=float, default=TARGET, help="rows to predict for")
    parser.add_argument("--dimension", type=int, default=256)
    parser.add_argument("--discard", action="store_true", help="indexes that are of no more use")
    parser.add_argument("--report", action="store_true", help="only of what there is")
    parser.add_argument("--step", choices=("build", "ask"), help="of the first size, here")
    asked = parser.parse_args()
    sizes = [Size(asked.work, whole(rows), asked.dimension) for rows in sorted(asked.sizes)]
    if asked.step:
        (build_size if asked.step == "build" else ask_size)(sizes[0])
        return
    for place, size in enumerate(sizes):
        if not asked.report:
            grow(size, sizes[place + 1 :], discard=asked.discard)
    done = [json.loads(size.asked.read_text("utf-8")) for size in sizes if size.asked.exists()]
    built = [json.loads(size.built.read_text("utf-8")) for size in sizes if size.asked.exists()]
    parts = [heading(asked.dimension, done), builds(built), answers(done)]
    if len(done) >= FEWEST:
        parts.append(laws(built, done, asked.target))
    publish("growth", "\n\n".join(parts), write=asked.write)


def grow(size: Size, larger: list[Size], *, discard: bool) -> None:
    """Build and ask a size, if that was not done."""
    size.work.mkdir(parents=True, exist_ok=True)
    for step, result in (("build", size.built), ("ask", size.asked)):
        if result.exists():
            continue
        if step == "build":
            _require_space(size)
        given = ["--sizes", str(size.rows), "--dimension", str(size.dimension), "--step", step]
        again = [sys.executable, "-m", "benchmarks.growth", str(size.work), *given]
        subprocess.run(again, check=True)
    if discard and size.codes not in [other.codes for other in larger]:
        shutil.rmtree(size.codes, ignore_errors=True)


def _require_space(size: Size) -> None:
    there = sum(f.stat().st_size for f in size.codes.rglob("*") if f.is_file())
    free = shutil.disk_usage(size.work).free
    if free + there < BYTES * size.rows + (1 << 30):
        raise SystemExit(
            f"{size.rows:,} rows take {BYTES * size.rows / 1e9:.1f} GB and there are "
            f"{free / 1e9:.1f}; free some, or ask for fewer --sizes"
        )


if __name__ == "__main__":
    main()
