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

from skylore.alignment.bundled import bundled_alignment, bundled_folder
from skylore.alignment.config import EncoderReference
from skylore.alignment.model import Alignment
from skylore.alignment.released import fetch_model
from skylore.alignment.report import TrainingReport
from skylore.alignment.settings import TrainingSettings
from skylore.alignment.shared import for_shared_images
from skylore.alignment.steps import Project
from skylore.alignment.training import train
from skylore.archive.fill import FillOptions, FillReport
from skylore.archive.provenance import Provenance
from skylore.errors import ColumnError, ModelError

if TYPE_CHECKING:
    from skylore.archive.table import Archive

__all__ = ["AlignReport", "adopt_alignment", "align_archive", "share_words"]

MOST_OBJECTS = 300_000
"""More captioned objects are sampled; AION-Search was trained on 255,948."""


@dataclass(frozen=True)
class AlignReport:
    """What was trained, if anything, and how many images were brought into the space."""

    model: str
    training: TrainingReport | None
    filled: FillReport
    origin: str = "was there already"

    def __str__(self) -> str:
        """Say it in one line."""
        if self.training is None:
            return f"{self.filled}; model {self.model} {self.origin}"
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
    """Train the archive's own shared space where there is none, and bring every image into it.

    Training starts from the alignment that comes with the image encoder, if one does.

    Raises
    ------
    ColumnError
        Images or captions are not embedded yet, or images were embedded anew since.
    ModelError
        There are too few captioned objects to train on.
    """
    _require_vectors(archive)
    if _has_own_model(archive) and not options.overwrite:
        model = _model_of(archive)
        _require_same_images(archive, model)
        filled = archive.fill(Project(model.identity, archive.location), options)
        return AlignReport(model.identity, None, filled)
    model, training = _trained(archive, seed, settings, progress=options.progress)
    # What the model replaces is the work of the bundled one, or was to be overwritten.
    anew = options.model_copy(update={"overwrite": True})
    filled = archive.fill(Project(model.identity, archive.location), anew)
    return AlignReport(model.identity, training, filled)


def adopt_alignment(archive: Archive, place: str, options: FillOptions) -> AlignReport:
    """Bring the images of an archive into the space of a model that was trained elsewhere.

    Parameters
    ----------
    archive : Archive
        Its ``image_vector`` is taken to be of the encoder that the model was trained with, or to
        lie in the model's space already, as AION-Search publishes it; which, its length tells.
    place : str
        A folder, or the id of a model on the hub: the released AION-Search, or an alignment that
        Skylore saved.

    Raises
    ------
    ColumnError
        Images are not encoded, or by an encoder of another length.
    ModelError
        There is no model, or it is damaged.
    """
    if "image_vector" not in archive.schema.names or not archive.filled("image_vector"):
        raise ColumnError(f"{archive} has no image_vector to align; run `skylore embed` first")
    folder = fetch_model(place)
    model = _read_any(folder)
    length = archive.schema.field("image_vector").type.list_size
    if length == model.config.embedding_dim != model.config.image_input_dim:
        model = for_shared_images(model)
    if length != model.config.image_input_dim:
        raise ColumnError(
            f"the images of {archive} are vectors of {length}, and the model in {folder} takes "
            f"{model.config.image_input_dim} of {model.config.image_encoder.name}: embed them by "
            "that encoder, or ingest its vectors"
        )
    model = model.with_image_encoder(_encoder(archive, "image_vector"))
    _keep(archive, model)
    filled = archive.fill(
        Project(model.identity, archive.location), options.model_copy(update={"overwrite": True})
    )
    return AlignReport(model.identity, None, filled, f"is that of {place}")


def _read_any(folder: Path) -> Alignment:
    try:
        ours = b'"image_encoder"' in (folder / "config.json").read_bytes()
    except OSError as error:
        raise ModelError(f"{folder} holds no model: {error.strerror} (config.json)") from error
    return Alignment.load(folder) if ours else Alignment.from_aion_search(folder)


def share_words(archive: Archive, options: FillOptions) -> FillReport | None:
    """Bring images into a space shared with words without training, where that can be done.

    It can by the model that the archive has, trained on it or not; and else by the one that
    comes with the encoder of its images. Returns None where neither fits.
    """
    if not archive.filled("image_vector"):
        return None
    images = _encoder(archive, "image_vector")
    if "vector" in archive.schema.names and _aligned(archive):
        model = _model_of(archive)
        if model.config.image_encoder.revision == images.revision:
            own = _has_own_model(archive)
            step = Project(model.identity, archive.location, bundled=not own)
            return archive.fill(step, options)
    bundled = bundled_alignment(images)
    if bundled is None or ("vector" in archive.schema.names and not options.overwrite):
        return None
    folder = bundled_folder(images.name)
    if folder is not None:
        archive.location.put_folder(folder, f"models/{bundled.identity}")
    return archive.fill(Project(bundled.identity, archive.location, bundled=True), options)


def _aligned(archive: Archive) -> bool:
    made = archive.columns["vector"].provenance
    return made is not None and made.step == "align" and made.revision is not None


def _has_own_model(archive: Archive) -> bool:
    if "vector" not in archive.schema.names or not _aligned(archive):
        return False
    made = archive.columns["vector"].provenance
    return made is not None and not made.parameters.get("bundled", False)


def _model_of(archive: Archive) -> Alignment:
    made = archive.columns["vector"].provenance
    revision = made.revision if made else None
    return Alignment.load(archive.location.get_folder(f"models/{revision}"))


def _require_vectors(archive: Archive) -> None:
    before = {"image_vector": "`skylore embed`", "caption_vectors": "`skylore caption` and `embed`"}
    for column, steps in before.items():
        if column not in archive.schema.names or not archive.filled(column):
            raise ColumnError(f"{archive} has no {column} to align; run {steps} first")


def _require_same_images(archive: Archive, model: Alignment) -> None:
    if _encoder(archive, "image_vector") != model.config.image_encoder:
        raise ColumnError(
            f"the images of {archive} were embedded anew since it was aligned; run `skylore align "
            "--overwrite` to train on the new vectors"
        )


def _trained(
    archive: Archive, seed: int, settings: TrainingSettings | None, *, progress: bool
) -> tuple[Alignment, TrainingReport]:
    images, captions = (_encoder(archive, c) for c in ("image_vector", "caption_vectors"))
    start = bundled_alignment(images)
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
            image_encoder=images,
            text_encoder=captions,
            start=start
            if start and start.config.text_encoder.revision == captions.revision
            else None,
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
