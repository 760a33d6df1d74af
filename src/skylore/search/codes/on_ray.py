"""Coding over a Ray cluster: workers read vectors and give back segments, one process writes.

Given a codebook, a segment depends on its parts alone, so that the codes are those of one process.
A source that lies in a local folder must lie at the same path everywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property

from skylore.archive.cluster import Cluster
from skylore.search.codes.codebook import Codebook
from skylore.search.codes.coding import code_parts
from skylore.search.codes.segment import Part, Segment
from skylore.search.codes.source import VectorSource

__all__ = ["OnRay"]


class OnRay:
    """On a Ray cluster; a :class:`skylore.search.codes.coding.Coding`.

    Parameters
    ----------
    workers
        Groups under way at a time; as many as the cluster has cores if None.
    """

    def __init__(self, workers: int | None = None) -> None:
        self._workers = workers

    @cached_property
    def _cluster(self) -> Cluster[Segment | None]:
        return Cluster(_work, "index")

    @property
    def at_once(self) -> int:
        """How many groups are coded side by side.

        Raises
        ------
        DependencyMissingError
            Ray is not installed.
        """
        return self._workers or self._cluster.cores

    def __call__(
        self, source: VectorSource, groups: Iterable[Sequence[Part]], codebook: Codebook
    ) -> Iterator[int | Segment]:
        """Code groups, each again where its worker dies.

        Raises
        ------
        ArchiveError
            The source cannot be sent to other processes, workers died on a group again and again,
            or a vector is not finite.
        """
        cluster = self._cluster
        given = cluster.share((source, codebook))
        begun = ((None, cluster.submit(given, tuple(group))) for group in groups)
        for _, segment in cluster.results(begun, self.at_once):
            if segment is not None:
                yield len(segment)
                yield segment


def _work(given: tuple[VectorSource, Codebook], parts: Sequence[Part]) -> Segment | None:
    source, codebook = given
    last = None
    for made in code_parts(source, parts, codebook):
        last = made
    return last if isinstance(last, Segment) else None
