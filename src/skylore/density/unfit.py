"""Why a column is not modelled, in words that say what to do."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

__all__ = ["FEWEST", "is_identifier", "no_category", "too_few"]

FEWEST = 50
"""Values that a column needs."""

_EXACT = 2**53
_SHOWN = 40


def too_few(rows: int) -> str:
    """Say that so few rows have a value."""
    have = f"only {rows} rows have" if rows else "no row has"
    return f"{have} a value, and {FEWEST} are needed"


def no_category(texts: Sequence[str]) -> str:
    """Say why so many different texts are no categories: they may be numbers, or nearly."""
    strange = [text for text in texts if not _is_number(text)]
    if not strange:
        return "numbers written as text: store them as numbers"
    if len(strange) < len(texts) / 2:
        return f"numbers, but for texts such as {strange[0][:_SHOWN]!r}: leave those empty"
    return f"text with {len(texts)} different values is no category"


def is_identifier(column: pa.ChunkedArray) -> bool:
    """Tell numbers that name objects: whole, never missing, rising by row or beyond 2⁵³.

    Times in order and the like are taken for such, too, unless they are asked for by name.
    """
    if not pa.types.is_integer(column.type) or column.null_count:
        return False
    values = column.to_numpy()
    if (values[1:] > values[:-1]).all():
        return True
    return bool(values.min() > _EXACT and len(np.unique(values)) == len(values))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
