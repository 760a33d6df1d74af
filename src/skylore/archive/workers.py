"""Running a step over batches: in this process, in threads of it, or in several processes.

A batch that raises is halved until the rows that cannot be done are alone. A worker process that
dies takes its batch with it; the batch is tried again apart from all others, halved in the same
way, so that one poisonous row costs one row.
"""

from __future__ import annotations

import os
import signal
from collections import deque
from collections.abc import Iterator
from concurrent.futures import (
    FIRST_COMPLETED,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    wait,
)
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process
from threading import Thread
from types import TracebackType
from typing import Self

import pyarrow as pa

from skylore.archive.attempting import WorkerDiedError, attempt, halved
from skylore.archive.step import Apply, Overlapping, Step, Values, bare
from skylore.errors import ArchiveError

__all__ = ["run"]

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def run(step: Step, batches: Iterator[pa.Table], workers: int) -> Iterator[tuple[pa.Table, Values]]:
    """Apply the step to each batch.

    Parameters
    ----------
    step
        The step.
    batches
        Tables with the step's inputs; read no further ahead than the workers need.
    workers
        Number of worker processes; 0 works in this one, in threads if the step is
        :class:`~skylore.archive.step.Overlapping`.

    Yields
    ------
    (pyarrow.Table, Values)
        A batch and its values, in the order in which they are finished.
    """
    if workers == 0:
        apply, outputs = step.prepare(), bare(step.outputs)
        if isinstance(step, Overlapping):
            yield from _overlapped(apply, outputs, batches, step.batches_at_once)
            return
        for batch in batches:
            yield batch, attempt(apply, outputs, batch)
        return
    with _Pool(step, workers) as pool:
        yield from pool.run(batches)


def _overlapped(
    apply: Apply, outputs: pa.Schema, batches: Iterator[pa.Table], at_once: int
) -> Iterator[tuple[pa.Table, Values]]:
    """Keep ``at_once`` batches under way in threads."""
    executor = ThreadPoolExecutor(at_once, thread_name_prefix="skylore-batch")
    flying: dict[Future[Values], pa.Table] = {}
    try:
        for batch in batches:
            flying[executor.submit(attempt, apply, outputs, batch)] = batch
            if len(flying) >= at_once:
                yield from _landed(flying)
        while flying:
            yield from _landed(flying)
    finally:
        # Whoever interrupts is not kept waiting: what runs ends when the step's owner closes it.
        executor.shutdown(wait=not flying, cancel_futures=True)


def _landed(flying: dict[Future[Values], pa.Table]) -> Iterator[tuple[pa.Table, Values]]:
    done, _ = wait(flying, return_when=FIRST_COMPLETED)
    for future in done:
        yield flying.pop(future), future.result()


_worker: tuple[Apply, pa.Schema] | Exception | None = None


def _start(step: Step) -> None:
    global _worker  # noqa: PLW0603 - where a worker process keeps its prepared step
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides when it is interrupted
    Thread(target=_end_with_parent, daemon=True).start()
    try:
        _worker = step.prepare(), bare(step.outputs)
    except Exception as error:  # noqa: BLE001 - raised again by the first batch, in the parent
        _worker = error


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _work(batch: pa.Table) -> Values:
    if _worker is None or isinstance(_worker, Exception):
        raise _worker or RuntimeError("the worker process was not started with a step")
    return attempt(*_worker, batch)


class _Pool:
    """Worker processes that share a step, replaced when one of them dies."""

    def __init__(self, step: Step, workers: int) -> None:
        self._step = step
        self._workers = workers
        self._executor = self._open(workers)
        self._proven = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._executor.shutdown(wait=True, cancel_futures=True)

    def _open(self, workers: int) -> ProcessPoolExecutor:
        for name in THREADS:
            os.environ.setdefault(name, "1")
        return ProcessPoolExecutor(
            workers, mp_context=get_context("spawn"), initializer=_start, initargs=(self._step,)
        )

    def run(self, batches: Iterator[pa.Table]) -> Iterator[tuple[pa.Table, Values]]:
        flying: deque[tuple[pa.Table, Future[Values]]] = deque()
        for batch in batches:
            flying.append((batch, self._submit(batch)))
            if len(flying) > self._workers:
                yield from self._land(flying)
        while flying:
            yield from self._land(flying)

    def _submit(self, batch: pa.Table) -> Future[Values]:
        try:
            return self._executor.submit(_work, batch)
        except BrokenProcessPool as error:
            future: Future[Values] = Future()
            future.set_exception(error)
            return future

    def _land(
        self, flying: deque[tuple[pa.Table, Future[Values]]]
    ) -> Iterator[tuple[pa.Table, Values]]:
        batch, future = flying.popleft()
        try:
            yield batch, future.result()
        except BrokenProcessPool:
            if not self._proven:
                self._prove_start()
            lost = [batch, *(waiting for waiting, _ in flying)]
            flying.clear()
            self._executor.shutdown(wait=False)
            for each in lost:
                yield each, self._alone(each)
            self._executor = self._open(self._workers)

    def _prove_start(self) -> None:
        """Start a process without a row, so that no row is blamed for what is not its fault."""
        with self._open(1) as executor:
            try:
                executor.submit(os.getpid).result()
            except BrokenProcessPool as error:
                raise ArchiveError(
                    "worker processes die before they read a row; a script that starts them must "
                    'do so below `if __name__ == "__main__":`, and each needs memory for the '
                    "step's model: try workers=0"
                ) from error
        self._proven = True

    def _alone(self, batch: pa.Table) -> Values:
        """Work on the batch with a process of its own, and on its halves if that dies too."""
        with self._open(1) as executor:
            try:
                return executor.submit(_work, batch).result()
            except BrokenProcessPool:
                pass
        return halved(self._alone, bare(self._step.outputs), batch, WorkerDiedError())
