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
    """Code parts; yields how many rows each batch had, and the segment at the end."""
    codes, lists, rows, numbers = [], [], [], []
    for number, part in enumerate(parts):
        for found, vectors in source.read(part):
            coded, nearest = codebook.encode(vectors)
            codes.append(coded)
            lists.append(nearest)
            # A copy: what the engine gave keeps the whole batch, vectors included.
            rows.append(found.copy())
            numbers.append(np.full(len(found), number, np.int32))
            yield len(found)
    if rows:
        yield lay_out(
            tuple(parts),
            Coded(
                np.concatenate(codes),
                np.concatenate(lists),
                np.concatenate(rows),
                np.concatenate(numbers),
            ),
            codebook.lists,
        )


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
