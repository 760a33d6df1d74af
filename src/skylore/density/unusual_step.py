"""The step that fills how unusual values are."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import pyarrow as pa

from skylore.archive.provenance import Provenance
from skylore.archive.step import Apply, Values
from skylore.density.emulator import DensityEmulator
from skylore.density.joint import orders_of
from skylore.density.steps import as_column, emulator_in
from skylore.density.unusual import unusual

__all__ = ["Unusual"]


@dataclass(frozen=True)
class Unusual:
    """Fills how unusual an object's own values are, given others.

    ``NAME_unusual`` is the probability of values as unlikely as these, or less: small where they
    are odd, and comparable between objects and columns. ``NAME_unusual_logp`` is their log
    density. Both are null where all of the values are missing.

    Parameters
    ----------
    folder : str
        Of the model.
    targets : tuple of str
        In any order: orders of the chain rule are averaged.
    given : tuple of str, optional
        All other columns of the model by default.
    label : str, optional
        ``NAME`` of the columns; the targets by default.
    """

    folder: str
    targets: tuple[str, ...]
    given: tuple[str, ...] | None = None
    label: str | None = None
    batch_rows: int = 2048
    processes: bool = False

    @property
    def column(self) -> str:
        """The column of the probability."""
        return f"{self.label or '_'.join(self.targets)}_unusual"

    @property
    def name(self) -> str:
        """One step a column."""
        return self.column.replace("_", "-")

    @property
    def inputs(self) -> tuple[str, ...]:
        """The id, which every row has; then all that is read."""
        emulator = emulator_in(self.folder)
        orders_of(emulator, self.targets)
        named = emulator.require(self.targets, self.given)
        columns = [
            c
            for c in emulator.columns
            if c.name in self.targets or self.given is None or c.name in named
        ]
        errors = [c.error for c in columns if c.error]
        return ("id", *(c.name for c in columns), *errors)

    @property
    def outputs(self) -> pa.Schema:
        """The probability, and the log density."""
        what = f"{', '.join(self.targets)} given {self._given}"
        texts = {
            self.column: f"probability of as unlikely a {what}, or less likely",
            f"{self.column}_logp": f"log density of {what}, nats",
        }
        return pa.schema(
            [pa.field(n, pa.float64(), metadata={"description": t}) for n, t in texts.items()]
        )

    @property
    def _given(self) -> str:
        return "the rest" if self.given is None else ", ".join(self.given) or "nothing"

    @property
    def provenance(self) -> Provenance:
        """Model, targets and what was seen."""
        return Provenance(
            step=self.name,
            parameters={
                "targets": list(self.targets),
                "given": None if self.given is None else list(self.given),
            },
            model=f"model:{self.folder}",
            revision=emulator_in(self.folder).model.identity,
        )

    def prepare(self) -> Apply:
        """Load the model."""
        return partial(_fill, emulator_in(self.folder), self)


def _fill(emulator: DensityEmulator, step: Unusual, batch: pa.Table) -> Values:
    table = batch.select([name for name in batch.column_names if name != "id"])
    logs, tails = unusual(emulator, table, step.targets, step.given)
    columns = [as_column(tails), as_column(logs)]
    return Values(pa.Table.from_arrays(columns, schema=step.outputs))
