"""Captioned objects as tensors: checks, the split, and drawing a caption for each."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from skylore.errors import ModelError

__all__ = ["FEWEST_OBJECTS", "Pairs", "check_pairs", "held_out"]

FEWEST_OBJECTS = 8
"""With fewer captioned objects than this there is nothing to learn and nothing to check on."""

_MOST_HELD_OUT = 1000


@dataclass(frozen=True)
class Pairs:
    """Objects, each with an image vector and one or more text vectors.

    Attributes
    ----------
    images : Tensor, shape (N, Di)
    texts : Tensor, shape (M, Dt)
        Sorted by owner.
    owners : Tensor, shape (M,), int64
        Row of ``images`` that each text belongs to; every row has at least one.
    """

    images: Tensor
    texts: Tensor
    owners: Tensor

    def __len__(self) -> int:
        return len(self.images)

    def take(self, rows: NDArray[np.intp]) -> Pairs:
        """Return the objects in these rows, renumbered in this order."""
        position = np.full(len(self), -1, dtype=np.int64)
        position[rows] = np.arange(len(rows))
        owners = torch.from_numpy(position)[self.owners]
        kept = torch.nonzero(owners >= 0)[:, 0]
        kept = kept[torch.argsort(owners[kept], stable=True)]
        return Pairs(self.images[torch.from_numpy(rows)], self.texts[kept], owners[kept])

    def draw(self, rows: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return the images of these rows, and for each one of its texts by chance."""
        counts = torch.bincount(self.owners, minlength=len(self))
        starts = counts.cumsum(0) - counts
        chance = torch.rand(len(rows), generator=generator)
        chosen = starts[rows] + (chance * counts[rows]).long()
        return self.images[rows], self.texts[chosen]


def check_pairs(image_vectors: ArrayLike, text_vectors: ArrayLike, owners: ArrayLike) -> Pairs:
    """Check the training material and turn it into tensors.

    Parameters
    ----------
    image_vectors : array_like, shape (N, Di)
    text_vectors : array_like, shape (M, Dt)
    owners : array_like, shape (M,), int
        The row of ``image_vectors`` that each text describes.

    Raises
    ------
    ModelError
        If shapes do not fit, a value is not finite, a vector is zero, an object has no text, or
        there are fewer than eight objects.
    """
    images = np.array(image_vectors, dtype=np.float32)
    texts = np.array(text_vectors, dtype=np.float32)
    belongs = np.array(owners, dtype=np.int64)
    if images.ndim != 2 or texts.ndim != 2 or belongs.shape != (len(texts),):
        raise ModelError(
            f"image vectors {images.shape}, text vectors {texts.shape} and owners {belongs.shape} "
            "must be (N, Di), (M, Dt) and (M,)"
        )
    if len(images) < FEWEST_OBJECTS:
        raise ModelError(
            f"alignment needs at least {FEWEST_OBJECTS} captioned objects, and there are "
            f"{len(images)}. Caption more of them first."
        )
    for kind, vectors in (("image", images), ("text", texts)):
        unusable = ~np.isfinite(vectors).all(axis=1) | ~vectors.any(axis=1)
        if unusable.any():
            raise ModelError(
                f"{int(unusable.sum())} of {len(vectors)} {kind} vectors are zero or not finite "
                f"(first: row {int(unusable.argmax())}). Encode these again or leave them out."
            )
    if belongs.size and (belongs.min() < 0 or belongs.max() >= len(images)):
        raise ModelError(f"owners must be rows of the {len(images)} image vectors")
    missing = len(images) - len(np.unique(belongs))
    if missing:
        raise ModelError(f"{missing} of {len(images)} objects have no text. Leave them out.")
    order = np.argsort(belongs, kind="stable")
    return Pairs(*map(torch.from_numpy, (images, texts[order], belongs[order])))


def held_out(ids: Sequence[object], fraction: float) -> NDArray[np.bool_]:
    """Choose the objects to check on, by a hash of their ids.

    The same object is on the same side in every run, up to the few nearest to the limit as an
    archive grows; order and seed do not matter. At least two objects are held out, and at most
    1,000, beyond which the check gains no precision worth its training data.

    Returns
    -------
    ndarray, shape (N,), bool

    Raises
    ------
    ModelError
        If an id occurs twice: the same object would be trained and checked on.
    """
    names = [str(name) for name in ids]
    if len(set(names)) < len(names):
        raise ModelError("the ids of the objects are not unique, so they cannot be split")
    count = min(max(2, round(fraction * len(names))), _MOST_HELD_OUT, len(names) - 2)
    digests = [hashlib.sha256(name.encode()).digest() for name in names]
    chosen = np.zeros(len(names), dtype=bool)
    chosen[sorted(range(len(names)), key=digests.__getitem__)[:count]] = True
    return chosen
