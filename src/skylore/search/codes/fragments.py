"""The fragments of the table, as far as codes depend on them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from skylore.archive.staging import ROW
from skylore.search.codes.codebook import Codebook
from skylore.search.codes.segment import Coded, Part, Segment, lay_out

if TYPE_CHECKING:
    from lance import LanceFragment

    from skylore.archive.reading import Reading

__all__ = ["code_parts", "fragments_of", "recipe_of", "to_vectors", "vectors_in"]

BATCH = 4096


def fragments_of(archive: Reading, column: str) -> dict[Part, LanceFragment]:
    """Give the fragments that hold values of a column."""
    field = archive.objects.lance_schema.field(column).id()
    found = {}
    for fragment in archive.objects.get_fragments():
        files = [file.path for file in fragment.data_files() if field in file.fields]
        if files:
            found[Part(fragment.fragment_id, files[0], fragment.num_deletions)] = fragment
    return found


def recipe_of(archive: Reading, column: str) -> str:
    """Give a digest of how a column's vectors were made, and their type."""
    made = archive.columns[column].provenance
    return f"{archive.schema.field(column).type}:{made.recipe if made else ''}"


def to_vectors(column: pa.Array | pa.ChunkedArray) -> NDArray[np.float32]:
    """Give a column of vectors without nulls as an array of shape ``(N, D)``."""
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    values = whole.flatten().to_numpy(zero_copy_only=False)
    vectors: NDArray[np.float32] = values.reshape(-1, whole.type.list_size)
    return vectors.astype(np.float32, copy=False)


def vectors_in(
    fragment: LanceFragment, column: str
) -> Iterator[tuple[NDArray[np.uint64], NDArray[np.float32]]]:
    """Read the live rows of a fragment that have a vector: row ids and vectors, batch by batch."""
    scanner = fragment.scanner(columns=[column], with_row_id=True, batch_size=BATCH)
    for batch in scanner.to_batches():
        there = batch.filter(pc.is_valid(batch[column])) if batch[column].null_count else batch
        if there.num_rows:
            yield there[ROW].to_numpy(), to_vectors(there[column])


def code_parts(
    fragments: dict[Part, LanceFragment], column: str, codebook: Codebook
) -> Iterator[int | Segment]:
    """Code fragments; yields how many rows each batch had, and the segment at the end."""
    codes, lists, rows, numbers = [], [], [], []
    for number, fragment in enumerate(fragments.values()):
        for found, vectors in vectors_in(fragment, column):
            coded, nearest = codebook.encode(vectors)
            codes.append(coded)
            lists.append(nearest)
            # A copy: what the engine gave keeps the whole batch, vectors included.
            rows.append(found.copy())
            numbers.append(np.full(len(found), number, np.int32))
            yield len(found)
    if rows:
        yield lay_out(
            tuple(fragments),
            Coded(
                np.concatenate(codes),
                np.concatenate(lists),
                np.concatenate(rows),
                np.concatenate(numbers),
            ),
            codebook.lists,
        )
