"""The one mechanism by which every step fills its columns.

It takes the rows that still lack a value, works in batches, keeps each finished batch atomically,
sets bad rows aside with the reason, can be killed at any moment, and carries on where it stopped.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from tqdm import tqdm

from skylore.archive.cluster_fill import Rows, run_on_ray
from skylore.archive.fill_settings import FillOptions, FillReport
from skylore.archive.provenance import Provenance, provenance_of, with_provenance
from skylore.archive.schema import ID
from skylore.archive.settling import settle
from skylore.archive.staging import ROW, Staging
from skylore.archive.step import Overlapping, Step, Values, tried
from skylore.archive.workers import run
from skylore.cores import usable_cores
from skylore.errors import ArchiveError, ColumnError

if TYPE_CHECKING:
    from skylore.archive.table import Archive

__all__ = ["FillOptions", "FillReport", "fill", "refuse_if_made_otherwise"]

HOPELESS = 200
"""Failures without a single success after which a run stops."""


def fill(archive: Archive, step: Step, options: FillOptions) -> FillReport:
    """Fill the step's columns where they are empty.

    Raises
    ------
    ColumnError
        An input column is missing, or the output columns were made in another way.
    ArchiveBusyError
        Another process is running the same step.
    ArchiveError
        Nothing but failures.
    """
    started = time.monotonic()
    with archive.lock(step.name):
        _prepare_columns(archive, step, overwrite=options.overwrite)
        staging = Staging(archive.location, step.name)
        settle(archive, step.name, staging)
        work = _find_work(archive, step, options)
        done, failed = _run(archive, step, staging, work, options)
    return FillReport(
        step=step.name,
        done=done,
        failed=failed,
        already=work.already,
        waiting=work.waiting,
        left=work.ready - done - failed,
        seconds=time.monotonic() - started,
    )


def _prepare_columns(archive: Archive, step: Step, *, overwrite: bool) -> None:
    missing = [name for name in step.inputs if name not in archive.schema.names]
    if missing:
        raise ColumnError(f"{step.name} needs the column {missing[0]!r}, which {archive} lacks")
    there = [f for f in archive.schema if f.name in step.outputs.names]
    provenance = _provenance(archive, step)
    if not all(_matches(f, step, provenance) for f in there):
        if not overwrite:
            refuse_if_made_otherwise(archive, step)
        Staging(archive.location, step.name).clear()
        archive.quarantine.release(step.name)
        archive.drop_columns([f.name for f in archive.schema if _is_of(f, step)])
        there = []
    new = [f for f in step.outputs if f.name not in {t.name for t in there}]
    archive.add_columns([with_provenance(f, provenance) for f in new])


def refuse_if_made_otherwise(archive: Archive, step: Step) -> None:
    """Raise ColumnError if the step's columns are there and were made in another way."""
    provenance = _provenance(archive, step)
    for field in archive.schema:
        if field.name in step.outputs.names and not _matches(field, step, provenance):
            made = provenance_of(field)
            raise ColumnError(
                f"the column {field.name!r} was made by {made or 'an earlier step'} with other "
                f"settings or from other inputs; say --overwrite to drop it and run {step.name} "
                "anew"
            )


def _provenance(archive: Archive, step: Step) -> Provenance:
    """Add to the step's own account how its inputs were made, where a step made them."""
    made = (archive.columns[name].provenance for name in step.inputs)
    inputs = {p.step: p.recipe for p in made if p is not None and p.step != "ingest"}
    return step.provenance.model_copy(update={"inputs": inputs, "reads": tuple(step.inputs)})


def _is_of(field: pa.Field, step: Step) -> bool:
    made = provenance_of(field)
    return field.name in step.outputs.names or (made is not None and made.step == step.name)


def _matches(field: pa.Field, step: Step, provenance: Provenance) -> bool:
    made = provenance_of(field)
    same_type = field.type == step.outputs.field(field.name).type
    return same_type and made is not None and made.same_recipe(provenance)


@dataclass(frozen=True)
class _Work:
    rows: pa.Array
    ready: int
    already: int
    waiting: int


def _find_work(archive: Archive, step: Step, options: FillOptions) -> _Work:
    marker, first = step.outputs.names[0], step.inputs[0]
    objects = archive.objects
    ready = f"`{marker}` IS NULL AND `{first}` IS NOT NULL"
    rows = objects.to_table(columns=[], filter=ready, with_row_id=True)[ROW].combine_chunks()
    already = objects.count_rows(f"`{marker}` IS NOT NULL")
    count = len(rows)
    waiting = objects.count_rows() - already - count
    if not options.retry_failed:
        rows = rows.filter(pc.invert(pc.is_in(rows, archive.quarantine.rows(step.name))))
    return _Work(rows.slice(0, options.limit), count, already, waiting)


def _run(
    archive: Archive, step: Step, staging: Staging, work: _Work, options: FillOptions
) -> tuple[int, int]:
    done = failed = size = rows = 0
    batches = _batches(archive, step, work, options)
    bar = tqdm(
        total=len(work.rows),
        desc=step.name,
        unit="row",
        disable=not options.progress or not len(work.rows),
        file=sys.stderr,
    )
    try:
        with bar:
            for given, made in _started(archive, step, batches, work, options):
                if made.left:
                    batches.close()
                batch, values = tried(given, made)
                if not batch.num_rows:
                    continue
                size += staging.append(batch[ROW], values)
                rows += batch.num_rows
                failed += len(values.failures)
                done += batch.num_rows - len(values.failures)
                bar.update(batch.num_rows)
                if rows >= options.fold_rows or size >= options.fold_bytes:
                    settle(archive, step.name, staging)
                    size = rows = 0
                _refuse_hopeless(step, done, values, failed)
    finally:
        settle(archive, step.name, staging)
    return done, failed


def _started(
    archive: Archive,
    step: Step,
    batches: Iterator[pa.Array],
    work: _Work,
    options: FillOptions,
) -> Iterator[tuple[pa.Table, Values]]:
    """Work on batches of row ids here, in processes of this machine, or on a cluster."""
    columns = (ID, *step.inputs)
    if options.engine == "ray":
        return run_on_ray(step, Rows(archive.location, columns), batches, options.workers)
    tables = (archive.take(rows, columns) for rows in batches)
    return run(step, tables, _workers(step, work, options))


def _refuse_hopeless(step: Step, done: int, values: Values, failed: int) -> None:
    if done == 0 and failed >= HOPELESS:
        error = next(iter(values.failures.values()))
        raise ArchiveError(
            f"{step.name} stopped: the first {failed} rows all failed, the last with: {error}. "
            "Mend the cause, then run it again with --retry-failed"
        )


def _workers(step: Step, work: _Work, options: FillOptions) -> int:
    """Give the worker processes of this machine; of another one, it is taken to be like this."""
    if options.engine is None and options.workers is not None:
        return options.workers
    many = options.engine is not None or step.processes
    return usable_cores() if many and len(work.rows) > step.batch_rows else 0


def _batches(
    archive: Archive, step: Step, work: _Work, options: FillOptions
) -> Generator[pa.Array, None, None]:
    rows = options.batch_rows or _rows_for_memory(archive, step, work, options)
    end = time.monotonic() + (options.seconds or float("inf"))
    for start in range(0, len(work.rows), rows):
        if time.monotonic() > end:
            return
        yield work.rows.slice(start, rows)


def _rows_for_memory(archive: Archive, step: Step, work: _Work, options: FillOptions) -> int:
    if not len(work.rows):
        return step.batch_rows
    sample = archive.take(work.rows.slice(0, 32), step.inputs)
    row = sample.nbytes / sample.num_rows
    if "image" in step.inputs:
        row += archive.largest_image * _BYTES_A_PIXEL
    at_once = step.batches_at_once if isinstance(step, Overlapping) else 1
    batches_under_way = 2 * (_workers(step, work, options) or at_once)
    return int(np.clip(options.memory / batches_under_way / row, 1, step.batch_rows))


_BYTES_A_PIXEL = 3 * (1 + 4)
"""Decoded as bytes, and once more in single precision."""
