"""What an encoder is worth to a new task: from scratch, on fixed vectors, or trained on.

``python -m benchmarks.downstream --work WORK``, after ``python -m recipes.galaxy_nano all DATA
WORK``. Each task has its training split, and nested shares of it down to 1/64, to learn from, and
the held-out split to be asked about. Finished runs are kept in ``WORK/downstream``; called again it
goes on where it stopped.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from tqdm import tqdm

from benchmarks.downstream_runs import NETWORKS, TaskData, fine_tuned, open_task, probed
from benchmarks.held_out import encoders
from benchmarks.probes import TASKS
from benchmarks.report import arguments, publish, table
from skylore.archive.table import Archive
from skylore.encoders.registry import load_image_encoder
from skylore.evaluation.bootstrap import bootstrap_mean, relative_reduction

SHARES = (1, 4, 16, 64)
FEWEST = 16
"""Objects that a share must have to be learnt from."""
CHOSEN = ("GZ1, four classes", "class5, five classes", "rings (DECaLS)", "lenses (CFHTLS)")
SCRATCH = "from scratch"

Right = NDArray[np.bool_]


def learners(work: Path) -> list[str]:
    """Name what is compared, the baseline first."""
    probes = [f"{name}, linear probe" for name in encoders(work)]
    networks = [f"{name}, fine-tuned" for name in encoders(work) if name in NETWORKS]
    return [SCRATCH, *probes, *networks]


@dataclass(frozen=True)
class Run:
    """A learner on a share of a task's labels.

    Attributes
    ----------
    learner : str
    share : int
        One in so many of the training split.
    seed : int
        Of the share and of the training.
    """

    learner: str
    share: int
    seed: int

    def answers(self, data: TaskData, work: Path) -> Right:
        """Say which held-out objects it gets right; keeps what it found for the next call."""
        kept = work / "downstream" / f"{data.slug}-{self.share}-{self.seed}-{_slug(self.learner)}"
        file = kept.with_suffix(".npy")
        if not file.exists():
            np.save(file, self._train(data, work, kept.with_suffix(".safetensors")))
        right: Right = np.load(file)
        return right

    def _train(self, data: TaskData, work: Path, checkpoint: Path) -> Right:
        rows = data.share(self.share, self.seed)
        name, _, how = self.learner.partition(", ")
        if how == "linear probe":
            return probed(data, rows, _vectors(work, data, name))
        start = encoders(work).get(name)
        return fine_tuned(data, rows, start, self.seed, checkpoint)


def _vectors(work: Path, data: TaskData, name: str) -> NDArray[np.float32]:
    file = work / "downstream" / f"{data.slug}-{_slug(name)}-vectors.npy"
    if not file.exists():
        np.save(file, load_image_encoder(encoders(work)[name]).encode(data.images()))
    vectors: NDArray[np.float32] = np.load(file)
    return vectors


def results(work: Path, seeds: int) -> pd.DataFrame:
    """Run all that has not been run, and give a row for each answer to a held-out object."""
    (work / "downstream").mkdir(exist_ok=True)
    archive = Archive.open(work / "galaxies.skylore")
    parts = []
    for task in (task for task in TASKS if task.name in CHOSEN):
        data = open_task(archive, task, work / "downstream")
        runs = [Run(*asked) for asked in product(learners(work), SHARES, range(seeds))]
        for run in tqdm(runs, desc=task.name, unit="run"):
            rows = data.share(run.share, run.seed)
            if len(rows) >= FEWEST and not data.lacks_a_class(rows):
                said = {"task": task.name, **asdict(run), "labels": len(rows)}
                right = run.answers(data, work)
                said |= {"object": np.arange(len(right)), "right": right}
                parts.append(pd.DataFrame(said))
    return pd.concat(parts, ignore_index=True)


def _slug(name: str) -> str:
    return "".join(c if c.isalnum() else "-" for c in name)


def layout(found: pd.DataFrame) -> str:
    """Lay out accuracy and the relative reduction of errors, with intervals over objects."""
    # Seeds are averaged first: answers about one object are not independent.
    means = found.groupby(["task", "share", "labels", "learner", "object"], sort=False)["right"]
    by_object = means.mean().unstack("object")
    lines: list[list[object]] = []
    for learnt, row in by_object.iterrows():
        task, share, labels, learner = learnt
        right = row.dropna().to_numpy(float)
        scratch = by_object.loc[(task, share, labels, SCRATCH)].dropna().to_numpy(float)
        fewer = relative_reduction(1 - right, 1 - scratch, seed=0)
        change = f"{fewer.mean:+.2f} [{fewer.low:+.2f}, {fewer.high:+.2f}]"
        accuracy = bootstrap_mean(right, seed=0)
        interval = f"{accuracy.mean:.3f} [{accuracy.low:.3f}, {accuracy.high:.3f}]"
        lines.append([task, f"1/{share}", labels, len(right), learner, interval, change])
    header = ["task", "share", "labels", "asked", "learner", "accuracy", "errors fewer by"]
    return table(header, lines)


def main() -> None:
    """Run it."""
    parser = arguments(__doc__)
    parser.add_argument("--work", type=Path, required=True, help="folder of the recipe")
    parser.add_argument("--seeds", type=int, default=1, help="subsets and runs of each share")
    options = parser.parse_args()
    publish("downstream", layout(results(options.work, options.seeds)), write=options.write)


if __name__ == "__main__":
    main()
