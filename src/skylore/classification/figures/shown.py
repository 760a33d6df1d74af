"""What the figures of a classifier show: objects, with vectors, probabilities and small images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F  # noqa: N812 - the name that torch code uses everywhere

from skylore.archive.staging import ROW
from skylore.classification.judged import Asked, decoded
from skylore.classification.model import ClassifierModel
from skylore.classification.networks import TrainableNetwork
from skylore.classification.steps import features_of
from skylore.encoders.base import Pixels, Vectors
from skylore.errors import ModelError
from skylore.morphology.canvas import stack
from skylore.morphology.network import frames_of

if TYPE_CHECKING:
    from skylore.archive.table import Archive

__all__ = ["THUMBNAIL", "Shown", "centred", "show"]

THUMBNAIL = 72
"""Pixels of a small image's side."""

_BATCH = 64


@dataclass(frozen=True)
class Shown:
    """Objects as the figures show them.

    Attributes
    ----------
    classes : tuple of str
    labels : ndarray, shape (N,), int64
        Places of the true classes.
    shares : ndarray, shape (N, C)
        Probabilities by the model's own way.
    vectors : ndarray, shape (N, D)
        Unit rows of the classifier.
    before : ndarray, shape (N, D0), optional
        Of the network that training began with, centred; None where it is not there.
    images : ndarray, shape (N, 72, 72, 3), uint8
    seen : bool
        Whether training saw some of them, which flatters and is said on the figures.
    unusable : int
        Objects that are not shown since their image cannot be decoded.
    """

    classes: tuple[str, ...]
    labels: NDArray[np.int64]
    shares: NDArray[np.float64]
    vectors: Vectors
    before: Vectors | None
    images: NDArray[np.uint8]
    seen: bool = False
    unusable: int = 0

    @property
    def caveat(self) -> str:
        """What a reader of a figure must know, to be put after what it says."""
        return ", seen in training" if self.seen else ""


def show(
    archive: Archive,
    asked: Asked,
    model: ClassifierModel,
    start: TrainableNetwork | None,
    *,
    progress: bool,
) -> Shown:
    """Decode and encode objects.

    Raises
    ------
    ModelError
        Fewer than four images can be decoded.
    """
    features, before, images, kept = [], [], [], []
    rows = asked.table[ROW].combine_chunks()
    for pixels, places in decoded(archive, rows, progress=progress):
        if not pixels:
            continue
        features.append(features_of(model, pixels))
        images.append(stack(pixels, THUMBNAIL).permute(0, 2, 3, 1).numpy())
        kept += places
        if start is not None:
            before.append(_vectors(start, pixels))
    if len(kept) < 4:
        raise ModelError(f"{len(kept)} images can be decoded, too few to draw; it takes four")
    with torch.inference_mode():
        found = torch.from_numpy(np.concatenate(features))
        shares = model.probabilities(found).double().numpy()
        vectors: Vectors = model.vectors(found).numpy()
    return Shown(
        classes=model.config.classes,
        labels=asked.labels[np.array(kept)],
        shares=shares,
        vectors=vectors,
        before=centred(np.concatenate(before)) if before else None,
        images=np.concatenate(images),
        seen=asked.seen_in_training > 0,
        unusable=len(rows) - len(kept),
    )


def _vectors(network: TrainableNetwork, pixels: list[Pixels]) -> Vectors:
    parts = []
    with torch.inference_mode():
        for start in range(0, len(pixels), _BATCH):
            canvases = stack(pixels[start : start + _BATCH], network.view.canvas)
            parts.append(network(frames_of(canvases, network.view)).float())
    found: Vectors = torch.cat(parts).numpy()
    return found


def centred(vectors: Vectors) -> Vectors:
    """Take off the mean, which all images share and which would hide their differences."""
    moved = torch.from_numpy(vectors - vectors.mean(axis=0))
    found: Vectors = F.normalize(moved, dim=1).numpy()
    return found
