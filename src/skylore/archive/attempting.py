"""Applying a step to a batch so that one bad row costs one row."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa

from skylore.archive.reason import Reason
from skylore.archive.step import Apply, Values, failed, joined

__all__ = ["WorkerDiedError", "attempt", "halved"]


class WorkerDiedError(RuntimeError):
    """A worker process ended while it worked on this row."""

    def __init__(self) -> None:
        super().__init__("the worker process died on this row: out of memory, or a crash")


def attempt(apply: Apply, outputs: pa.Schema, batch: pa.Table) -> Values:
    """Apply to the batch, or to ever smaller parts of it where it raises."""
    try:
        values = apply(batch)
        table = values.table.select(outputs.names).cast(outputs)
        if table.num_rows != batch.num_rows:
            raise ValueError(f"the step gave {table.num_rows} values for {batch.num_rows} rows")  # noqa: TRY301 - handled like what the step raises
        return Values(table, values.failures, values.left)
    except Exception as error:  # noqa: BLE001 - whatever a row provokes is that row's failure
        return halved(lambda part: attempt(apply, outputs, part), outputs, batch, error)


def halved(
    work: Callable[[pa.Table], Values], outputs: pa.Schema, batch: pa.Table, error: Exception
) -> Values:
    """Work on the halves of a batch that went wrong whole; a single row fails."""
    if batch.num_rows == 1:
        return failed(outputs, Reason.of(error))
    half = batch.num_rows // 2
    return joined(work(batch.slice(0, half)), work(batch.slice(half)))
