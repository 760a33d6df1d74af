"""Pieces of work on a Ray cluster.

The cluster is the one that the process is connected to, that of ``RAY_ADDRESS``, or one of this
machine alone, started for the purpose. Nothing of Ray is imported before it is asked for.
"""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from skylore.errors import ArchiveError, DependencyMissingError

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["Cluster", "LostError"]

Key = TypeVar("Key")
Result = TypeVar("Result")

QUEUED = 2
"""Pieces a worker: one under way, one waiting, so that none is ever idle."""
TRIES_AGAIN = 3


class LostError(Exception):
    """The worker died, as often as the piece of work was tried."""


class Cluster(Generic[Result]):
    """A function that workers of a Ray cluster are called with.

    Parameters
    ----------
    work
        A function of a module, which gives a result for each piece.
    name
        Of what is done, for messages.

    Raises
    ------
    DependencyMissingError
        Ray is not installed.
    """

    def __init__(self, work: Callable[..., Result], name: str) -> None:
        self._ray = _connected()
        self._task = self._ray.remote(work)
        self._name = name

    @property
    def cores(self) -> int:
        """How many cores the cluster has now."""
        return max(1, int(self._ray.cluster_resources().get("CPU", 1)))

    def share(self, value: object) -> Any:  # noqa: ANN401 - Ray's own reference
        """Send a value once, to be given to many pieces in its place.

        Raises
        ------
        ArchiveError
            It cannot be sent to other processes.
        """
        try:
            return self._ray.put(value)
        except TypeError as error:
            raise ArchiveError(
                f"{self._name} cannot be sent to other machines; run it without --engine ray"
            ) from error

    def submit(self, *given: object, again: int = TRIES_AGAIN) -> Any:  # noqa: ANN401 - Ray's own reference
        """Begin a piece, which is tried ``again`` where its worker dies."""
        return self._task.options(max_retries=again).remote(*given)

    def result(self, reference: Any) -> Result:  # noqa: ANN401 - Ray's own reference
        """Wait for a piece; what it raised is raised here.

        Raises
        ------
        LostError
            Its worker died each time.
        """
        errors = self._ray.exceptions
        lost = (
            errors.WorkerCrashedError,
            errors.NodeDiedError,
            errors.ObjectLostError,
            errors.OutOfMemoryError,
        )
        try:
            found: Result = self._ray.get(reference)
        except lost as error:
            raise LostError from error
        except errors.RayTaskError as error:
            raise error.cause from error
        return found

    def each(
        self, begun: Iterator[tuple[Key, Any]], workers: int | None = None
    ) -> Generator[tuple[Key, Any], None, None]:
        """Keep the workers busy with pieces.

        Parameters
        ----------
        begun
            A key and the reference of each piece; taken no further ahead than the workers need.
        workers
            Pieces under way at a time; as many as the cluster has cores if None.

        Yields
        ------
        key, reference
            As the pieces are finished.
        """
        most = QUEUED * (workers or self.cores)
        flying: dict[Any, Key] = {}
        try:
            for key, reference in begun:
                flying[reference] = key
                while len(flying) >= most:
                    yield self._landed(flying)
            while flying:
                yield self._landed(flying)
        finally:
            for reference in flying:
                self._ray.cancel(reference, force=True)

    def _landed(self, flying: dict[Any, Key]) -> tuple[Key, Any]:
        (reference,), _ = self._ray.wait(list(flying), num_returns=1)
        return flying.pop(reference), reference

    def results(
        self, begun: Iterator[tuple[Key, Any]], workers: int | None = None
    ) -> Iterator[tuple[Key, Result]]:
        """Give the results of pieces that may not fail, with their keys, as they are finished.

        Raises
        ------
        ArchiveError
            Workers died on a piece again and again.
        """
        with closing(self.each(begun, workers)) as finished:
            for key, reference in finished:
                try:
                    yield key, self.result(reference)
                except LostError as error:
                    raise ArchiveError(
                        f"{self._name} stopped: a worker died {TRIES_AGAIN + 1} times on the same "
                        "piece of work, out of memory or by a crash; give workers more memory, or "
                        "begin fewer at a time (--workers)"
                    ) from error


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
