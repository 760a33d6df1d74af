"""What every density of a column offers, whichever head gave it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["Spread"]


class Spread(Protocol):
    """``N`` distributions over the transformed values ``z`` of one column.

    A share ``exp(log_rest)`` is spread over the support from ``lower`` to ``upper``; the others,
    ``log_atoms`` of shape ``(N, A)``, sit at the column's point masses.
    """

    @property
    def log_atoms(self) -> Tensor:
        """Log masses of the points, ``(N, A)``."""
        ...

    @property
    def log_rest(self) -> Tensor:
        """Log mass of what is spread, ``(N,)``."""
        ...

    def log_density(self, z: Tensor, error: Tensor | None = None) -> Tensor:
        """Give the log density ``(N,)`` of the spread part, convolved by noise."""
        ...

    def log_between(self, low: Tensor, high: Tensor) -> Tensor:
        """Give the log mass ``(N,)`` of the spread part between two values."""
        ...

    def cdf(self, z: Tensor, error: Tensor | None = None) -> Tensor:
        """Give the mass of the spread part at or below ``z``, ``(N, Q)``."""
        ...

    def quantile(self, u: Tensor) -> Tensor:
        """Invert the CDF of the spread part alone, ``(N, Q)``."""
        ...

    def draw(self, n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Draw ``(N, n)`` values, and which point mass each is (−1 for none)."""
        ...

    def expectation(self, values: Callable[[Tensor], NDArray[np.float64]]) -> NDArray[np.float64]:
        """Give the mean ``(N,)`` of a function of ``z`` over the spread part, of mass one."""
        ...

    def places(self) -> Tensor:
        """Give increasing ``z``, ``(N, G)``, between which the density changes little."""
        ...
