"""Training the space that images share with words on nested subsets of captioned objects."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from skylore.alignment.config import EncoderReference
from skylore.alignment.heads import ContrastiveHeads
from skylore.alignment.pairs import FEWEST_OBJECTS
from skylore.alignment.training import train
from skylore.archive.provenance import Provenance
from skylore.errors import ColumnError, ModelError
from skylore.scaling.experiments.alignment_figures import Captioned, figures_of, least_loss
from skylore.scaling.experiments.settings import AlignmentExperiment
from skylore.scaling.experiments.subsets import Split, nested_order, split_by_hash
from skylore.scaling.experiments.task import Outcome

if TYPE_CHECKING:
    from skylore.archive.table import Archive

__all__ = ["AlignmentTask", "open_alignment_task"]

_MOST_TESTED = 1000


@dataclass(frozen=True)
class AlignmentTask:
    """Vectors of captioned objects; see :class:`skylore.scaling.experiments.task.Task`.

    Attributes
    ----------
    experiment : AlignmentExperiment
    objects : Captioned
        In the order of their ids.
    ids, names : tuple of str
        Id, and group or id, of each object.
    encoders : (EncoderReference, EncoderReference)
        Of images and of texts.
    split : Split
    """

    experiment: AlignmentExperiment
    objects: Captioned
    ids: tuple[str, ...]
    names: tuple[str, ...]
    encoders: tuple[EncoderReference, EncoderReference]
    split: Split

    @property
    def largest(self) -> int:
        """How many captioned objects there are to train on."""
        return len(self.split.pool)

    @cached_property
    def floor(self) -> float | None:
        """The least loss possible, since captions that say the same share the probability."""
        test = self.objects.take(self.split.test)
        return least_loss(test, self.experiment.recipe.target_temperature)

    @cached_property
    def digest(self) -> str:
        """A digest of ids, vectors and split."""
        digest = hashlib.sha256("\n".join(self.ids).encode())
        split, objects = self.split, self.objects
        for part in (split.pool, split.validation, split.test, objects.images, objects.texts):
            digest.update(part.tobytes())
        return digest.hexdigest()[:16]

    def subset(self, size: int, order: int) -> NDArray[np.intp]:
        """Give the rows of the first ``size`` objects of an order, ascending."""
        pool = self.split.pool
        return np.sort(pool[nested_order([self.names[row] for row in pool], order)[:size]])

    def run(self, size: int, width: int, seed: int, subset: int) -> Outcome:
        """Train and test one space; a share of its objects chooses its best step."""
        if size < FEWEST_OBJECTS:
            raise ModelError(f"{size} captioned objects are too few; it takes {FEWEST_OBJECTS}")
        rows = self.subset(size, subset)
        part = self.objects.take(rows)
        trained = train(
            part.images,
            part.texts,
            part.owners,
            ids=[self.ids[row] for row in rows],
            image_encoder=self.encoders[0],
            text_encoder=self.encoders[1],
            settings=self.experiment.recipe_for(width),
            seed=seed,
        )
        figures = figures_of(
            trained.model,
            self.objects.take(self.split.validation),
            self.objects.take(self.split.test),
            self.experiment.recipe.target_temperature,
        )
        heads = ContrastiveHeads(trained.model.config)
        parameters = sum(p.numel() for p in heads.parameters())
        report = trained.report
        steps = report.history[-1].step
        return Outcome(figures.pop("loss"), figures, parameters, steps, report.chosen_step)


def open_alignment_task(archive: Archive, experiment: AlignmentExperiment) -> AlignmentTask:
    """Read the vectors of captioned objects, and split the objects.

    Raises
    ------
    ColumnError
        Images or captions are not embedded yet.
    ModelError
        There are too few captioned objects.
    """
    for column, before in (("image_vector", "embed"), ("caption_vectors", "caption, then embed")):
        if column not in archive.schema.names or not archive.filled(column):
            raise ColumnError(f"{archive} has no {column} to align; run `skylore {before}` first")
    group = experiment.group_by
    columns = ["id", "image_vector", "caption_vectors", *([group] if group else [])]
    both = "image_vector IS NOT NULL AND caption_vectors IS NOT NULL"
    seen = both + (f" AND ({experiment.where})" if experiment.where else "")
    table = archive.read(list(dict.fromkeys(columns)), where=seen).sort_by("id")
    ids = table["id"].cast(pa.string())
    groups = pc.coalesce(table[group].cast(pa.string()), ids) if group else ids
    names = tuple(groups.to_pylist())
    split = split_by_hash(
        names, validation=experiment.validation, test=experiment.test, most=_MOST_TESTED
    )
    encoders = _encoder(archive, "image_vector"), _encoder(archive, "caption_vectors")
    objects = _captioned(table)
    return AlignmentTask(experiment, objects, tuple(ids.to_pylist()), names, encoders, split)


def _captioned(table: pa.Table) -> Captioned:
    texts = table["caption_vectors"].combine_chunks()
    lengths = texts.value_lengths().to_numpy()
    if (lengths == 0).any():
        raise ModelError("some objects have an empty list of captions; caption them again")
    owners = np.repeat(np.arange(len(lengths)), lengths)
    images = table["image_vector"].combine_chunks()
    return Captioned(_matrix(images), _matrix(texts.flatten()), owners)


def _matrix(vectors: pa.FixedSizeListArray) -> NDArray[np.float32]:
    return np.asarray(vectors.flatten(), np.float32).reshape(len(vectors), -1)


def _encoder(archive: Archive, column: str) -> EncoderReference:
    made = archive.columns[column].provenance or Provenance(step="unknown")
    return EncoderReference(name=made.model or "given", revision=made.revision or "unknown")
