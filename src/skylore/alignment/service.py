"""Aligning an archive: train on what is captioned, keep the model, fill the shared space."""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from tqdm import tqdm

from skylore.alignment.config import EncoderReference
from skylore.alignment.model import Alignment
from skylore.alignment.report import TrainingReport
from skylore.alignment.settings import TrainingSettings
from skylore.alignment.steps import Project
from skylore.alignment.training import train
from skylore.archive.fill import FillOptions, FillReport
from skylore.archive.provenance import Provenance
from skylore.errors import ColumnError

if TYPE_CHECKING:
    from skylore.archive.table import Archive

__all__ = ["AlignReport", "align_archive"]

MOST_OBJECTS = 300_000
"""More captioned objects are sampled; AION-Search was trained on 255,948."""


@dataclass(frozen=True)
class AlignReport:
    """What was trained, if anything, and how many images were brought into the space."""

    model: str
    training: TrainingReport | None
    filled: FillReport

    def __str__(self) -> str:
        """Say it in one line."""
        if self.training is None:
            return f"{self.filled}; model {self.model} was there already"
        found = self.training.retrieval[-1].text_to_image
        return (
            f"{self.filled}; model {self.model} trained on {self.training.texts} texts of "
            f"{self.training.objects} objects: on {found.queries} held-out captions, average "
            f"precision {found.average_precision.mean:.2f} (shuffled {found.random_precision:.2f})"
        )


def align_archive(
    archive: Archive,
    options: FillOptions,
    *,
    seed: int = 0,
    settings: TrainingSettings | None = None,
) -> AlignReport:
    """Train the shared space where there is none, and bring every image into it.

    Raises
    ------
    ColumnError
        Images or captions are not embedded yet, or images were embedded anew since.
    ModelError
        There are too few captioned objects to train on.
    """
    _require_vectors(archive)
    there = archive.columns["vector"].provenance if "vector" in archive.schema.names else None
    training = None
    if there is not None and there.revision and not options.overwrite:
        model = Alignment.load(archive.location.get_folder(f"models/{there.revision}"))
        _require_same_images(archive, model)
    else:
        model, training = _trained(archive, seed, settings, progress=options.progress)
    filled = archive.fill(Project(model.identity, archive.location), options)
    return AlignReport(model.identity, training, filled)


def _require_vectors(archive: Archive) -> None:
    for column, before in (("image_vector", "embed"), ("caption_vectors", "caption, then embed")):
        if column not in archive.schema.names or not archive.filled(column):
            raise ColumnError(f"{archive} has no {column} to align; run `skylore {before}` first")


def _require_same_images(archive: Archive, model: Alignment) -> None:
    if _encoder(archive, "image_vector") != model.config.image_encoder:
        raise ColumnError(
            f"the images of {archive} were embedded anew since it was aligned; run `skylore align "
            "--overwrite` to train on the new vectors"
        )


def _trained(
    archive: Archive, seed: int, settings: TrainingSettings | None, *, progress: bool
) -> tuple[Alignment, TrainingReport]:
    pairs = _pairs(archive, seed)
    texts = pairs["caption_vectors"].combine_chunks()
    lengths = texts.value_lengths().to_numpy()
    with tqdm(desc="train", unit="step", disable=not progress, file=sys.stderr) as bar:

        def advance(step: int, steps: int) -> None:
            bar.total = steps
            bar.update(step - bar.n)

        trained = train(
            _matrix(pairs["image_vector"].combine_chunks()),
            _matrix(texts.flatten()),
            np.repeat(np.arange(len(lengths)), lengths),
            ids=pairs["id"].to_pylist(),
            image_encoder=_encoder(archive, "image_vector"),
            text_encoder=_encoder(archive, "caption_vectors"),
            settings=settings,
            seed=seed,
            progress=advance,
        )
    _keep(archive, trained.model)
    return trained.model, trained.report


def _pairs(archive: Archive, seed: int) -> pa.Table:
    both = "image_vector IS NOT NULL AND caption_vectors IS NOT NULL"
    pairs = archive.read(["id", "image_vector", "caption_vectors"], where=both)
    if pairs.num_rows > MOST_OBJECTS:
        chosen = np.random.default_rng(seed).choice(pairs.num_rows, MOST_OBJECTS, replace=False)
        pairs = pairs.take(pa.array(np.sort(chosen)))
    return pairs


def _matrix(vectors: pa.FixedSizeListArray) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    return np.asarray(vectors.flatten(), np.float32).reshape(len(vectors), -1)


def _encoder(archive: Archive, column: str) -> EncoderReference:
    made = archive.columns[column].provenance or Provenance(step="unknown")
    return EncoderReference(name=made.model or "given", revision=made.revision or "unknown")


def _keep(archive: Archive, model: Alignment) -> None:
    with tempfile.TemporaryDirectory() as folder:
        model.save(Path(folder) / "model")
        archive.location.put_folder(Path(folder) / "model", f"models/{model.identity}")
