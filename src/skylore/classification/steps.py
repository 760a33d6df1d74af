"""The step that fills the columns of a classifier."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray

from skylore.archive.provenance import Provenance
from skylore.archive.reason import Reason
from skylore.archive.step import Apply, Values
from skylore.classification.model import ClassifierModel
from skylore.classification.ways import Way
from skylore.encoders.base import Pixels
from skylore.encoders.devices import default_device
from skylore.errors import ImageError
from skylore.imaging.decode import decode
from skylore.morphology.canvas import stack

__all__ = ["Classify", "column_names", "features_of"]

_BATCH = 64


@dataclass(frozen=True)
class Classify:
    """Fills the likeliest class, its probability, and the probability of each class.

    Parameters
    ----------
    folder : str
        Of the model.
    prefix : str
        Of the columns: ``PREFIX_class``, ``PREFIX_probability`` and ``PREFIX_p_CLASS``.
    way : Way, optional
        Other than the model's own.
    """

    folder: str
    prefix: str
    way: Way | None = None
    batch_rows: int = 256
    processes: bool = False
    name: str = "classify"
    inputs: tuple[str, ...] = ("image",)

    @property
    def _model(self) -> ClassifierModel:
        config = Path(self.folder) / "config.json"
        written = config.stat().st_mtime_ns if config.exists() else 0
        return _load(self.folder, written)

    @property
    def outputs(self) -> pa.Schema:
        """Class, its probability, and a probability a class."""
        classes = self._model.config.classes
        named = column_names(self.prefix, classes)

        def field(name: str, kind: pa.DataType, description: str) -> pa.Field:
            return pa.field(name, kind, metadata={"description": description})

        return pa.schema(
            [
                field(f"{self.prefix}_class", pa.string(), "the likeliest class"),
                field(f"{self.prefix}_probability", pa.float32(), "of the likeliest class"),
                *(field(named[c], pa.float32(), f"probability of the class {c}") for c in classes),
            ]
        )

    @property
    def provenance(self) -> Provenance:
        """Model, labels and way."""
        config = self._model.config
        return Provenance(
            step=self.name,
            parameters={"labels": config.column, "way": self.way or config.way},
            model=f"model:{self.folder}",
            revision=self._model.identity,
        )

    def prepare(self) -> Apply:
        """Load the model."""
        model = self._model.to(default_device())
        return partial(_classify, model, self)


def column_names(prefix: str, classes: tuple[str, ...]) -> dict[str, str]:
    """Name the column of each class's probability, in letters that need no quotes in a filter."""
    names: dict[str, str] = {}
    for name in classes:
        plain = re.sub(r"\W+", "_", name.lower()).strip("_") or "class"
        column, number = f"{prefix}_p_{plain}", 2
        while column in names.values():
            column, number = f"{prefix}_p_{plain}_{number}", number + 1
        names[name] = column
    return names


def features_of(model: ClassifierModel, images: list[Pixels]) -> NDArray[np.float32]:
    """Give the features of images of any size, ``(N, F)``."""
    side = model.network.view.canvas
    device = next(model.parameters()).device
    found = [np.empty((0, model.network.dimension), np.float32)]
    with torch.inference_mode():
        for start in range(0, len(images), _BATCH):
            canvases = stack(images[start : start + _BATCH], side).to(device)
            found.append(model.features(canvases).cpu().numpy())
    return np.concatenate(found)


def _classify(model: ClassifierModel, step: Classify, batch: pa.Table) -> Values:
    images: list[Pixels] = []
    failures: dict[int, Reason] = {}
    for row, data in enumerate(batch["image"].to_pylist()):
        try:
            images.append(decode(data))
        except ImageError as error:
            failures[row] = Reason.of(error)
    good = [row for row in range(batch.num_rows) if row not in failures]
    classes = model.config.classes
    shares = np.zeros((batch.num_rows, len(classes)), np.float32)
    if good:
        features = torch.from_numpy(features_of(model, images)).to(next(model.parameters()).device)
        with torch.inference_mode():
            shares[good] = model.probabilities(features, step.way).cpu().numpy()
    best = shares.argmax(axis=1)
    columns = [pa.array([classes[i] for i in best]), pa.array(shares.max(axis=1))]
    columns += [pa.array(np.ascontiguousarray(shares[:, i])) for i in range(len(classes))]
    return Values(pa.Table.from_arrays(columns, schema=step.outputs), failures)


@lru_cache(maxsize=2)
def _load(folder: str, written: int) -> ClassifierModel:  # noqa: ARG001 - told apart by it
    return ClassifierModel.load(Path(folder))
