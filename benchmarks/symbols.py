"""Whether schematic symbols help to learn classes from few labels, and by how much.

``python -m benchmarks.symbols --work WORK``, after ``python -m recipes.galaxy_nano all DATA WORK``.
All learners start from the label-free twin, which has seen no label, and take the same steps with
the same batches and augmentation. They learn from the training split and nested shares of it, and
are asked about the held-out split. Finished runs are kept in ``WORK/symbols``; called again it goes
on where it stopped.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from tqdm import tqdm

from benchmarks.downstream_runs import TaskData, open_task
from benchmarks.probes import TASKS, Task
from benchmarks.report import arguments, publish, table
from benchmarks.symbols_runs import CONTROLS, METHODS, Learner, train, zero_shot
from skylore.archive.table import Archive
from skylore.classification.settings import ClassifierSettings
from skylore.evaluation.bootstrap import Interval, bootstrap_mean, paired_difference

SHARES = (1, 4, 16)
CONTROLLED = 16
"""The share at which controls are run: where symbols could matter most."""
BEST, PUBLISHED = "three modalities, class positives", "three modalities, as published"
BASELINES = ("cross-entropy", PUBLISHED, "two modalities, class positives")
START = "label-free twin, nearest symbol, no training"
FEWEST = 16

RINGS = Task(
    "rings (DECaLS)",
    lambda objects: objects["ring"].map({True: "ring", False: "disk without ring"}),
)
CHOSEN = (*(t for t in TASKS if t.name in ("GZ1, four classes", "class5, five classes")), RINGS)


def results(work: Path, asked: argparse.Namespace) -> pd.DataFrame:
    """Run all that has not been run, and give a row for each held-out object."""
    kept = work / "symbols"
    kept.mkdir(exist_ok=True)
    archive = Archive.open(work / "galaxies.skylore")
    parts = []
    for task in CHOSEN[: asked.tasks]:
        data = open_task(archive, task, kept)
        runs = list(_runs(data, asked.shares, asked.seeds))
        for share, seed, name, learner in tqdm(runs, desc=task.name):
            file = kept / f"{data.slug}-{share}-{seed}-{_slug(name)}.parquet"
            if not file.exists():
                settings = ClassifierSettings(
                    network=f"model:{work}/label-free", steps=asked.steps, batch_size=48, seed=seed
                )
                rows = data.share(share, seed)
                found = (
                    zero_shot(data, settings)
                    if learner is None
                    else train(data, rows, learner, settings, file.with_suffix(".safetensors"))
                )
                pd.DataFrame(found).to_parquet(file)
            said = pd.read_parquet(file).reset_index(names="object")
            parts.append(said.assign(task=task.name, share=share, seed=seed, learner=name))
    return pd.concat(parts, ignore_index=True)


def _runs(
    data: TaskData, shares: Sequence[int], seeds: int
) -> Iterator[tuple[int, int, str, Learner | None]]:
    for share, seed in product(shares, range(seeds)):
        rows = data.share(share, seed)
        if len(rows) < FEWEST or data.lacks_a_class(rows):
            continue
        learners: Mapping[str, Learner] = METHODS | (CONTROLS if share == CONTROLLED else {})
        yield from ((share, seed, name, learner) for name, learner in learners.items())
    yield 1, 0, START, None


def _slug(name: str) -> str:
    return "".join(c if c.isalnum() else "-" for c in name)


def layout(found: pd.DataFrame) -> str:
    """Lay out accuracy, mAP, and what symbols bring, with intervals over objects."""
    # Seeds are averaged first: answers about one object are not independent.
    keys = ["task", "share", "learner", "object"]
    means = found.groupby(keys, sort=False)[["right", "ap"]].mean()
    lines: list[list[object]] = []
    for (task, share, learner), rows in means.groupby(level=[0, 1, 2], sort=False):
        right, ap = rows["right"].to_numpy(), rows["ap"].dropna().to_numpy()
        accuracy, precision = bootstrap_mean(right, seed=0), bootstrap_mean(ap, seed=0)
        gains = [
            _shown(paired_difference(_of(means, task, share, BEST), right, seed=0), sign="+")
            if learner != BEST and (task, share, BEST) in means.index
            else ""
        ]
        lines.append(
            [task, f"1/{share}", learner, len(right), _shown(accuracy), _shown(precision), *gains]
        )
    header = ["task", "share", "learner", "asked", "accuracy", "mAP", f"{BEST}: more right by"]
    return table(header, lines)


def _of(means: pd.DataFrame, task: str, share: int, learner: str) -> NDArray[np.float64]:
    right: NDArray[np.float64] = means.loc[(task, share, learner)]["right"].to_numpy()
    return right


def _shown(interval: Interval, sign: str = "") -> str:
    return f"{interval.mean:{sign}.3f} [{interval.low:{sign}.3f}, {interval.high:{sign}.3f}]"


def main() -> None:
    """Run it."""
    parser = arguments(__doc__)
    parser.add_argument("--work", type=Path, required=True, help="folder of the recipe")
    parser.add_argument("--seeds", type=int, default=3, help="subsets and runs of each share")
    parser.add_argument("--steps", type=int, default=120, help="of each run")
    parser.add_argument("--shares", type=int, nargs="+", default=SHARES, help="1 in so many labels")
    parser.add_argument("--tasks", type=int, default=len(CHOSEN), help="only the first so many")
    options = parser.parse_args()
    found = results(options.work, options)
    publish("symbols", layout(found), write=options.write)


if __name__ == "__main__":
    main()
