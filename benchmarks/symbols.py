"""Whether schematic symbols help to learn classes from few labels, and by how much.

``python -m benchmarks.symbols --work WORK``, after ``python -m recipes.galaxy_nano all DATA WORK``.
All learners start from the label-free twin, which has seen no label and stays as it is, and their
heads take the same steps with the same batches and views; at some shares they are run again, and
the network learns as well. They learn from the training split and nested shares of it, and are
asked about the held-out split. Finished runs are kept in ``WORK/symbols``; called again it goes on
where it stopped.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pandas as pd
from tqdm import tqdm

from benchmarks.downstream_runs import TaskData, open_task
from benchmarks.probes import TASKS, Task
from benchmarks.report import arguments, publish, table
from benchmarks.symbols_runs import (
    CONTROLS,
    METHODS,
    TUNED,
    Learner,
    remembering,
    train,
    zero_shot,
)
from skylore.archive.table import Archive
from skylore.classification.networks import load_trainable
from skylore.classification.settings import ClassifierSettings
from skylore.evaluation.bootstrap import Interval, bootstrap_mean, paired_difference

SHARES = (16, 8, 4, 2, 1)
CONTROLLED = (16, 4)
"""The shares at which controls are run: where symbols could matter most."""
BEST, PUBLISHED = "three modalities, class positives", "three modalities, as published"
START = "label-free twin, nearest symbol, no training"
_AS_MANY = 10**6
"""Passes over the labels: all learners take the same steps, however few labels there are."""
TUNED_SHARES = (16,)
"""At which the network learns too, which takes minutes a run."""
FEWEST = 16
FIGURES = ["right", "right by default", "right by linear", "ap", "ap with classes"]

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
    start = f"model:{work}/label-free"
    still = remembering(load_trainable(start))
    parts = []
    for task in [CHOSEN[number] for number in asked.tasks]:
        data = open_task(archive, task, kept)
        runs = list(_runs(data, asked))
        for share, seed, name, learner in tqdm(runs, desc=task.name):
            file = kept / f"{data.slug}-{share}-{seed}-{_slug(name)}-ways.parquet"
            if not file.exists():
                if asked.finished:
                    continue
                settings = ClassifierSettings(
                    network=start, network_rate=0, head_epochs=_AS_MANY, seed=seed
                )
                network = load_trainable(start) if name in TUNED else still
                rows = data.share(share, seed)
                found = (
                    zero_shot(data, settings, network)
                    if learner is None
                    else train(data, rows, learner, settings, network)
                )
                pd.DataFrame(found).to_parquet(file)
            said = pd.read_parquet(file).reset_index(names="object")
            parts.append(said.assign(task=task.name, share=share, seed=seed, learner=name))
    return pd.concat(parts, ignore_index=True)


def _runs(
    data: TaskData, asked: argparse.Namespace
) -> Iterator[tuple[int, int, str, Learner | None]]:
    yield 1, 0, START, None
    for share, seed in product(asked.shares, range(asked.seeds)):
        rows = data.share(share, seed)
        if len(rows) < FEWEST or data.lacks_a_class(rows):
            continue
        learners = dict(METHODS)
        learners |= CONTROLS if share in asked.controls else {}
        learners |= TUNED if share in asked.tuned else {}
        yield from ((share, seed, name, learner) for name, learner in learners.items())


def _slug(name: str) -> str:
    return "".join(c if c.isalnum() else "-" for c in name)


HEADER = [
    "task",
    "labels",
    "seeds",
    "learner",
    "accuracy",
    "as a model does by default",
    "ridge on the same features",
    "mAP",
    "mAP with classes",
    "above the start by",
    "best: more right by",
    "best by default: more right by",
]


def layout(found: pd.DataFrame) -> str:
    """Lay out accuracy and mAP, and by how much they surpass the start, and the best learner them.

    Learners are compared on the seeds that both have run.
    """
    lines: list[list[object]] = []
    for (task, share, learner), rows in found.groupby(["task", "share", "learner"], sort=False):
        means = _over_seeds(rows)
        same = (found["task"] == task) & found["seed"].isin(rows["seed"])
        shown = [_bounded(means[name]) for name in FIGURES]
        if learner.startswith("cross-entropy"):
            shown[2] = ""  # its linear head is its own
        if learner == START:
            lines.append([task, "none", "", learner, *shown, "", "", ""])
            continue
        start = _over_seeds(found[(found["task"] == task) & (found["learner"] == START)])
        best = _over_seeds(found[same & (found["share"] == share) & (found["learner"] == BEST)])
        gain = default = ""
        if len(best):
            by = f"right by {CONTROLS[learner].way}" if learner in CONTROLS else "right"
            gain = "" if learner == BEST else _gain(best[by], means["right"])
            default = _gain(best["right by default"], means["right"])
        above = _gain(means["ap with classes"], start["ap"])
        seeds = rows["seed"].nunique()
        lines.append([task, f"1/{share}", seeds, learner, *shown, above, gain, default])
    return table(HEADER, lines)


def _over_seeds(rows: pd.DataFrame) -> pd.DataFrame:
    """Average over seeds first: answers about one object are not independent."""
    figures = [name for name in rows.columns if name.startswith(("right", "ap"))]
    return rows.groupby("object", sort=True)[figures].mean()


def _bounded(values: pd.Series) -> str:
    known = values.dropna().to_numpy()
    return _shown(bootstrap_mean(known, seed=0)) if len(known) else ""


def _gain(best: pd.Series, other: pd.Series) -> str:
    """Show by how much the first is greater, object by object."""
    both = best.notna().to_numpy() & other.notna().to_numpy()
    pair = best.to_numpy()[both], other.to_numpy()[both]
    return _shown(paired_difference(*pair, seed=0), sign="+")


def _shown(interval: Interval, sign: str = "") -> str:
    return f"{interval.mean:{sign}.3f} [{interval.low:{sign}.3f}, {interval.high:{sign}.3f}]"


def main() -> None:
    """Run it."""
    parser = arguments(__doc__)
    parser.add_argument("--work", type=Path, required=True, help="folder of the recipe")
    parser.add_argument("--seeds", type=int, default=3, help="subsets and runs of each share")
    parser.add_argument("--shares", type=int, nargs="+", default=SHARES, help="1 in so many labels")
    parser.add_argument(
        "--controls", type=int, nargs="*", default=CONTROLLED, help="shares with controls"
    )
    parser.add_argument(
        "--tuned",
        type=int,
        nargs="*",
        default=TUNED_SHARES,
        help="shares at which the network learns too",
    )
    parser.add_argument("--finished", action="store_true", help="only lay out what was run before")
    every = range(len(CHOSEN))
    parser.add_argument("--tasks", type=int, nargs="+", default=every, help="0, 1 or 2, or several")
    options = parser.parse_args()
    found = results(options.work, options)
    publish("symbols", layout(found), write=options.write)


if __name__ == "__main__":
    main()
