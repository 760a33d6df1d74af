"""Training image encoders on nested subsets of an archive's labelled objects."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch

from skylore.archive.staging import ROW
from skylore.errors import ModelError
from skylore.morphology.dataset import TrainingSet
from skylore.morphology.images import open_images
from skylore.morphology.run import PretrainRun
from skylore.morphology.votes import tree_saturated_nll
from skylore.scaling.experiments.encoder_figures import figures_of
from skylore.scaling.experiments.settings import EncoderExperiment
from skylore.scaling.experiments.stopping import BestWeights
from skylore.scaling.experiments.subsets import Split, nested_order, split_by_hash
from skylore.scaling.experiments.task import Outcome

if TYPE_CHECKING:
    from skylore.archive.table import Archive

__all__ = ["EncoderTask", "open_encoder_task"]

_MOST_TESTED = 10_000


@dataclass(frozen=True)
class EncoderTask:
    """Decoded images, labels, and the split; see :class:`skylore.scaling.experiments.task.Task`.

    Attributes
    ----------
    experiment : EncoderExperiment
    data : TrainingSet
        Of all labelled objects, in the order of their ids.
    names : tuple of str
        Group or id of each object.
    split : Split
    digest : str
    folder : Path
        For checkpoints.
    """

    experiment: EncoderExperiment
    data: TrainingSet
    names: tuple[str, ...]
    split: Split
    digest: str
    folder: Path

    @property
    def largest(self) -> int:
        """How many labelled objects there are to train on."""
        return len(self.split.pool)

    @cached_property
    def floor(self) -> float | None:
        """The mean loss at the true vote fractions, for votes; None for classes."""
        (label,) = self.data.labels
        if label.tree is None:
            return None
        counts = self.data.targets[label.name][torch.from_numpy(self.split.test)]
        return float(tree_saturated_nll(counts, label.tree).sum(dim=1).mean())

    def subset(self, size: int, order: int) -> torch.Tensor:
        """Give the rows of the first ``size`` objects of an order, ascending."""
        pool = self.split.pool
        chosen = nested_order([self.names[row] for row in pool], order)[:size]
        return torch.from_numpy(np.sort(pool[chosen]))

    def run(self, size: int, width: int, seed: int, subset: int) -> Outcome:
        """Train and test one encoder; goes on from the checkpoint of a run that was killed."""
        settings = self.experiment.recipe_for(size, width, seed)
        nobody = torch.empty(0, dtype=torch.int64)
        data = replace(self.data, training=self.subset(size, subset), held_out=nobody)
        name = f"{self.digest}-d{size}-w{width}-s{seed}-o{subset}"
        files = [self.folder / f"{name}{part}.safetensors" for part in ("", "-best")]
        run, best = PretrainRun(settings, data, files[0]), BestWeights(files[1])
        every = max(1, settings.steps // self.experiment.checks)
        validation = torch.from_numpy(self.split.validation)

        def check(step: int, loss: float) -> None:  # noqa: ARG001 - as the trainer calls it
            if step % every == 0 or step == settings.steps:
                found = figures_of(run, validation)["loss"]
                best.offer(step, found, run.averaged.state_dict())

        run.go(check)
        run.averaged.load_state_dict(best.weights)
        figures = figures_of(run, torch.from_numpy(self.split.test))
        for file in files:
            file.unlink(missing_ok=True)
        parameters = sum(p.numel() for p in run.averaged.parameters())
        return Outcome(figures.pop("loss"), figures, parameters, settings.steps, best.step)


def open_encoder_task(
    archive: Archive, experiment: EncoderExperiment, folder: Path, *, progress: bool = True
) -> EncoderTask:
    """Read labels, split the objects, and decode images into ``folder`` if they are not there.

    Raises
    ------
    ColumnError
        A column is missing or of the wrong type.
    ModelError
        There are too few labelled objects, or labels that cannot be learnt from.
    """
    table = _labelled(archive, experiment)
    label = experiment.source.learn(table)
    targets = torch.from_numpy(label.targets(table))
    rows = table[ROW].combine_chunks()
    side = experiment.recipe.kept_pixels
    images = open_images(archive, rows, side, folder, progress=progress)
    ids = table["id"].cast(pa.string())
    group = experiment.group_by
    groups = pc.coalesce(table[group].cast(pa.string()), ids) if group else ids
    usable = np.flatnonzero(images.usable)
    names = tuple(groups.to_pylist())
    split = split_by_hash(
        [names[row] for row in usable],
        validation=experiment.validation,
        test=experiment.test,
        most=_MOST_TESTED,
    )
    split = Split(usable[split.pool], usable[split.validation], usable[split.test])
    data = TrainingSet(
        images=images,
        labels=(label,),
        targets={label.name: targets},
        training=torch.from_numpy(split.pool),
        held_out=torch.from_numpy(split.test),
    )
    digest = hashlib.sha256("\n".join(ids.to_pylist()).encode())
    for part in (split.pool, split.validation, split.test, targets.numpy()):
        digest.update(part.tobytes())
    return EncoderTask(experiment, data, names, split, digest.hexdigest()[:16], folder)


def _labelled(archive: Archive, experiment: EncoderExperiment) -> pa.Table:
    """Read the objects that have an image and a label, in the order of their ids."""
    source, group = experiment.source, experiment.group_by
    columns = list(dict.fromkeys(["id", *source.columns, *([group] if group else [])]))
    archive.require(["image", *columns])
    seen = "image IS NOT NULL" + (f" AND ({experiment.where})" if experiment.where else "")
    table = archive.read(columns, where=seen, row_ids=True).sort_by("id")
    if not table.num_rows:
        raise ModelError(f"{archive} has no images to train on; ingest some, or ask for others")
    targets = source.learn(table).targets(table)
    known = ~np.isnan(targets) if experiment.task == "classification" else targets > 0
    return table.filter(pa.array(known.any(axis=1)))
