"""The steps that describe objects in words."""

from __future__ import annotations

import hashlib
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from skylore.archive.provenance import Provenance
from skylore.archive.reason import Reason
from skylore.archive.step import Apply, Values
from skylore.captions.from_measurements import Captions, describe
from skylore.captions.outputs import OUTPUTS
from skylore.captions.reference import RELATIVE_COLUMNS, MeasurementReference
from skylore.errors import ColumnError, ModelError
from skylore.imaging.measurements import MEASUREMENT_SCHEMA
from skylore.vlm.settings import is_by_model

if TYPE_CHECKING:
    from skylore.archive.table import Archive

__all__ = ["FromColumn", "FromMeasurements", "captioner_of", "captioning_step"]

FROM_MEASUREMENTS = "measurements-2"
FROM_COLUMN = "column"
MOST_SENTENCES = 8


def captioning_step(archive: Archive, captioner: str) -> FromMeasurements | FromColumn:
    """Choose the step by the captioner's name.

    Raises
    ------
    ModelError
        There is no such captioner.
    ColumnError
        What it reads is not there yet.
    """
    kind, _, name = captioner.partition(":")
    if kind == "measurements" and not name:
        return FromMeasurements(_reference(archive))
    if kind == "column" and name:
        archive.require([name])
        return FromColumn(name)
    raise ModelError(
        f"there is no captioner {captioner!r}; there are measurements, column:NAME, openai:MODEL"
    )


def captioner_of(archive: Archive) -> str:
    """Name the captioner that wrote the archive's captions; ``measurements`` if there are none."""
    made = archive.columns["caption"].provenance if "caption" in archive.schema.names else None
    if made is not None and made.model == FROM_COLUMN:
        return f"column:{made.parameters['column']}"
    if made is not None and made.model is not None and is_by_model(made.model):
        return made.model
    return "measurements"


def _reference(archive: Archive) -> MeasurementReference:
    """Take the reference that the archive's captions were written with, or fit one and keep it."""
    made = archive.columns["caption"].provenance if "caption" in archive.schema.names else None
    if made is not None and made.model == FROM_MEASUREMENTS and made.revision:
        kept = archive.location.get_folder(_folder(made.revision)) / "config.json"
        return MeasurementReference.model_validate_json(kept.read_bytes())
    if "measure_flag" not in archive.schema.names:
        raise ColumnError(f"{archive} is not measured yet; run `skylore measure` first")
    reference = MeasurementReference.fit(archive.read(["measure_flag", *RELATIVE_COLUMNS]))
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "config.json").write_text(reference.model_dump_json())
        archive.location.put_folder(Path(folder), _folder(_revision(reference)))
    return reference


def _revision(reference: MeasurementReference) -> str:
    return hashlib.sha256(reference.model_dump_json().encode()).hexdigest()[:16]


def _folder(revision: str) -> str:
    return f"models/measurement-reference-{revision}"


@dataclass(frozen=True)
class FromMeasurements:
    """Writes captions from the measured columns alone."""

    reference: MeasurementReference
    batch_rows: int = 2048
    processes: bool = False
    name: str = "caption"
    inputs: tuple[str, ...] = tuple(MEASUREMENT_SCHEMA.names)
    outputs: pa.Schema = OUTPUTS

    @property
    def provenance(self) -> Provenance:
        """Say that the words come from measurements, and compared with what."""
        return Provenance(
            step=self.name,
            parameters={"written_from": "measurements", "objects": self.reference.objects},
            model=FROM_MEASUREMENTS,
            revision=_revision(self.reference),
        )

    def prepare(self) -> Apply:
        """Nothing is to be loaded."""
        return self._apply

    def _apply(self, batch: pa.Table) -> Values:
        ids = batch["id"].to_pylist()
        rows = batch.select(list(self.inputs)).to_pylist()
        written = []
        for name, row in zip(ids, rows, strict=True):
            known = {k: float("nan") if v is None else float(v) for k, v in row.items()}
            written.append(describe(known, self.reference, name))
        return Values(_table(written))


def _table(written: list[Captions]) -> pa.Table:
    return pa.table(
        {
            "caption": [w.caption for w in written],
            "captions": [[w.caption, *w.variants] for w in written],
        },
        schema=OUTPUTS,
    )


@dataclass(frozen=True)
class FromColumn:
    """Takes captions that came with the catalogue, and their sentences as further texts."""

    column: str
    batch_rows: int = 4096
    processes: bool = False
    name: str = "caption"
    outputs: pa.Schema = OUTPUTS

    @property
    def inputs(self) -> tuple[str, ...]:
        """The column."""
        return (self.column,)

    @property
    def provenance(self) -> Provenance:
        """Name the column."""
        parameters = {"written_from": "catalogue", "column": self.column}
        return Provenance(step=self.name, parameters=parameters, model=FROM_COLUMN)

    def prepare(self) -> Apply:
        """Nothing is to be loaded."""
        return self._apply

    def _apply(self, batch: pa.Table) -> Values:
        written, failures = [], {}
        for i, text in enumerate(batch[self.column].to_pylist()):
            whole = " ".join(str(text).split())
            if not whole:
                failures[i] = Reason.of(ModelError("the text is empty"))
            sentences = [s for s in re.split(r"(?<=[.!?])\s+", whole) if s]
            further = sentences[:MOST_SENTENCES] if len(sentences) > 1 else []
            written.append(Captions(whole, tuple(further)))
        return Values(_table(written), failures)
