"""What a million objects cost, stage by stage, beside bare decoding, arithmetic and writing.

``python -m benchmarks.pipeline_cost [--objects N] [--rounds N] [--work FOLDER]`` measures;
``--project`` reckons from the published table what 140 million, 1 and 10 billion objects take, for
docs/scale.md. Stages that are slow are measured on fewer objects, and indexes on twenty times as
many.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.pipeline_data import GALAXIES, bytes_an_object, prepare
from benchmarks.pipeline_projection import project
from benchmarks.pipeline_stages import OURS
from benchmarks.report import arguments, publish, table

PARTS = ("decode", "compute", "write")
HEADER = [
    "stage",
    "core seconds a million",
    *(f"bare {part}" for part in PARTS),
    "ours / bare",
    "bytes an object",
    "peak memory, MB",
    "n",
]


def measured(stage: str, folder: Path, rounds: int) -> dict[str, Any]:
    """Run a stage in a process of its own; what was measured in this folder before is kept."""
    kept = folder / f"{stage.replace(' ', '-').replace(':', '')}.json"
    if not kept.exists():
        command = [
            sys.executable,
            "-m",
            "benchmarks.pipeline_stages",
            stage,
            str(folder),
            str(rounds),
        ]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        kept.write_text(done.stdout.splitlines()[-1])
    found: dict[str, Any] = json.loads(kept.read_text())
    return found


def row_of(stage: str, found: dict[str, Any], columns: float | None) -> list[object]:
    """Lay out what a stage took: medians, and the least and the most of the rounds."""
    turns = found["turns"]
    ours = 1e6 * np.array([turn["ours"] for turn in turns])
    bare = {part: [1e6 * turn["bare"].get(part, 0) for turn in turns] for part in PARTS}
    size = found["disk"] / found["rows"] if columns is None else columns
    ratios = ours / np.maximum(np.sum(list(bare.values()), axis=0), 1e-9)
    return [
        stage,
        spread(ours, ",.0f"),
        *(f"{np.median(bare[part]):,.0f}" if any(bare[part]) else "" for part in PARTS),
        spread(ratios, ".2f") if any(map(any, bare.values())) else "",
        f"{size:,.0f}" if size else "",
        f"{found['peak'] / 1e6:,.0f}",
        f"{len(turns)} × {found['rows']:,}",
    ]


def spread(values: NDArray[np.float64], form: str) -> str:
    """Show the median, the least and the most."""
    return f"{np.median(values):{form}} [{values.min():{form}}, {values.max():{form}}]"


def main() -> None:
    """Run it."""
    parser = arguments(__doc__)
    parser.add_argument("--objects", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--work", type=Path, help="where to go on if it was killed")
    parser.add_argument("--project", action="store_true", help="reckon; measure nothing")
    asked = parser.parse_args()
    if asked.project:
        project(write=asked.write)
        return
    if not GALAXIES.exists():
        sys.exit(f"needs the real images in {GALAXIES.name}")
    with tempfile.TemporaryDirectory() as place:
        folder: Path = asked.work or Path(place)
        ready = folder / "ready"
        if not ready.exists():
            folder.mkdir(parents=True, exist_ok=True)
            prepare(folder, asked.objects)
            ready.touch()
        found = {stage: measured(stage, folder, asked.rounds) for stage in OURS}
        rows = [row_of(s, took, bytes_an_object(s, folder)) for s, took in found.items()]
    load = f"Load of the machine at the end, over 15 minutes: {os.getloadavg()[2]:.0f}."
    publish("pipeline-cost", f"{table(HEADER, rows)}\n\n{load}", write=asked.write)


if __name__ == "__main__":
    main()
