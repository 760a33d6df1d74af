"""Least squares with bounded coefficients, for very many small problems at once.

With three coefficients or fewer, the active set of the non-negative least squares of Lawson and
Hanson (1974) can be found by trying them all, which vectorises over grids and replicates.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from skylore.scaling.laws import Floats

__all__ = ["Normal", "extremes", "solve"]

_SINGULAR = 1e-13
_SLACK = 1e-12


@dataclass(frozen=True)
class Normal:
    """Normal equations of ``Q(c) = Σ w (z − X c)² = s − 2 b·c + c·A c``, for ``…`` problems.

    Attributes
    ----------
    A, b, s
        ``(…, K, K)``, ``(…, K)`` and ``(…)``.
    lower, upper
        The bounds of ``c``, shape ``(K,)``; ``upper`` may be infinite.
    """

    A: Floats
    b: Floats
    s: Floats
    lower: Floats
    upper: Floats

    def value(self, c: Floats) -> Floats:
        """Give ``Q(c)``; never below zero, where rounding would take it."""
        quadratic = np.einsum("...k,...kl,...l->...", c, self.A, c)
        linear = np.einsum("...k,...k->...", self.b, c)
        return np.asarray(np.maximum(self.s - 2 * linear + quadratic, 0.0))


def solve(normal: Normal) -> tuple[Floats, Floats]:
    """Minimise ``Q`` within the bounds: ``c`` of shape ``(…, K)`` and ``Q`` of shape ``(…)``."""
    best_c = np.broadcast_to(normal.lower, normal.b.shape).copy()
    best_q = normal.value(best_c)
    for free, held in _faces(normal):
        c, _, proper = _face_minimum(normal, free, held)
        q = np.where(proper & _within(normal, c), normal.value(c), np.inf)
        better = q < best_q
        best_q = np.where(better, q, best_q)
        best_c = np.where(better[..., None], c, best_c)
    return best_c, best_q


def extremes(normal: Normal, gradient: Floats, limit: Floats) -> tuple[Floats, Floats]:
    """Give the least and greatest ``gradient·c`` where ``Q(c) ≤ limit`` within the bounds.

    A linear function over an ellipsoid cut by a box is extreme at the tangent point of some face,
    so all faces are tried.

    Parameters
    ----------
    normal : Normal
    gradient : (…, K)
    limit : (…)

    Returns
    -------
    low, high : (…)
        ``+inf`` and ``−inf`` where no ``c`` is good enough.
    """
    low = np.full(normal.s.shape, np.inf)
    high = -low
    for free, held in _faces(normal):
        centre, inverse, proper = _face_minimum(normal, free, held)
        room = limit - normal.value(centre)
        direction = np.einsum("...kl,...l->...k", inverse, gradient)
        steepness = np.sqrt(np.maximum(np.einsum("...k,...k->...", direction, gradient), 0.0))
        length = np.sqrt(np.maximum(room, 0.0)) / np.where(steepness > 0, steepness, 1.0)
        for sign in (-1.0, 1.0):
            c = centre + sign * length[..., None] * direction
            usable = proper & (room >= 0) & _within(normal, c)
            reached = np.einsum("...k,...k->...", gradient, c)
            low = np.where(usable, np.minimum(low, reached), low)
            high = np.where(usable, np.maximum(high, reached), high)
    return low, high


def _faces(normal: Normal) -> Iterator[tuple[NDArray[np.intp], Floats]]:
    """Give the free coefficients of each face, and the values of the others (zero where free)."""
    choices = [
        (None, low) if np.isinf(high) else (None, low, high)
        for low, high in zip(normal.lower, normal.upper, strict=True)
    ]
    for held in product(*choices):
        free = np.array([k for k, value in enumerate(held) if value is None], dtype=np.intp)
        yield free, np.array([0.0 if value is None else value for value in held])


def _face_minimum(
    normal: Normal, free: NDArray[np.intp], held: Floats
) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Give the minimum of a face, the inverse of ``A`` on it, and whether it is not singular."""
    c = np.broadcast_to(held, normal.b.shape).copy()
    inverse = np.zeros_like(normal.A)
    if free.size == 0:
        return c, inverse, np.ones(normal.s.shape, dtype=bool)
    wanted = (normal.b - np.einsum("...kl,l->...k", normal.A, held))[..., free]
    part, proper = _inverse(normal.A[..., free[:, None], free])
    c[..., free] = np.einsum("...kl,...l->...k", part, wanted)
    inverse[..., free[:, None], free] = part
    return c, inverse, proper


def _inverse(A: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """Invert matrices of one to three rows by cofactors, after scaling their diagonal to one."""
    size = A.shape[-1]
    diagonal = np.einsum("...kk->...k", A)
    scale = 1 / np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
    M = A * scale[..., :, None] * scale[..., None, :]
    if size == 1:
        adjugate, determinant = np.ones_like(M), M[..., 0, 0]
    elif size == 2:
        adjugate = np.empty_like(M)
        adjugate[..., 0, 0], adjugate[..., 1, 1] = M[..., 1, 1], M[..., 0, 0]
        adjugate[..., 0, 1] = adjugate[..., 1, 0] = -M[..., 0, 1]
        determinant = M[..., 0, 0] * M[..., 1, 1] - M[..., 0, 1] ** 2
    else:
        # Rows of the adjugate of a symmetric matrix are cross products of its columns.
        columns = (M[..., 1], M[..., 2], M[..., 0], M[..., 1])
        adjugate = np.stack(
            [np.cross(columns[0], columns[1]), np.cross(columns[1], columns[2]),
             np.cross(columns[2], columns[3])], axis=-2
        )  # fmt: skip
        determinant = np.einsum("...k,...k->...", adjugate[..., 0, :], M[..., 0])
    proper = (determinant > _SINGULAR) & (diagonal > 0).all(axis=-1)
    inverse = adjugate / np.where(proper, determinant, 1.0)[..., None, None]
    return inverse * scale[..., :, None] * scale[..., None, :], proper


def _within(normal: Normal, c: Floats) -> NDArray[np.bool_]:
    return np.asarray(((c >= normal.lower - _SLACK) & (c <= normal.upper + _SLACK)).all(axis=-1))
