"""Running a step on a Ray cluster.

The cluster gets row ids. Its workers read the rows from the archive themselves and give back the
values; the process that started the run alone writes. A batch whose worker dies is done again by
another, and where that dies too, halved, so that one poisonous row costs one row.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pyarrow as pa

from skylore.archive.attempting import WorkerDiedError, attempt
from skylore.archive.cluster import Cluster, LostError
from skylore.archive.location import Location
from skylore.archive.reading import OBJECTS, Reading
from skylore.archive.reason import Reason
from skylore.archive.staging import ROW
from skylore.archive.step import Apply, Step, Values, bare, failed, joined

__all__ = ["Rows", "run_on_ray"]

TRIES_AGAIN = 1

Done = tuple[pa.Table, Values]


@dataclass(frozen=True)
class Rows:
    """How a worker reads rows: the archive, and the columns that the step needs."""

    location: Location
    columns: tuple[str, ...]

    def open(self) -> Reading:
        """Open the archive at its latest version."""
        return Reading(self.location, self.location.open_table(OBJECTS))


def run_on_ray(
    step: Step, rows: Rows, batches: Iterator[pa.Array], workers: int | None
) -> Iterator[Done]:
    """Apply the step to each batch on a Ray cluster; see :mod:`skylore.archive.cluster`.

    A local archive must lie at the same path everywhere.

    Parameters
    ----------
    step
        The step.
    rows
        How to read.
    batches
        Row ids; taken no further ahead than the workers need.
    workers
        Batches under way at a time; as many as the cluster has cores if None.

    Yields
    ------
    (pyarrow.Table, Values)
        The ``_rowid`` of a batch and its values, in the order in which they are finished.

    Raises
    ------
    DependencyMissingError
        Ray is not installed.
    ArchiveError
        The step cannot be sent to other processes.
    """
    yield from _Filling(step, rows).run(batches, workers)


class _Filling:
    def __init__(self, step: Step, rows: Rows) -> None:
        self._cluster = Cluster(_work, step.name)
        self._outputs = bare(step.outputs)
        self._key = uuid4().hex
        self._step = self._cluster.share((step, rows))

    def run(self, batches: Iterator[pa.Array], workers: int | None) -> Iterator[Done]:
        begun = ((rows, self._submit(rows)) for rows in batches)
        with closing(self._cluster.each(begun, workers)) as finished:
            for rows, reference in finished:
                yield self._got(reference, rows)

    def _submit(self, rows: pa.Array, again: int = TRIES_AGAIN) -> Any:  # noqa: ANN401 - Ray's own reference
        return self._cluster.submit(self._key, self._step, rows, again=again)

    def _got(self, reference: Any, rows: pa.Array) -> Done:  # noqa: ANN401 - Ray's own reference
        try:
            return self._cluster.result(reference)
        except LostError:
            return self._halved(rows)

    def _halved(self, rows: pa.Array) -> Done:
        if len(rows) == 1:
            return pa.table({ROW: rows}), failed(self._outputs, Reason.of(WorkerDiedError()))
        half = len(rows) // 2
        parts = rows.slice(0, half), rows.slice(half)
        # A row that is alone is tried once more, so that none is blamed for a chance death.
        first, second = (
            self._got(self._submit(part, TRIES_AGAIN if len(part) == 1 else 0), part)
            for part in parts
        )
        return pa.concat_tables([first[0], second[0]]), joined(first[1], second[1])


_prepared: tuple[str, Apply, pa.Schema, Rows, Reading] | None = None


def _work(key: str, given: tuple[Step, Rows], rows: pa.Array) -> Done:
    """Read rows and work on them, with the step prepared once a process."""
    global _prepared  # noqa: PLW0603 - where a worker process keeps its prepared step
    if _prepared is None or _prepared[0] != key:
        step, source = given
        _prepared = key, step.prepare(), bare(step.outputs), source, source.open()
    _, apply, outputs, source, archive = _prepared
    batch = _read(archive, source, rows)
    return batch.select([ROW]), attempt(apply, outputs, batch)


def _read(archive: Reading, source: Rows, rows: pa.Array) -> pa.Table:
    try:
        return archive.take(rows, source.columns)
    except (OSError, ValueError):
        # The version in hand may have been removed by a compaction meanwhile.
        archive.refresh()
        return archive.take(rows, source.columns)
