"""What a classifier learns from: images, their classes, and the split by groups on the sky."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from torch import Tensor

from skylore.archive.staging import ROW
from skylore.classification.separation import Separation, separation_columns, separations
from skylore.classification.settings import ClassifierSettings
from skylore.classification.sky_groups import sky_groups
from skylore.errors import ModelError
from skylore.morphology.dataset import group_names, share_by_hash
from skylore.morphology.images import ImageStore, open_images
from skylore.morphology.label_columns import texts_of

if TYPE_CHECKING:
    from skylore.archive.table import Archive

__all__ = ["Examples", "digests_of", "open_examples"]


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
    column: str,
    settings: ClassifierSettings,
    kept_pixels: int,
    folder: Path,
    *,
    where: str | None = None,
    group: str | None = None,
    separation: Separation = "cutout",
    progress: bool = True,
) -> Examples:
    """Read classes, decode images into ``folder``, and split by groups.

    Parameters
    ----------
    archive : Archive
    column : str
        Of the classes: text, boolean or whole numbers; null where there is no label.
    settings : ClassifierSettings
    kept_pixels : int
        Side of the images kept for training.
    folder : Path
        For the decoded images.
    where : str, optional
        Trusted SQL: which objects may be seen.
    group : str, optional
        A column; objects of one value are never split.
    separation : float or "cutout", optional
        Arcseconds; objects closer than that are never split. By default it is the width of a
        cutout where the archive knows it (pixels × ``pxscale``) and 60″ where not, so that no
        galaxy is learnt from and judged on. Without positions each object is on its own.
    progress : bool

    Raises
    ------
    ColumnError
        A column is missing or of the wrong type.
    ModelError
        A class has too few examples, or there are fewer than two classes.
    """
    wanted = ["id", column, *([group] if group else [])]
    archive.require(["image", *wanted])
    positions = [] if group else separation_columns(archive.schema, separation)
    seen = f"image IS NOT NULL AND `{column}` IS NOT NULL" + (f" AND ({where})" if where else "")
    asked = list(dict.fromkeys([*wanted, *positions]))
    table = archive.read(asked, where=seen, row_ids=True).sort_by("id")
    names = texts_of(table, column).to_pylist()
    classes = _checked_classes(names, column, settings.fewest)
    rows = table[ROW].combine_chunks()
    images = open_images(archive, rows, kept_pixels, folder, progress=progress)
    labels = torch.tensor([classes.index(name) for name in names])
    groups = np.array(_groups(table, group, separation))
    aside = share_by_hash(groups.tolist(), settings.validation)
    aside = _on_both_sides(aside, groups, labels.numpy(), images.usable)
    examples = Examples(
        classes=classes,
        images=images,
        labels=labels,
        training=torch.from_numpy(np.flatnonzero(~aside & images.usable)),
        validation=torch.from_numpy(np.flatnonzero(aside & images.usable)),
        digests=digests_of(table["id"]),
    )
    _refuse_unbalanced(examples)
    return examples


def digests_of(ids: pa.ChunkedArray) -> NDArray[np.int64]:
    """Give 64 bits of the digest of each id, ``(N,)``."""
    texts = ids.cast(pa.string()).to_pylist()
    parts = (hashlib.sha256(text.encode()).digest()[:8] for text in texts)
    return np.array([int.from_bytes(part, signed=True) for part in parts], np.int64)


def _checked_classes(names: list[str], column: str, fewest: int) -> tuple[str, ...]:
    counts = Counter(names)
    if len(counts) < 2:
        raise ModelError(
            f"the column {column!r} has {len(counts)} classes among the objects with images; it "
            "takes two to tell apart"
        )
    rare = [f"{name!r} ({count})" for name, count in sorted(counts.items()) if count < fewest]
    if rare:
        raise ModelError(
            f"these classes of {column!r} have fewer than {fewest} examples: {', '.join(rare)}. "
            "Label more of them, leave them out with --where, or lower --fewest"
        )
    return tuple(sorted(counts))


def _groups(table: pa.Table, group: str | None, separation: Separation) -> list[str]:
    if group is not None or separation is None or "ra" not in table.schema.names:
        return group_names(table, group)
    ra, dec = (table[n].to_numpy().astype(float) for n in ("ra", "dec"))
    numbers = sky_groups(ra, dec, separations(table, separation))
    own = table["id"].cast(pa.string()).to_pylist()
    first: dict[int, str] = {}
    # Named by its first object, a group lies on the same side whatever else is in the archive.
    return [
        first.setdefault(number, name) for number, name in zip(numbers.tolist(), own, strict=True)
    ]


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
