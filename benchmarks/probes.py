"""What the encoders' vectors know: classes by a linear probe, votes, and what they cost.

``python -m benchmarks.probes --work WORK``, after ``python -m recipes.galaxy_nano all DATA WORK``.
A probe is a logistic regression on the vectors of the training split, its penalty fixed beforehand,
and scored on the held-out split, which neither encoder nor probe has seen.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from recipes.probe import fit_probe

from benchmarks.held_out import encoders
from benchmarks.report import arguments, publish, table
from skylore.archive.table import Archive
from skylore.encoders.base import ImageEncoder, Pixels
from skylore.encoders.registry import load_image_encoder
from skylore.evaluation.bootstrap import Interval, bootstrap_mean
from skylore.imaging.decode import decode
from skylore.morphology.augment import rotate

THREE_WAY = {
    "round-smooth": "smooth",
    "in-between-smooth": "smooth",
    "cigar-smooth": "smooth",
    "edge-on": "edge-on",
    "face-on-spiral": "face-on spiral",
}
TURNED = 256


@dataclass(frozen=True)
class Task:
    """Classes of some objects.

    Attributes
    ----------
    name
        Of the task.
    label
        From the objects to their classes, missing where there are none.
    """

    name: str
    label: Callable[[pd.DataFrame], pd.Series]


TASKS = (
    Task("GZ1, four classes", lambda objects: objects["gz1"]),
    Task("class5, three-way", lambda objects: objects["class5"].map(THREE_WAY)),
    Task("class5, five classes", lambda objects: objects["class5"]),
    Task("rings (DECaLS)", lambda objects: objects["ring"].map({True: "ring", False: "none"})),
    Task("lenses (CFHTLS)", lambda objects: _lens(objects["lens_grade"])),
)


def _lens(grade: pd.Series) -> pd.Series:
    named = pd.Series(np.where(grade >= 2, "lens", "none"), index=grade.index)
    return named.where(grade.notna())


def load(work: Path) -> tuple[pd.DataFrame, list[Pixels]]:
    """Read the labelled real objects and decode their images."""
    columns = ["id", "split", "gz1", "class5", "ring", "lens_grade", "image"]
    read = Archive.open(work / "galaxies.skylore").read(columns, where="`set` <> 'sim'")
    objects = read.sort_by("id")
    images = [decode(data) for data in objects["image"].to_pylist()]
    return objects.drop_columns(["image"]).to_pandas(), images


def probe(
    vectors: NDArray[np.float32], classes: pd.Series, split: pd.Series
) -> tuple[Interval, float, int]:
    """Train on one side; give accuracy on the other, balanced accuracy, and how many were asked."""
    right = probe_answers(vectors, classes, split)
    truth = classes[classes.notna() & (split == "test")].to_numpy()
    balanced = float(np.mean([right[truth == name].mean() for name in np.unique(truth)]))
    return bootstrap_mean(right, seed=0), balanced, len(right)


def probe_answers(
    vectors: NDArray[np.float32], classes: pd.Series, split: pd.Series
) -> NDArray[np.bool_]:
    """Train on one side; say which objects of the other, in their order, are classed rightly."""
    known = classes.notna().to_numpy()
    trained, tested = known & (split == "train").to_numpy(), known & (split == "test").to_numpy()
    model = fit_probe(vectors[trained], classes[trained].to_numpy())
    right: NDArray[np.bool_] = model.predict(vectors[tested]) == classes[tested].to_numpy()
    return right


def rotation_cosine(encoder: ImageEncoder, images: list[Pixels]) -> Interval:
    """Give the mean cosine between an image and itself turned by angles that are no quarter."""
    upright = encoder.encode(images)
    cosines = []
    for angle in np.linspace(0.2, 6.1, 6):
        shown = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float() / 255
        turned = (rotate(shown, float(angle)) * 255).round().byte().permute(0, 2, 3, 1).numpy()
        cosines.append((upright * encoder.encode(list(turned))).sum(axis=1))
    return bootstrap_mean(np.mean(cosines, axis=0), seed=0)


def rate(encoder: ImageEncoder, images: list[Pixels]) -> float:
    """Give images a second from decoded display image to vector; the best of five."""
    encoder.encode(images[:64])
    taken = []
    for _ in range(5):
        start = time.perf_counter()
        encoder.encode(images)
        taken.append(time.perf_counter() - start)
    return len(images) / min(taken)


def _figure(found: Interval) -> str:
    return f"{found.mean:.3f} [{found.low:.3f}, {found.high:.3f}]"


def main() -> None:
    """Run it."""
    parser = arguments(__doc__)
    parser.add_argument("--work", type=Path, required=True, help="folder of the recipe")
    options = parser.parse_args()
    objects, images = load(options.work)
    rows: list[list[object]] = []
    costs: list[list[object]] = []
    unseen = [images[i] for i in np.flatnonzero(objects["split"] == "test")[:TURNED]]
    for name, place in encoders(options.work).items():
        encoder = load_image_encoder(place)
        vectors = encoder.encode(images)
        for task in TASKS:
            accuracy, balanced, count = probe(vectors, task.label(objects), objects["split"])
            rows.append([task.name, name, count, _figure(accuracy), f"{balanced:.3f}"])
        turned = _figure(rotation_cosine(encoder, unseen))
        costs.append([name, encoder.dimension, f"{rate(encoder, unseen):.0f}", turned])
    for task in TASKS:
        classes = task.label(objects)
        tested = classes[classes.notna() & (objects["split"] == "test")]
        blind = bootstrap_mean(tested == tested.mode()[0], seed=0)
        rows.append([task.name, "commonest class", len(tested), _figure(blind), ""])
    rows.sort(key=lambda row: [task.name for task in TASKS].index(str(row[0])))
    publish(
        "probes",
        table(["task", "vectors", "objects", "accuracy", "balanced accuracy"], rows),
        write=options.write,
    )
    publish(
        "encoder-costs",
        table(["encoder", "dimensions", "images a second", "cosine when turned"], costs),
        write=options.write,
    )


if __name__ == "__main__":
    main()
