"""One task of a few labels: its data, and learners of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from recipes.probe import fit_probe
from recipes.settings import VOLUNTEERS

from benchmarks.probes import Task
from skylore.archive.staging import ROW
from skylore.archive.table import Archive
from skylore.encoders.base import Pixels
from skylore.imaging.decode import decode
from skylore.morphology.dataset import TrainingSet
from skylore.morphology.images import open_images
from skylore.morphology.labels import ClassLabels
from skylore.morphology.run import PretrainRun
from skylore.morphology.settings import PretrainSettings
from skylore.scaling.experiments.encoder_figures import class_logits
from skylore.scaling.experiments.subsets import nested_order

NETWORKS = ("galaxy-nano", "label-free twin")
"""Encoders that can be trained on."""

_BATCH = 64
_EPOCHS = {"scratch": (16, 120), "fine-tuned": (4, 60)}
"""Passes over the labels, and the fewest steps."""


@dataclass(frozen=True)
class TaskData:
    """Labelled objects of one task.

    Attributes
    ----------
    slug : str
    archive : Archive
    rows : pyarrow.Array
        Of the objects in the archive.
    names : tuple of str
        Of the galaxy of each image.
    training : TrainingSet
        Its rows to train on are the whole training split; those held out, the test split.
    """

    slug: str
    archive: Archive
    rows: pa.Array
    names: tuple[str, ...]
    training: TrainingSet

    @property
    def classes(self) -> NDArray[np.int64]:
        """The number of each object's class."""
        (targets,) = self.training.targets.values()
        return targets[:, 0].long().numpy()

    def share(self, part: int, order: int) -> NDArray[np.intp]:
        """Give the rows of one in ``part`` of the training split; shares of an order are nested."""
        pool = self.training.training.numpy()
        chosen = nested_order([self.names[row] for row in pool], order)
        return np.sort(pool[chosen[: ceil(len(pool) / part)]])

    def lacks_a_class(self, rows: NDArray[np.intp]) -> bool:
        """Say whether a class has no object among these rows."""
        return len(np.unique(self.classes[rows])) < len(self.training.labels[0].classes)

    def images(self) -> list[Pixels]:
        """Decode all images."""
        return [
            decode(data) for data in self.archive.take(self.rows, ("image",))["image"].to_pylist()
        ]


def open_task(archive: Archive, task: Task, folder: Path) -> TaskData:
    """Read the objects that have a class, and decode their images for networks."""
    columns = ["id", "object", "split", "gz1", "class5", "ring", "lens_grade"]
    objects = archive.read(columns, where="`set` <> 'sim'", row_ids=True).sort_by("id")
    label = pa.array(task.label(objects.to_pandas()), pa.string(), from_pandas=True)
    known = objects.append_column("label", label).filter(label.is_valid())
    slug = "".join(c for c in task.name if c.isalnum())
    side = VOLUNTEERS.kept_pixels
    rows = known[ROW].combine_chunks()
    images = open_images(archive, rows, side, folder / slug, progress=False)
    learnt = ClassLabels(column="label").learn(known)
    tested = np.array(known["split"].to_pylist()) == "test"
    training = TrainingSet(
        images=images,
        labels=(learnt,),
        targets={"label": torch.from_numpy(learnt.targets(known))},
        training=torch.from_numpy(np.flatnonzero(~tested & images.usable)),
        held_out=torch.from_numpy(np.flatnonzero(tested & images.usable)),
    )
    return TaskData(slug, archive, rows, tuple(known["object"].to_pylist()), training)


def probed(
    data: TaskData, rows: NDArray[np.intp], vectors: NDArray[np.float32]
) -> NDArray[np.bool_]:
    """Fit a linear probe on vectors of these rows."""
    asked = data.training.held_out.numpy()
    found = fit_probe(vectors[rows], data.classes[rows]).predict(vectors[asked])
    right: NDArray[np.bool_] = found == data.classes[asked]
    return right


def fine_tuned(
    data: TaskData, rows: NDArray[np.intp], start: str | None, seed: int, checkpoint: Path
) -> NDArray[np.bool_]:
    """Train a network on these rows, from an encoder or from scratch, for a fixed time."""
    epochs, fewest = _EPOCHS["scratch" if start is None else "fine-tuned"]
    batch = min(_BATCH, len(rows))
    settings = PretrainSettings(
        network=VOLUNTEERS.network,
        start=start,
        steps=max(fewest, ceil(epochs * len(rows) / batch)),
        batch_size=batch,
        evaluations=1,
        averaging=0.99,
        seed=seed,
    )
    none = torch.empty(0, dtype=torch.int64)
    training = replace(data.training, training=torch.from_numpy(rows), held_out=none)
    run = PretrainRun(settings, training, checkpoint)
    run.go(_unseen)
    checkpoint.unlink(missing_ok=True)
    asked = data.training.held_out
    found = class_logits(run, asked).argmax(dim=1).cpu().numpy()
    right: NDArray[np.bool_] = found == data.classes[asked.numpy()]
    return right


def _unseen(step: int, loss: float) -> None:
    """Show no progress: that is told run by run."""
