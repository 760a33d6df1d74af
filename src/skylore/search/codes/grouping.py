"""Which segments a build keeps, and which parts it codes together."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from skylore.search.codes.options import CodeOptions
from skylore.search.codes.segment import Part, Segment

__all__ = ["SMALL", "grouped", "kept_segments"]

MERGED = 8
"""So many small segments are made into one."""
SMALL = 8
"""Segments of an eighth of the usual rows, or less, are small."""
LEAST_LIVE = 0.75
"""Segments that cover a smaller share of what they did are replaced."""


def kept_segments(
    segments: list[Segment], owners: dict[Part, int], options: CodeOptions
) -> set[int]:
    """Choose the segments to keep: not those mostly stale, nor many small ones."""
    owned = np.bincount(list(owners.values()), minlength=len(segments))
    kept = {n for n, s in enumerate(segments) if owned[n] >= LEAST_LIVE * len(s.parts)}
    small = {n for n in kept if len(segments[n]) * SMALL <= options.segment_rows}
    return kept - small if len(small) >= MERGED else kept


def grouped(left: dict[Part, int], rows: int) -> Iterator[list[Part]]:
    """Put parts into groups of about so many rows, a segment each."""
    group: list[Part] = []
    held = 0
    for part, count in left.items():
        group.append(part)
        held += count
        if held >= rows:
            yield group
            group, held = [], 0
    if group:
        yield group
