"""Labelled objects that a classifier is judged on: none that training saw, or nearly saw."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from skylore.archive.staging import ROW
from skylore.classification.labelled import class_names, digests_of
from skylore.classification.model import ClassifierModel
from skylore.classification.separation import Separation, separation_columns, separations
from skylore.classification.service import checked_where
from skylore.classification.sky_groups import within_reach
from skylore.classification.steps import features_of
from skylore.encoders.base import Pixels
from skylore.errors import ImageError, ModelError
from skylore.imaging.decode import decode

if TYPE_CHECKING:
    from skylore.archive.table import Archive

__all__ = ["Asked", "decoded", "features", "objects_to_judge"]

_ROWS = 256
Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Asked:
    """Objects to judge on.

    Attributes
    ----------
    table : Table
        ``id`` and the row of each.
    labels : ndarray, shape (N,), int64
        Places of their classes in the model's.
    left_out, overlapping, other_classes, seen_in_training, unusable : int
        As :class:`skylore.classification.report.EvaluationReport` counts them.
    """

    table: pa.Table
    labels: Labels
    left_out: int
    overlapping: int
    other_classes: int
    seen_in_training: int
    unusable: int = 0

    def take(self, rows: NDArray[np.int64]) -> Asked:
        """Keep these objects alone."""
        return replace(self, table=self.table.take(pa.array(rows)), labels=self.labels[rows])

    def decoded(self, rows: NDArray[np.int64]) -> Asked:
        """Keep the objects whose images can be decoded.

        Raises
        ------
        ModelError
            Fewer than two are left.
        """
        lost = len(self.labels) - len(rows)
        if len(rows) < 2:
            raise ModelError(
                f"{len(rows)} of {len(self.labels)} labelled objects have an image that can be "
                "decoded; it takes two to judge on"
            )
        return replace(self.take(rows), unusable=lost)


def objects_to_judge(
    archive: Archive,
    column: str,
    model: ClassifierModel,
    *,
    where: str | None = None,
    seen_too: bool = False,
    separation: Separation = "cutout",
) -> Asked:
    """Choose labelled objects that training did not see, nor any that overlaps them on the sky.

    Raises
    ------
    ColumnError, FilterError, ModelError
        As :func:`skylore.classification.evaluate.evaluate_classifier`.
    """
    archive.require(["id", "image", column])
    positions = separation_columns(archive.schema, separation)
    labelled = f"image IS NOT NULL AND `{column}` IS NOT NULL"
    checked = checked_where(archive, where)
    table = archive.read(
        list(dict.fromkeys(["id", column, *positions])),
        where=f"{labelled} AND ({checked})" if checked else labelled,
        row_ids=True,
    )
    table = table.filter(pc.is_valid(class_names(table, column)))
    known = pc.is_in(class_names(table, column), pa.array(model.config.classes))
    other = table.num_rows - int(pc.sum(known).as_py() or 0)
    table = table.filter(known)
    seen = np.isin(digests_of(table["id"]), model.trained_on.numpy())
    near = np.zeros(len(seen), bool)
    if not seen_too:
        near = _near_training(archive, model, table, seen, separation) & ~seen
        table = table.filter(pa.array(~seen & ~near))
    if table.num_rows < 2:
        raise ModelError(
            f"{table.num_rows} labelled objects are left to judge on: training saw the others, or "
            "what overlaps them. Label more; or train anew with --test 0.2, which keeps a fifth "
            "back; or judge on those as well with --all, which flatters"
        )
    names = class_names(table, column).to_pylist()
    return Asked(
        table=table.select(["id", ROW]),
        labels=np.array([model.config.classes.index(name) for name in names], np.int64),
        left_out=0 if seen_too else int(seen.sum()),
        overlapping=int(near.sum()),
        other_classes=other,
        seen_in_training=int(seen.sum()) if seen_too else 0,
    )


def _near_training(
    archive: Archive,
    model: ClassifierModel,
    table: pa.Table,
    seen: NDArray[np.bool_],
    separation: Separation,
) -> NDArray[np.bool_]:
    """Tell which objects lie within a cutout of one that training saw, wherever that is."""
    column = model.config.column
    positions = separation_columns(archive.schema, separation)
    if not positions or column not in archive.schema.names:
        return seen
    there = f"image IS NOT NULL AND `{column}` IS NOT NULL"
    every = archive.read(["id", *positions], where=there)
    learnt = every.filter(pa.array(np.isin(digests_of(every["id"]), model.trained_on.numpy())))
    both = pa.concat_tables([learnt.select(positions), table.select(positions)])
    ra, dec = (both[name].to_numpy() for name in ("ra", "dec"))
    known = np.concatenate([np.ones(learnt.num_rows, bool), seen])
    return within_reach(ra, dec, separations(both, separation), known)[learnt.num_rows :]


def decoded(
    archive: Archive, rows: pa.Array, *, progress: bool
) -> Iterator[tuple[list[Pixels], list[int]]]:
    """Yield images in batches with their places among ``rows``; undecodable ones are left out."""
    with tqdm(
        total=len(rows), desc="evaluate", unit="image", disable=not progress, file=sys.stderr
    ) as bar:
        for start in range(0, len(rows), _ROWS):
            images, places = [], []
            data = archive.take(rows.slice(start, _ROWS), ["image"])["image"].to_pylist()
            for place, encoded in enumerate(data, start):
                try:
                    images.append(decode(encoded))
                    places.append(place)
                except ImageError:
                    continue
            yield images, places
            bar.update(len(data))


def features(
    archive: Archive, asked: Asked, model: ClassifierModel, *, progress: bool
) -> tuple[Tensor, Asked]:
    """Encode images, ``(N, F)``, and keep the objects whose image can be decoded."""
    found, kept = [], []
    rows = asked.table[ROW].combine_chunks()
    for images, places in decoded(archive, rows, progress=progress):
        found.append(features_of(model, images))
        kept += places
    return torch.from_numpy(np.concatenate(found)), asked.decoded(np.array(kept, np.int64))
