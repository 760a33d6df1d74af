"""What a classifier learns from: images, their classes, and the split by groups on the sky."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from skylore.classification.labelled import Labelled
from skylore.classification.settings import ClassifierSettings
from skylore.errors import ModelError
from skylore.morphology.dataset import share_by_hash
from skylore.morphology.images import ImageStore, open_images

if TYPE_CHECKING:
    from skylore.archive.table import Archive

__all__ = ["Examples", "open_examples"]


@dataclass(frozen=True)
class Examples:
    """Labelled images.

    Attributes
    ----------
    classes : tuple of str
    images : ImageStore
    labels : Tensor, shape (N,)
        The place of each image's class.
    training, validation : Tensor
        Rows, of disjoint groups.
    digests : ndarray, shape (N,), int64
        By which objects are known again without naming them.
    """

    classes: tuple[str, ...]
    images: ImageStore
    labels: Tensor
    training: Tensor
    validation: Tensor
    digests: NDArray[np.int64]

    @cached_property
    def digest(self) -> str:
        """A digest of objects, classes and split; a run goes on only with its own."""
        digest = hashlib.sha256("\n".join(self.classes).encode())
        for part in (self.labels, self.training, self.validation):
            digest.update(len(part).to_bytes(8) + part.numpy().tobytes())
        digest.update(self.digests.tobytes())
        return digest.hexdigest()[:16]


def open_examples(
    archive: Archive,
    labelled: Labelled,
    settings: ClassifierSettings,
    kept_pixels: int,
    folder: Path,
    *,
    progress: bool = True,
) -> Examples:
    """Decode images into ``folder``, and split by groups.

    Parameters
    ----------
    archive : Archive
    labelled : Labelled
    settings : ClassifierSettings
    kept_pixels : int
        Side of the images kept for training.
    folder : Path
        For the decoded images.
    progress : bool

    Raises
    ------
    ModelError
        A class is on one side of the split only.
    """
    images = open_images(archive, labelled.rows, kept_pixels, folder, progress=progress)
    groups, labels = labelled.groups, labelled.labels
    aside = share_by_hash(groups.tolist(), settings.validation)
    aside = _on_both_sides(aside, groups, labels, images.usable)
    examples = Examples(
        classes=labelled.classes,
        images=images,
        labels=torch.from_numpy(labels),
        training=torch.from_numpy(np.flatnonzero(~aside & images.usable)),
        validation=torch.from_numpy(np.flatnonzero(aside & images.usable)),
        digests=labelled.digests,
    )
    _refuse_unbalanced(examples)
    return examples


def _on_both_sides(
    aside: NDArray[np.bool_],
    groups: NDArray[np.str_],
    labels: NDArray[np.int64],
    usable: NDArray[np.bool_],
) -> NDArray[np.bool_]:
    """Move one group of a class that chance has put on one side alone, where it has several."""
    moved = aside.copy()
    for label in np.unique(labels):
        own = (labels == label) & usable
        sides, names = np.unique(moved[own]), np.unique(groups[own])
        if len(sides) == 1 and len(names) > 1:
            moved[groups == names[0]] = not sides[0]
    return moved


def _refuse_unbalanced(examples: Examples) -> None:
    for part, rows in (("training", examples.training), ("validation", examples.validation)):
        present = set(examples.labels[rows].tolist())
        missing = [name for i, name in enumerate(examples.classes) if i not in present]
        if missing:
            raise ModelError(
                f"after the split by groups, {part} has no example of {', '.join(missing)}: label "
                "more of them, or leave them out with --where"
            )
