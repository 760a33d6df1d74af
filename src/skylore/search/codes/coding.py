"""From the vectors of some parts to a segment of codes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

import numpy as np

from skylore.search.codes.codebook import Codebook
from skylore.search.codes.segment import Coded, Part, Segment, lay_out
from skylore.search.codes.source import VectorSource

__all__ = ["Coding", "Here", "code_parts"]


def code_parts(
    source: VectorSource, parts: Sequence[Part], codebook: Codebook
) -> Iterator[int | Segment]:
    """Code parts; yields how many rows each batch had, and the segment at the end.

    What is coded goes where it is kept at once: a segment is held twice while it is laid out, and
    never more.
    """
    counts = source.parts()
    rows = sum(counts[part] for part in parts)
    coded = Coded(
        np.empty((rows, codebook.length), np.int8),
        np.empty(rows, np.int32),
        np.empty(rows, np.uint64),
        np.empty(rows, np.int32),
    )
    held = 0
    for number, part in enumerate(parts):
        for found, vectors in source.read(part):
            here = slice(held, held + len(found))
            coded.codes[here], coded.lists[here] = codebook.encode(vectors)
            coded.rows[here], coded.fragments[here] = found, number
            held += len(found)
            yield len(found)
    if held:
        done = slice(held)
        kept = (coded.codes[done], coded.lists[done], coded.rows[done], coded.fragments[done])
        yield lay_out(tuple(parts), Coded(*kept), codebook.lists)


class Coding(Protocol):
    """Where groups of parts are coded."""

    @property
    def at_once(self) -> int:
        """How many groups are coded side by side."""
        ...

    def __call__(
        self, source: VectorSource, groups: Iterable[Sequence[Part]], codebook: Codebook
    ) -> Iterator[int | Segment]:
        """Code groups; yields how many rows more were coded, and each segment when it is done."""
        ...


class Here:
    """In this process, one after the other."""

    at_once = 1

    def __call__(
        self, source: VectorSource, groups: Iterable[Sequence[Part]], codebook: Codebook
    ) -> Iterator[int | Segment]:
        """Code groups."""
        for group in groups:
            yield from code_parts(source, group, codebook)
