"""Reading what may be damaged."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

import numpy as np
import pyarrow as pa

from skylore.archive.checking.finding import Scope

__all__ = ["attempted", "batches", "sampled"]

T = TypeVar("T")

_PANIC = "PanicException"
"""What Lance raises, outside of all exceptions, where it trusted a damaged file."""
DEEP_ROWS = 1024


def attempted(read: Callable[[], T]) -> T | BaseException:
    """Give what is read, or the error."""
    try:
        return read()
    except Exception as error:  # noqa: BLE001 - any error in reading is what is looked for
        return error
    except BaseException as error:
        if type(error).__name__ != _PANIC:
            raise
        return error


def batches(scope: Scope, columns: list[str], *, where: str | None = None) -> Iterator[pa.Table]:
    """Read columns of all rows, a batch at a time."""
    scanner = scope.archive.objects.scanner(columns=columns, filter=where, with_row_id=True)
    for batch in scanner.to_batches():
        yield pa.Table.from_batches([batch])


def sampled(scope: Scope, columns: list[str]) -> Iterator[pa.Table]:
    """Read columns of all rows if deep, else of a sample of rows, a batch at a time."""
    objects = scope.archive.objects
    if scope.deep:
        scanner = objects.scanner(columns=columns, batch_size=DEEP_ROWS)
        yield from (pa.Table.from_batches([batch]) for batch in scanner.to_batches())
        return
    rows = len(scope.archive)
    chosen = np.random.default_rng(scope.seed).permutation(rows)[: scope.sample]
    if len(chosen):
        yield objects.take(np.sort(chosen).tolist(), columns=columns)
