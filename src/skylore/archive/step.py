"""What a step is: a function from a batch of rows to a batch of values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import pyarrow as pa

from skylore.archive.provenance import Provenance
from skylore.archive.reason import Reason

__all__ = ["Apply", "Overlapping", "Step", "Values", "bare", "failed", "joined", "tried"]


@dataclass(frozen=True)
class Values:
    """What a step made of a batch.

    Attributes
    ----------
    table
        A row a row of the batch, with the step's output columns. In rows that failed, anything.
    failures
        Why rows have no value, by position in the batch.
    left
        Rows that were not tried, because the step must end: its budget is spent, or nobody
        answers. They stay as they were, and no further batch is begun.
    """

    table: pa.Table
    failures: Mapping[int, Reason] = field(default_factory=dict)
    left: frozenset[int] = frozenset()


def bare(schema: pa.Schema) -> pa.Schema:
    """Give the names and types of a schema, without its metadata."""
    return pa.schema([pa.field(f.name, f.type) for f in schema])


def failed(outputs: pa.Schema, reason: Reason, rows: int = 1) -> Values:
    """Give rows without values, all for the same reason."""
    nulls = pa.table({f.name: pa.nulls(rows, f.type) for f in outputs})
    return Values(nulls, dict.fromkeys(range(rows), reason))


def joined(first: Values, second: Values) -> Values:
    """Put the values of two parts of a batch together."""
    rows = first.table.num_rows
    failures = {**first.failures, **{rows + i: e for i, e in second.failures.items()}}
    left = first.left | {rows + i for i in second.left}
    return Values(pa.concat_tables([first.table, second.table]), failures, left)


def tried(batch: pa.Table, values: Values) -> tuple[pa.Table, Values]:
    """Give the rows of a batch that were tried, and what became of them."""
    if not values.left:
        return batch, values
    kept = [i for i in range(batch.num_rows) if i not in values.left]
    failures = {n: values.failures[i] for n, i in enumerate(kept) if i in values.failures}
    rows = pa.array(kept, pa.int64())
    return batch.take(rows), Values(values.table.take(rows), failures)


Apply = Callable[[pa.Table], Values]


@runtime_checkable
class Step(Protocol):
    """A step that fills columns.

    A step is only settings: small, picklable to worker processes, and loading nothing until
    :meth:`prepare` is called there.
    """

    @property
    def name(self) -> str:
        """A verb: ``measure``, ``caption``, ``embed``."""

    @property
    def inputs(self) -> tuple[str, ...]:
        """Columns that it reads. A row whose first input is null is not ready and is left."""

    @property
    def outputs(self) -> pa.Schema:
        """Columns that it writes. The first is never null in a finished row."""

    @property
    def provenance(self) -> Provenance:
        """How its columns come to be."""

    @property
    def batch_rows(self) -> int:
        """How many rows it likes to be given at a time."""

    @property
    def processes(self) -> bool:
        """Whether it is bound by Python on one core, so that worker processes speed it up."""

    def prepare(self) -> Apply:
        """Load what is needed, once in each process, and give the function over batches."""


@runtime_checkable
class Overlapping(Step, Protocol):
    """A step that waits for others most of the time, so that several batches run side by side.

    Its function is called from as many threads of this process at once.
    """

    @property
    def batches_at_once(self) -> int:
        """How many batches are under way at a time, at least 1."""
