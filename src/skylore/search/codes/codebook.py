"""How a vector becomes a short code, so that dot products of codes estimate cosines."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from skylore.errors import ArchiveError
from skylore.search.codes.assignment import Nearest, summed
from skylore.search.codes.kmeans import kmeans

__all__ = ["Codebook", "CodedQuery", "leading_directions", "unit_rows"]

Matrix = NDArray[np.float32]
F = TypeVar("F", np.float32, np.float64)
LARGEST = 127
CLIPPED = 1e-4
"""The share of values that may lie beyond the largest code."""
PRIOR = 16
"""So many members' worth of what is usual is mixed into the variances of a list."""
BLOCK = 32_768


@dataclass(frozen=True)
class CodedQuery:
    """A query as a code; a dot product with an object's code times ``unit`` estimates a cosine."""

    code: NDArray[np.int8]
    unit: float
    projected: Matrix


@dataclass(frozen=True)
class Codebook:
    """A projection, a scale and the centres of lists.

    A unit vector is projected onto the leading principal directions of a sample (its mean is kept,
    since cosines need it), which are then turned at random, so that every dimension carries the
    same variance and one scale serves all (as in RaBitQ, Gao & Long 2024, arXiv 2405.12497).

    Attributes
    ----------
    projection
        Orthonormal columns, shape ``(D, C)``.
    scale
        Codes are projections times this, rounded.
    centres
        Of the lists, shape ``(L, C)``.
    axes
        Orthonormal columns: the principal directions in which members differ from their centres,
        shape ``(C, C)``.
    variances
        Of each list's members about its centre along the axes, shape ``(L, C)``.
    """

    projection: Matrix
    scale: float
    centres: Matrix
    axes: Matrix
    variances: Matrix

    @property
    def dimension(self) -> int:
        """Length of the vectors."""
        return int(self.projection.shape[0])

    @property
    def length(self) -> int:
        """Bytes of a code."""
        return int(self.projection.shape[1])

    @property
    def lists(self) -> int:
        """Number of lists."""
        return len(self.centres)

    @cached_property
    def identity(self) -> str:
        """A digest of all that codes depend on."""
        digest = hashlib.sha256(np.float64(self.scale).tobytes())
        for part in (self.projection, self.centres):
            digest.update(np.ascontiguousarray(part).tobytes())
        return digest.hexdigest()[:16]

    @classmethod
    def train(cls, sample: Matrix, *, length: int, lists: int, seed: int = 0) -> Codebook:
        """Learn from a sample of unit vectors of shape ``(N, D)``."""
        rng = np.random.default_rng(seed)
        projection = leading_directions(sample, length, rng)
        return cls.with_lists(projection, sample @ projection, lists, rng)

    @classmethod
    def with_lists(
        cls, projection: Matrix, points: Matrix, lists: int, rng: np.random.Generator
    ) -> Codebook:
        """Learn lists from projections of unit vectors, shape ``(N, C)``."""
        scale = LARGEST / float(np.quantile(np.abs(points), 1 - CLIPPED))
        centres = kmeans(points, min(lists, len(points)), rng)
        axes, variances = scatter(points, centres, Nearest(centres).of(points))
        return cls(projection, scale, centres, axes, variances)

    @cached_property
    def _nearest(self) -> Nearest:
        return Nearest(self.centres)

    def encode(self, vectors: Matrix) -> tuple[NDArray[np.int8], NDArray[np.int32]]:
        """Give codes of shape ``(N, C)`` and lists of shape ``(N,)`` of vectors ``(N, D)``."""
        points = unit_rows(vectors) @ self.projection
        return self._rounded(points), self._nearest.of(points)

    def _rounded(self, points: Matrix) -> NDArray[np.int8]:
        codes: NDArray[np.int8] = np.clip(np.rint(points * self.scale), -LARGEST, LARGEST).astype(
            np.int8
        )
        return codes

    def encode_query(self, vector: Matrix) -> CodedQuery:
        """Give the code of a query of shape ``(D,)``, on a scale of its own."""
        projected = (vector / np.linalg.norm(vector)).astype(np.float32) @ self.projection
        scale = LARGEST / max(float(np.abs(projected).max()), 1e-12)
        code = np.rint(projected * scale).astype(np.int8)
        return CodedQuery(code, 1 / (scale * self.scale), projected)

    def scores_of(self, query: CodedQuery) -> tuple[Matrix, Matrix]:
        """Give mean and standard deviation of the scores in each list, shape ``(L,)`` each."""
        along = (query.projected @ self.axes) ** 2
        return self.centres @ query.projected, np.sqrt(self.variances @ along)

    def save(self, file: Path) -> None:
        """Write a safetensors file."""
        from safetensors.numpy import save_file

        scale = np.array([self.scale], np.float64)
        names = ("projection", "centres", "axes", "variances")
        parts = {name: np.ascontiguousarray(getattr(self, name)) for name in names}
        save_file(parts | {"scale": scale}, file)

    @classmethod
    def load(cls, file: Path) -> Codebook:
        """Read what :meth:`save` wrote; ValueError if another version wrote something else."""
        from safetensors.numpy import load_file

        parts = load_file(file)
        scale = float(parts.pop("scale")[0])
        if set(parts) != {"projection", "centres", "axes", "variances"}:
            raise ValueError(f"{file} holds {', '.join(sorted(parts))}: it is of another version")
        return cls(scale=scale, **parts)


def leading_directions(sample: Matrix, length: int, rng: np.random.Generator) -> Matrix:
    """Give an orthonormal basis, turned at random, of the sample's leading directions.

    Returns
    -------
    numpy.ndarray
        Shape ``(D, min(length, D))``.
    """
    moments = (sample.T @ sample).astype(np.float64) / len(sample)
    _, directions = np.linalg.eigh(moments)
    leading = directions[:, ::-1][:, :length]
    turned, _ = np.linalg.qr(rng.normal(size=(leading.shape[1],) * 2))
    return np.ascontiguousarray(leading @ turned, np.float32)


def scatter(points: Matrix, centres: Matrix, of: NDArray[np.int32]) -> tuple[Matrix, Matrix]:
    """Learn how members lie about their centres: axes and, for each list, variances along them.

    A list has too few sampled members for a covariance of its own. All share the axes of the
    pooled one, and a list's variances are drawn towards the pooled ones, scaled to its size.

    Returns
    -------
    tuple
        Shapes ``(C, C)`` and ``(L, C)``.
    """
    count, length = centres.shape
    moments, squares = np.zeros((length, length)), np.zeros((count, length))
    blocks = [slice(start, start + BLOCK) for start in range(0, len(points), BLOCK)]
    for block in blocks:
        away = points[block] - centres[of[block]]
        moments += away.T @ away
    pooled, axes = np.linalg.eigh(moments / len(points))
    axes = axes.astype(np.float32)
    for block in blocks:
        along = ((points[block] - centres[of[block]]) @ axes) ** 2
        found, sums, _ = summed(along, of[block])
        squares[found] += sums
    # The centre was fitted to the members, which makes them lie nearer to it than others will.
    free = np.maximum(np.bincount(of, minlength=count) - 1, 0)[:, None]
    pooled = np.maximum(pooled, 1e-3 * pooled.mean())
    total = (squares.sum(axis=1, keepdims=True) + PRIOR * pooled.sum()) / (free + PRIOR)
    usual = pooled * (total / pooled.sum())
    variances = (squares + PRIOR * usual) / (free + PRIOR)
    return np.ascontiguousarray(axes), variances.astype(np.float32)


def unit_rows(vectors: NDArray[F]) -> NDArray[F]:
    """Scale rows to unit length; rows of length zero stay zero.

    Raises
    ------
    ArchiveError
        A value is not finite.
    """
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True).astype(vectors.dtype)
    if not np.isfinite(lengths).all():
        raise ArchiveError(
            "a vector has values that are not finite; embed it anew, or delete that object"
        )
    lengths[lengths == 0] = 1
    unit: NDArray[F] = np.divide(vectors, lengths)
    return unit
