"""Learning a codebook from a sample of a source."""

from __future__ import annotations

from skylore.search.codes.codebook import Codebook, unit_rows
from skylore.search.codes.options import CodeOptions
from skylore.search.codes.source import VectorSource

__all__ = ["train_codebook"]

AT_ONCE = 8192


def train_codebook(source: VectorSource, options: CodeOptions) -> Codebook:
    """Learn how to code the vectors of a source."""
    sample = source.sample(options.sample_for(source.rows), seed=0)
    for start in range(0, len(sample), AT_ONCE):
        part = slice(start, start + AT_ONCE)
        sample[part] = unit_rows(sample[part])
    return Codebook.train(sample, length=options.bytes_a_row, lists=options.lists_for(source.rows))
