"""Whether simulated galaxies help an encoder: the same recipe with and without them.

``python -m benchmarks.simulations --work WORK``, after ``python -m recipes.galaxy_nano prepare DATA
WORK``. Both are trained for the same number of steps on batches of the same size, and judged by
linear probes on real objects held out. Trained encoders stay in ``WORK/simulations``.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from recipes.settings import SEEN, TEACHER

from benchmarks.probes import TASKS, load, probe_answers
from benchmarks.report import arguments, publish, table
from skylore import pipeline
from skylore.archive.table import Archive
from skylore.encoders.base import Pixels
from skylore.encoders.registry import load_image_encoder
from skylore.evaluation.bootstrap import bootstrap_mean, paired_difference
from skylore.morphology.labels import FigureLabels, LabelSource
from skylore.morphology.settings import PretrainSettings

REAL = "`set` <> 'sim'"


def without_simulations(settings: PretrainSettings) -> PretrainSettings:
    """Leave out all labels that only simulations have."""
    kept: list[LabelSource] = []
    for source in settings.labels:
        columns = tuple(name for name in source.columns if not name.startswith("sim_"))
        if isinstance(source, FigureLabels):
            kept.append(source.model_copy(update={"columns": columns}))
        elif columns:
            kept.append(source)
    return settings.model_copy(update={"labels": tuple(kept)})


def trained(work: Path, name: str, settings: PretrainSettings, where: str) -> str:
    """Train an encoder unless it is there; give its name."""
    folder = work / "simulations" / f"{name}-{settings.steps}-{settings.seed}"
    if not (folder / "config.json").exists():
        archive = Archive.open(work / "galaxies.skylore")
        print(pipeline.pretrain(archive, folder, settings, where=where, group="object"))
    return f"model:{folder}"


def compare(
    objects: pd.DataFrame, images: list[Pixels], encoders: dict[str, list[str]]
) -> list[list[object]]:
    """Probe both on each task; answers of several seeds are averaged an object."""
    vectors = {
        name: [load_image_encoder(place).encode(images) for place in places]
        for name, places in encoders.items()
    }
    rows: list[list[object]] = []
    for task in TASKS:
        right = {
            name: np.mean(
                [probe_answers(v, task.label(objects), objects["split"]) for v in seeds], axis=0
            )
            for name, seeds in vectors.items()
        }
        cells = []
        for values in right.values():
            found = bootstrap_mean(values, seed=0)
            cells.append(f"{found.mean:.3f} [{found.low:.3f}, {found.high:.3f}]")
        gain = paired_difference(right["with"], right["without"], seed=0)
        change = f"{gain.mean:+.3f} [{gain.low:+.3f}, {gain.high:+.3f}]"
        rows.append([task.name, len(right["with"]), *cells, change])
    return rows


def main() -> None:
    """Run it."""
    parser = arguments(__doc__)
    parser.add_argument("--work", type=Path, required=True, help="folder of the recipe")
    parser.add_argument("--steps", type=int, default=700)
    parser.add_argument("--seeds", type=int, default=1)
    options = parser.parse_args()
    places: dict[str, list[str]] = {"with": [], "without": []}
    for seed in range(options.seeds):
        update = {"steps": options.steps, "evaluations": 1, "seed": seed}
        both = TEACHER.model_copy(update=update)
        places["with"].append(trained(options.work, "with", both, SEEN))
        real = without_simulations(both)
        places["without"].append(trained(options.work, "without", real, f"{SEEN} AND {REAL}"))
    rows = compare(*load(options.work), places)
    header = ["task", "objects", "with simulations", "without", "gain"]
    said = f"{options.steps} steps each, {options.seeds} seed(s)."
    publish("simulations", f"{table(header, rows)}\n\n{said}", write=options.write)


if __name__ == "__main__":
    main()
