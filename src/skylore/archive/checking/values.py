"""Whether vectors are vectors, and images images."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from skylore.archive.checking.finding import Finding, Scope, Tally, in_words, problem
from skylore.archive.checking.reading import sampled
from skylore.archive.schema import ID

__all__ = ["CHECKS", "images", "vectors"]

UNIT = "unit length"
"""What the description of a column says that promises it."""
LARGEST = 2**31
"""Pixels; what was let in when it was ingested is not refused now."""
TOLERANCE = 5e-3
"""Of a length in half precision."""


def vectors(scope: Scope) -> Iterator[Finding]:
    """Check that vectors are finite, and of unit length where that is promised."""
    for name, column in scope.archive.columns.items():
        if not _is_of_vectors(column.type):
            continue
        made = column.provenance
        unit = UNIT in column.description and made is not None and made.step != "ingest"
        found = Tally()
        for batch in sampled(scope, [ID, name]):
            bad = _bad(batch[name].combine_chunks(), unit=unit)
            found.add(batch[ID].take(pa.array(bad)).to_pylist())
        if found.count:
            promised = f"not finite or not of {UNIT}" if unit else "not finite"
            step = made.step if made is not None else "ingest"
            again = "ingest --update" if step == "ingest" else f"{step} --overwrite"
            yield problem(
                vectors, f"{name} is {promised} in {found}; make it anew: skylore {again}"
            )


def _is_of_vectors(kind: pa.DataType) -> bool:
    inner = kind.value_type if pa.types.is_list(kind) else kind
    return bool(pa.types.is_fixed_size_list(inner) and pa.types.is_floating(inner.value_type))


def _bad(column: pa.Array, *, unit: bool) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Give the rows with a vector that is not as it should be."""
    owners = np.flatnonzero(column.is_valid().to_numpy(zero_copy_only=False))
    present = column.drop_null()
    if pa.types.is_list(column.type):
        owners = owners[pc.list_parent_indices(present).to_numpy()]
        present = present.flatten()
    width = present.type.list_size
    flat = present.flatten().to_numpy(zero_copy_only=False).astype(np.float32)
    rows = flat.reshape(-1, width) if width else flat.reshape(len(owners), 0)
    wrong = ~np.isfinite(rows).all(axis=1)
    if unit:
        wrong |= np.abs(np.linalg.norm(rows, axis=1) - 1) > TOLERANCE
    bad: np.ndarray[tuple[int], np.dtype[np.int64]] = np.unique(owners[wrong])
    return bad


def images(scope: Scope) -> Iterator[Finding]:
    """Decode images, and compare their sizes with what is noted."""
    faults: dict[str, Tally] = {}
    for batch in sampled(scope, [ID, "image", "image_width", "image_height"]):
        for row in batch.to_pylist():
            fault = _fault(row["image"], (row["image_width"], row["image_height"]))
            if fault:
                faults.setdefault(fault, Tally()).add([row[ID]])
    for fault, found in faults.items():
        yield problem(images, f"{found}: {fault}; run skylore ingest --update on their source")


def _fault(data: bytes | None, noted: tuple[int | None, int | None]) -> str:
    from skylore.errors import ImageError
    from skylore.imaging.decode import to_display

    if data is None:
        return ""
    try:
        shown = to_display(data, max_pixels=LARGEST)
    except ImageError as error:
        return f"the image cannot be decoded ({in_words(error)})"
    if None not in noted and noted != (shown.width, shown.height):
        return "the image has another size than is noted"
    return ""


CHECKS = (vectors, images)
