"""Learning a codebook from a sample of a source."""

from __future__ import annotations

import numpy as np

from skylore.search.codes.codebook import Codebook, leading_directions, unit_rows
from skylore.search.codes.options import AT_ONCE, CodeOptions
from skylore.search.codes.source import VectorSource

__all__ = ["train_codebook"]


def train_codebook(source: VectorSource, options: CodeOptions, seed: int = 0) -> Codebook:
    """Learn how to code the vectors of a source.

    Directions are learnt from a first part of the sample; of the others only the projections are
    kept, which bounds memory whatever the length of the vectors.
    """
    rng = np.random.default_rng(seed)
    wanted = options.sample_for(source.rows)
    vectors = unit_rows(source.sample(min(wanted, AT_ONCE), seed))
    projection = leading_directions(vectors, options.bytes_a_row, rng)
    points = np.empty((wanted, projection.shape[1]), np.float32)
    held = len(vectors)
    points[:held] = vectors @ projection
    for begin in range(AT_ONCE, wanted, AT_ONCE):
        vectors = unit_rows(source.sample(min(AT_ONCE, wanted - begin), seed + begin))
        points[held : held + len(vectors)] = vectors @ projection
        held += len(vectors)
    return Codebook.with_lists(projection, points[:held], options.lists_for(source.rows), rng)
