"""The step that measures structure."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from skylore.archive.provenance import Provenance
from skylore.archive.reason import Reason
from skylore.archive.step import Apply, Values
from skylore.errors import ImageError
from skylore.imaging.measurements import MEASUREMENT_SCHEMA

__all__ = ["Measure"]

MODEL = "skylore-structure-2"
"""Changes whenever the same image would be measured differently."""


@dataclass(frozen=True)
class Measure:
    """Fills the structural columns from ``image``."""

    batch_rows: int = 16
    processes: bool = True
    name: str = "measure"
    inputs: tuple[str, ...] = ("image",)

    @property
    def outputs(self) -> pa.Schema:
        """The flag, then the figures; nulls where a figure could not be measured."""
        return pa.schema([field.with_nullable(True) for field in MEASUREMENT_SCHEMA])

    @property
    def provenance(self) -> Provenance:
        """The algorithm's name."""
        return Provenance(step=self.name, model=MODEL)

    def prepare(self) -> Apply:
        """Import what measures."""
        from skylore.imaging.decode import decode
        from skylore.imaging.measure import measure

        def apply(batch: pa.Table) -> Values:
            figures: list[dict[str, float]] = []
            failures = {}
            for i, data in enumerate(batch["image"].to_pylist()):
                try:
                    figures.append(dict(measure(decode(data))))
                except ImageError as error:
                    figures.append({})
                    failures[i] = Reason.of(error)
            return Values(pa.Table.from_pylist(figures, schema=self.outputs), failures)

        return apply
