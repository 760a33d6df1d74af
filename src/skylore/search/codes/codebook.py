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
from skylore.search.codes.kmeans import assign, kmeans

__all__ = ["Codebook", "CodedQuery", "leading_directions", "unit_rows"]

Matrix = NDArray[np.float32]
F = TypeVar("F", np.float32, np.float64)
LARGEST = 127
CLIPPED = 1e-4
"""The share of values that may lie beyond the largest code."""


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
    spreads
        Root mean square distance of a list's members from its centre, a dimension; shape ``(L,)``.
    """

    projection: Matrix
    scale: float
    centres: Matrix
    spreads: Matrix

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
        points = sample @ projection
        scale = LARGEST / float(np.quantile(np.abs(points), 1 - CLIPPED))
        centres = kmeans(points, min(lists, len(points)), rng)
        nearest = assign(points, centres)
        squares = ((points - centres[nearest]) ** 2).mean(axis=1)
        size = np.maximum(np.bincount(nearest, minlength=len(centres)), 1)
        spreads = np.sqrt(np.bincount(nearest, squares, len(centres)) / size)
        spreads = np.maximum(spreads, 0.1 * np.sqrt(squares.mean())).astype(np.float32)
        return cls(projection, scale, centres, spreads)

    def encode(self, vectors: Matrix) -> tuple[NDArray[np.int8], NDArray[np.int32]]:
        """Give codes of shape ``(N, C)`` and lists of shape ``(N,)`` of vectors ``(N, D)``."""
        points = unit_rows(vectors) @ self.projection
        return self._rounded(points), assign(points, self.centres)

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

    def save(self, file: Path) -> None:
        """Write a safetensors file."""
        from safetensors.numpy import save_file

        scale = np.array([self.scale], np.float64)
        parts = {"projection": self.projection, "centres": self.centres, "spreads": self.spreads}
        save_file({k: np.ascontiguousarray(v) for k, v in (parts | {"scale": scale}).items()}, file)

    @classmethod
    def load(cls, file: Path) -> Codebook:
        """Read what :meth:`save` wrote."""
        from safetensors.numpy import load_file

        parts = load_file(file)
        scale = float(parts.pop("scale")[0])
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
