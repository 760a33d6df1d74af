"""Running a step on a Ray cluster.

The cluster gets row ids. Its workers read the rows from the archive themselves and give back the
values; the process that started the run alone writes. A batch whose worker dies is done again by
another, and where that dies too, halved, so that one poisonous row costs one row.
"""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pyarrow as pa

from skylore.archive.attempting import WorkerDiedError, attempt
from skylore.archive.location import Location
from skylore.archive.reading import OBJECTS, Reading
from skylore.archive.reason import Reason
from skylore.archive.staging import ROW
from skylore.archive.step import Apply, Step, Values, bare, failed, joined
from skylore.errors import ArchiveError, DependencyMissingError

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["Rows", "run_on_ray"]

QUEUED = 2
"""Batches a worker: one under way, one waiting, so that none is ever idle."""
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
    """Apply the step to each batch on a Ray cluster.

    The cluster is the one that the process is connected to, that of ``RAY_ADDRESS``, or one of this
    machine alone, started for the purpose. A local archive must lie at the same path everywhere.

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
    cluster = _Cluster(_connected(), step, rows)
    yield from cluster.run(batches, workers or cluster.cores)


def _connected() -> ModuleType:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError as error:
        raise DependencyMissingError(
            "--engine ray needs Ray; install it with: pip install 'skylore[ray]'"
        ) from error
    if not ray.is_initialized():
        with warnings.catch_warnings():
            # Where Ray starts its servers, it does so by fork and exec, which is safe.
            warnings.filterwarnings("ignore", message="lance is not fork-safe")
            ray.init(log_to_driver=False, logging_level=logging.ERROR)
    connected: ModuleType = ray
    return connected


class _Cluster:
    def __init__(self, ray: ModuleType, step: Step, rows: Rows) -> None:
        self._ray = ray
        self._name = step.name
        self._outputs = bare(step.outputs)
        self._task = ray.remote(_work)
        self._key = uuid4().hex
        try:
            self._step = ray.put((step, rows))
        except TypeError as error:
            raise ArchiveError(
                f"{step.name} cannot be sent to other machines; run it without --engine ray"
            ) from error

    @property
    def cores(self) -> int:
        return max(1, int(self._ray.cluster_resources().get("CPU", 1)))

    def run(self, batches: Iterator[pa.Array], workers: int) -> Iterator[Done]:
        flying: dict[Any, pa.Array] = {}
        try:
            for rows in batches:
                flying[self._submit(rows)] = rows
                while len(flying) >= QUEUED * workers:
                    yield self._landed(flying)
            while flying:
                yield self._landed(flying)
        finally:
            for reference in flying:
                self._ray.cancel(reference, force=True)

    def _submit(self, rows: pa.Array, again: int = TRIES_AGAIN) -> Any:  # noqa: ANN401 - Ray's own reference
        return self._task.options(max_retries=again).remote(self._key, self._step, rows)

    def _landed(self, flying: dict[Any, pa.Array]) -> Done:
        (reference,), _ = self._ray.wait(list(flying), num_returns=1)
        return self._got(reference, flying.pop(reference))

    def _got(self, reference: Any, rows: pa.Array) -> Done:  # noqa: ANN401 - Ray's own reference
        lost = (
            self._ray.exceptions.WorkerCrashedError,
            self._ray.exceptions.NodeDiedError,
            self._ray.exceptions.ObjectLostError,
            self._ray.exceptions.OutOfMemoryError,
        )
        try:
            done: Done = self._ray.get(reference)
        except lost:
            return self._halved(rows)
        except self._ray.exceptions.RayTaskError as error:
            raise error.cause from error
        return done

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
