"""Which index a column of numbers, flags or texts gets.

Copies of columns (:mod:`skylore.search.masks`) answer filters on numbers and flags in about 1 ns
a row of the archive, where a tree of ranges takes some 50 ns a match for each column; so numbers
get a tree only where they cannot be copied.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import pyarrow as pa
import pyarrow.compute as pc

from skylore.archive.schema import ID, PIXEL
from skylore.search.masks.store import readable

if TYPE_CHECKING:
    from skylore.archive.table import Archive

__all__ = ["SAMPLE", "ScalarIndex", "chosen_indexes", "index_for"]

ScalarIndex = Literal["BITMAP", "BTREE"]

SAMPLE = 20_000
FEW_VALUES = 1_000
REPEATS = 20
"""Values that occur less often than this in the sample may be more than it shows."""
LONG = 64.0
"""Longer texts are prose, which nobody compares whole."""


def index_for(
    kind: pa.DataType, *, distinct: int, sampled: int, length: float = 0, copied: bool
) -> ScalarIndex | None:
    """Choose the index of a column.

    Parameters
    ----------
    kind
        Its type.
    distinct, sampled
        Different values in a sample, and values in it.
    length
        Characters of a text on average.
    copied
        Whether copies of numbers and flags are kept beside the archive.
    """
    types = pa.types
    text = types.is_string(kind) or types.is_large_string(kind)
    if not sampled or not (text or readable(kind)):
        return None
    if copied and not text:
        return None
    if types.is_boolean(kind):
        return "BITMAP"
    if not types.is_floating(kind) and distinct <= min(FEW_VALUES, sampled / REPEATS):
        return "BITMAP"
    return None if text and length > LONG else "BTREE"


def chosen_indexes(archive: Archive) -> dict[str, ScalarIndex]:
    """Choose indexes for the columns of an archive, from a sample of its rows."""
    copied = archive.location.is_local
    own = (ID, PIXEL, "caption", "source_item")
    names = [
        field.name
        for field in archive.schema
        if field.name not in own and (_is_text(field.type) or (readable(field.type) and not copied))
    ]
    if not names or not len(archive):
        return {}
    sample = archive.objects.sample(min(SAMPLE, len(archive)), columns=names)
    found = {name: _choose(sample[name], copied=copied) for name in names}
    return {name: kind for name, kind in found.items() if kind is not None}


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _choose(column: pa.ChunkedArray, *, copied: bool) -> ScalarIndex | None:
    values = column.drop_null()
    length = pc.mean(pc.utf8_length(values)).as_py() if _is_text(column.type) else 0
    return index_for(
        column.type,
        distinct=pc.count_distinct(values).as_py(),
        sampled=len(values),
        length=length or 0,
        copied=copied,
    )
