"""What an encoder is trained on: images, numbers to learn, and the split."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch
from numpy.typing import NDArray
from torch import Tensor

from skylore.archive.staging import ROW
from skylore.errors import ColumnError, ModelError
from skylore.morphology.images import ImageStore, open_images
from skylore.morphology.labels import LearntLabels
from skylore.morphology.settings import PretrainSettings

if TYPE_CHECKING:
    from skylore.archive.table import Archive

__all__ = ["TrainingSet", "group_names", "open_training_set", "share_by_hash"]

FEWEST_OBJECTS = 32
"""With fewer images than this there is nothing to learn an encoder from."""


@dataclass(frozen=True)
class TrainingSet:
    """Images and targets.

    Attributes
    ----------
    images : ImageStore
    labels : tuple of LearntLabels
    targets : dict of str to Tensor
        By the name of the labels: ``(N, K)``, NaN where missing.
    training, held_out : Tensor
        Rows, disjoint.
    """

    images: ImageStore
    labels: tuple[LearntLabels, ...]
    targets: Mapping[str, Tensor]
    training: Tensor
    held_out: Tensor

    @cached_property
    def digest(self) -> str:
        """A digest of labels and split; a run goes on only with its own."""
        digest = hashlib.sha256()
        for label in self.labels:
            digest.update(label.model_dump_json().encode())
            digest.update(self.targets[label.name].numpy().tobytes())
        for rows in (self.training, self.held_out):
            digest.update(len(rows).to_bytes(8) + rows.numpy().tobytes())
        return digest.hexdigest()[:16]


def open_training_set(
    archive: Archive,
    settings: PretrainSettings,
    folder: Path,
    *,
    where: str | None = None,
    group: str | None = None,
    progress: bool = True,
) -> TrainingSet:
    """Read labels, decode images into ``folder``, and hold objects out.

    Parameters
    ----------
    archive : Archive
    settings : PretrainSettings
    folder : Path
        For the decoded images.
    where : str, optional
        Trusted SQL: which objects may be seen.
    group : str, optional
        A column; objects of the same value are trained on together or held out together, as
        several images of one galaxy must be. Objects without a value are on their own.
    progress : bool

    Raises
    ------
    ColumnError
        A column is missing or of the wrong type.
    ModelError
        There are too few images, or labels that cannot be learnt from.
    """
    columns = [name for source in settings.labels for name in source.columns]
    asked = list(dict.fromkeys(["id", *columns, *([group] if group else [])]))
    archive.require(["image", *asked])
    seen = "image IS NOT NULL" + (f" AND ({where})" if where else "")
    table = archive.read(asked, where=seen, row_ids=True)
    if table.num_rows < FEWEST_OBJECTS:
        raise ModelError(
            f"{table.num_rows} images are too few to train an encoder on; it takes "
            f"{FEWEST_OBJECTS}, and thousands to be any good"
        )
    # Rows in the order of their ids give the same run whatever order the archive keeps them in.
    table = table.sort_by("id")
    labels = tuple(source.learn(table) for source in settings.labels)
    if len({label.name for label in labels}) < len(labels):
        raise ModelError("two sources of labels have the same name; give each column once")
    rows = table[ROW].combine_chunks()
    images = open_images(archive, rows, settings.kept_pixels, folder, progress=progress)
    names = group_names(table, group)
    aside = share_by_hash(names, settings.validation)
    return TrainingSet(
        images=images,
        labels=labels,
        targets={label.name: torch.from_numpy(label.targets(table)) for label in labels},
        training=torch.from_numpy(np.flatnonzero(~aside & images.usable)),
        held_out=torch.from_numpy(np.flatnonzero(aside & images.usable)),
    )


def group_names(table: pa.Table, group: str | None) -> list[str]:
    """Name what must stay together; an object of no group stands for itself.

    Raises
    ------
    ColumnError
        The column holds neither text nor whole numbers.
    """
    own = table["id"].cast(pa.string())
    try:
        given = table[group or "id"].cast(pa.string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise ColumnError(
            f"the column {group!r} holds {table[group].type}; objects are grouped by text or "
            "whole numbers"
        ) from error
    together: list[str] = pc.coalesce(given, own).to_pylist()
    return together


def share_by_hash(names: Sequence[str], share: float) -> NDArray[np.bool_]:
    """Choose about this share of the names, each by its own hash, whatever else is there."""
    digests = (hashlib.sha256(str(name).encode()).digest()[:8] for name in names)
    places = np.array([int.from_bytes(digest) / 2**64 for digest in digests])
    return places < share
