"""From the vectors of some parts to a segment of codes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from skylore.search.codes.codebook import Codebook
from skylore.search.codes.segment import Coded, Part, Segment, lay_out
from skylore.search.codes.source import VectorSource

__all__ = ["code_parts"]


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
