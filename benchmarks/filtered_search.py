"""Compare vector search under filters: this project, Lance as it comes, and FAISS.

``python -m benchmarks.filtered_search VECTORS WORK [--rows N] [--queries Q]``. VECTORS is a folder
with ``base.npy`` (N, D), ``queries.npy`` and ``meta.parquet`` (``id``, ``mag``, ``ra``, ``dec``);
WORK keeps what was built, so that a run that was stopped goes on. FAISS is left out where it is
not installed (``pip install faiss-cpu``).
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.filtered_data import Data
from benchmarks.filtered_engines import ENGINES, measure
from benchmarks.report import arguments, publish, table


def main() -> None:
    """Build and ask each engine in a process of its own."""
    parser = arguments(__doc__)
    parser.add_argument("vectors", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--stage", choices=("build", "ask"), help="of one engine, in this process")
    parser.add_argument("--engine", choices=tuple(ENGINES))
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    data = Data(options.vectors, options.work, options.rows, options.queries)
    if options.stage:
        result = built(options.engine, data) if options.stage == "build" else None
        kept = result or measure(options.engine, data)
        kept_in(data, options.engine, options.stage).write_text(json.dumps(kept))
        return
    data.exact()
    for engine in available():
        for stage in ("build", "ask"):
            if not kept_in(data, engine, stage).exists():
                again = [sys.executable, "-m", "benchmarks.filtered_search", *sys.argv[1:]]
                again = [part for part in again if part != "--write"]
                subprocess.run([*again, "--stage", stage, "--engine", engine], check=True)
    publish("filtered-search", report(data), write=options.write)


def available() -> list[str]:
    """Name the engines that are installed."""
    there = importlib.util.find_spec("faiss") is not None
    return [name for name in ENGINES if there or "FAISS" not in name]


def kept_in(data: Data, engine: str, stage: str) -> Path:
    """Say where a result is kept."""
    return data.work / f"{engine.replace(' ', '-')}.{stage}.json"


def built(engine: str, data: Data) -> dict[str, Any]:
    """Build an engine's index and time it, the data being there."""
    made = ENGINES[engine](data)
    start = time.perf_counter()
    size = made.build()
    return {"seconds": time.perf_counter() - start, "bytes": size}


def report(data: Data) -> str:
    """Lay out both tables."""
    rows: list[list[object]] = []
    costs: list[list[object]] = []
    for engine in available():
        build, asked = (
            json.loads(kept_in(data, engine, stage).read_text()) for stage in ("build", "ask")
        )
        costs.append(
            [
                engine,
                f"{build['seconds']:.0f}",
                f"{build['bytes'] / 1e6:.0f}",
                f"{asked['RssAnon']:.0f}",
                f"{asked['RssFile']:.0f}",
            ]
        )
        for name, line in asked["filters"].items():
            recalls = [f"{line[key]:.3f}" for key in ("recall@10", "recall@100")]
            times = [f"{line[key]:.1f}" for key in ("p50", "p99")]
            rows.append([name, engine, *recalls, *times])
    order = {name: place for place, name in enumerate(data.filters)}
    rows.sort(key=lambda row: order[str(row[0])])
    dimension = np.load(data.vectors / "base.npy", mmap_mode="r").shape[1]
    title = f"{data.rows:,} vectors of {dimension} dimensions, {data.queries} queries, k = 100."
    found = table(["filter", "engine", "recall@10", "recall@100", "p50, ms", "p99, ms"], rows)
    head = ["engine", "build, s", "index, MB", "own memory, MB", "mapped, MB"]
    return f"{title}\n\n{found}\n\n{table(head, costs)}"


if __name__ == "__main__":
    main()
