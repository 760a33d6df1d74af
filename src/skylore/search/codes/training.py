"""Learning a codebook from a sample of a column."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from skylore.search.codes.codebook import Codebook, unit_rows
from skylore.search.codes.fragments import to_vectors
from skylore.search.codes.options import CodeOptions

if TYPE_CHECKING:
    from skylore.archive.table import Archive

__all__ = ["sample_of", "train_codebook"]

READ_AT_ONCE = 8192


def sample_of(archive: Archive, column: str, count: int, seed: int = 0) -> NDArray[np.float32]:
    """Read some of a column's vectors at random; shape ``(at most count, D)``."""
    rng = np.random.default_rng(seed)
    chosen = np.sort(rng.choice(len(archive), min(count, len(archive)), replace=False))
    dimension = archive.schema.field(column).type.list_size
    # Filled in place: such samples are the most that a build holds in memory.
    vectors, held = np.empty((len(chosen), dimension), np.float32), 0
    for part in np.array_split(chosen, -(-len(chosen) // READ_AT_ONCE)):
        taken = archive.objects.take(part.tolist(), columns=[column])[column].drop_null()
        vectors[held : held + len(taken)] = to_vectors(taken)
        held += len(taken)
    return vectors[:held]


def train_codebook(archive: Archive, column: str, options: CodeOptions) -> Codebook:
    """Learn how to code a column."""
    rows = archive.filled(column)
    sample = sample_of(archive, column, options.sample_for(rows))
    for start in range(0, len(sample), READ_AT_ONCE):
        part = slice(start, start + READ_AT_ONCE)
        sample[part] = unit_rows(sample[part])
    return Codebook.train(sample, length=options.bytes_a_row, lists=options.lists_for(rows))
