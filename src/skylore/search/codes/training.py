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
    parts = [
        to_vectors(archive.objects.take(part.tolist(), columns=[column])[column].drop_null())
        for part in np.array_split(chosen, -(-len(chosen) // READ_AT_ONCE))
    ]
    return np.concatenate(parts)


def train_codebook(archive: Archive, column: str, options: CodeOptions) -> Codebook:
    """Learn how to code a column."""
    rows = archive.filled(column)
    sample = unit_rows(sample_of(archive, column, options.sample_for(rows)))
    return Codebook.train(sample, length=options.bytes_a_row, lists=options.lists_for(rows))
