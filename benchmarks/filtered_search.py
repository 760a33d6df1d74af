"""Compare vector search under filters: this project, Lance as it comes, FAISS, and Qdrant Edge.

``python -m benchmarks.filtered_search VECTORS WORK [--rows N] [--queries Q]``. VECTORS is a folder
with ``base.npy`` (N, D), ``queries.npy`` and ``meta.parquet`` (``id``, ``mag``, ``ra``, ``dec``),
as ``benchmarks.vectors`` writes it; WORK keeps what was built, so that a run that was stopped goes
on. FAISS and Qdrant are left out where they are not installed (``pip install faiss-cpu
qdrant-edge-py``). With ``--memory GB`` each engine answers in a control group with that limit,
which counts the files that it has read, too, beginning with none of them in memory.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.filtered_data import Data
from benchmarks.filtered_engines import ENGINES, FEW, NEEDED, SLOW
from benchmarks.filtered_measuring import build, measure
from benchmarks.report import arguments, publish, table

OURS = "skylore"


def main() -> None:
    """Build each engine in a process of its own; then ask them in turns."""
    parser = arguments(__doc__)
    parser.add_argument("vectors", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--name", default="filtered-search", help="of the document's section")
    parser.add_argument("--build", choices=tuple(ENGINES), help="this one, in this process")
    parser.add_argument("--engines", nargs="+", help="only these, and ours")
    parser.add_argument("--memory", type=float, help="GB that an engine may hold while it answers")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    data = Data(options.vectors, options.work, options.rows, options.queries)
    if options.build:
        built_in(data, options.build).write_text(json.dumps(build(options.build, data)))
        return
    chosen = options.engines or [*ENGINES, *SLOW]
    engines = available(name for name in ENGINES if name in chosen or name == OURS)
    for engine in engines:
        if not built_in(data, engine).exists():
            again = [sys.executable, "-m", "benchmarks.filtered_search", *sys.argv[1:]]
            again = [part for part in again if part != "--write"]
            subprocess.run([*again, "--build", engine], check=True)
    data.exact()
    measured = data.work / "asked.json"
    if not measured.exists():
        asked_too = available(name for name in SLOW if name in chosen)
        measured.write_text(json.dumps(measure(engines + asked_too, data, options.memory)))
    asked = json.loads(measured.read_text())
    built = {name: json.loads(built_in(data, name).read_text()) for name in engines}
    publish(options.name, report(data, built, asked), write=options.write)


def available(engines: Iterable[str]) -> list[str]:
    """Name the engines that are installed."""
    missing = [name for name, module in NEEDED.items() if find_spec(module) is None]
    return [name for name in engines if name.split()[0].strip(",") not in missing]


def built_in(data: Data, engine: str) -> Path:
    """Say where the figures of a build are kept."""
    return data.work / f"{engine.replace(' ', '-')}.build.json"


def report(data: Data, built: dict[str, Any], asked: dict[str, Any]) -> str:
    """Lay out both tables."""
    dimension = data.base.shape[1]
    loads = np.quantile(asked["load"], [0, 0.5, 1])
    title = (
        f"{data.rows:,} vectors of {dimension} dimensions, {data.queries} queries ({FEW} where all "
        f"lists are probed), k = 100. "
        f"Runnable processes on the machine while they were asked: {loads[1]:.1f} "
        f"({loads[0]:.1f} to {loads[2]:.1f})."
    )
    return f"{title}\n\n{_answers(asked['lines'])}\n\n{_costs(built, asked['memory'])}"


def _answers(lines: dict[str, Any]) -> str:
    rows: list[list[object]] = []
    for name, engines in lines.items():
        for engine, line in engines.items():
            ratios = [f"{line[key] / engines[OURS][key]:.2f}" for key in ("p50", "p99")]
            recalls = [f"{line[key]:.3f}" for key in ("recall@10", "recall@100")]
            times = [f"{line[key]:.1f}" for key in ("anew", "p50", "p99")]
            around = f"{line['around']:.1f}" if "around" in line else ""
            rows.append([name, engine, *recalls, *times, *ratios, around])
    recalls = ["recall@10", "recall@100"]
    times = ["new filter, ms", "p50, ms", "p99, ms"]
    ratios = ["p50 / ours", "p99 / ours"]
    return table(["filter", "engine", *recalls, *times, *ratios, "around it, ms"], rows)


def _costs(built: dict[str, Any], sizes: dict[str, Any]) -> str:
    limited = all("peak" in size for size in sizes.values())
    rows: list[list[object]] = [
        [
            engine,
            f"{build['seconds']:.0f}",
            f"{build['cpu']:.0f}" if "cpu" in build else "",
            f"{build['peak']:.0f}",
            f"{build['load']:.1f}",
            f"{build['bytes'] / 1e6:.0f}",
            f"{sizes[engine]['RssAnon']:.0f}",
            f"{sizes[engine]['RssFile']:.0f}",
            *([f"{sizes[engine]['peak']:.0f}"] if limited else []),
        ]
        for engine, build in built.items()
    ]
    head = ["engine", "build, s", "build, s of CPU", "peak own memory, MB", "load", "index, MB"]
    head += ["own memory asked, MB", "mapped, MB"]
    return table([*head, *(["most with files, MB"] if limited else [])], rows)


if __name__ == "__main__":
    main()
