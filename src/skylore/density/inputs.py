"""What the network sees of rows: numbers, categories, and what columns hold beyond each other."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from skylore.density.coding import Coded
from skylore.density.column_spec import ColumnSpec

__all__ = ["Contrast", "Inputs", "find_contrasts", "inputs_of"]

_FAR = 8.0
_TIED = 0.6


@dataclass(frozen=True)
class Contrast:
    """What one column holds beyond another that it goes along with: colours, ratios."""

    first: int
    second: int
    slope: float


@dataclass(frozen=True)
class Inputs:
    """Rows as tensors: numbers, categories, point masses, errors, contrasts."""

    z: Tensor
    code: Tensor
    atom: Tensor
    error: Tensor
    contrasts: Tensor

    def rows(self, chosen: Tensor | slice) -> Inputs:
        """Take some of the rows."""
        return Inputs(
            self.z[chosen],
            self.code[chosen],
            self.atom[chosen],
            self.error[chosen],
            self.contrasts[chosen],
        )

    def to(self, device: torch.device) -> Inputs:
        """Bring to a device."""
        return Inputs(
            self.z.to(device),
            self.code.to(device),
            self.atom.to(device),
            self.error.to(device),
            self.contrasts.to(device),
        )


def find_contrasts(coded: Coded, specs: Sequence[ColumnSpec]) -> tuple[Contrast, ...]:
    """Find pairs of numbers that correlate by more than 0.6, the strongest two a column."""
    numeric = [j for j, spec in enumerate(specs) if not spec.is_categorical]
    found: list[tuple[float, Contrast]] = []
    for n, i in enumerate(numeric):
        for j in numeric[n + 1 :]:
            both = coded.present[:, i] & coded.present[:, j]
            if both.sum() < 50:
                continue
            a, b = _trimmed(coded.plain[both, i]), _trimmed(coded.plain[both, j])
            slope = float(np.corrcoef(a, b)[0, 1]) if a.std() > 0 and b.std() > 0 else 0.0
            if abs(slope) > _TIED:
                found.append((abs(slope), Contrast(i, j, slope)))
    found.sort(key=lambda pair: -pair[0])
    return tuple(contrast for _, contrast in found[: 2 * len(specs)])


def _trimmed(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.clip(values, -4, 4)


def inputs_of(coded: Coded, contrasts: Sequence[Contrast]) -> Inputs:
    """Make tensors of coded rows."""
    columns = [
        (coded.plain[:, c.first] - c.slope * coded.plain[:, c.second])
        / math.sqrt(max(1 - c.slope**2, 1e-4))
        for c in contrasts
    ]
    stacked = np.stack(columns, 1) if columns else np.zeros((len(coded), 0))
    return Inputs(
        _tensor(coded.z),
        torch.from_numpy(np.nan_to_num(coded.x).clip(0, 10_000).astype(np.int64)),
        torch.from_numpy(coded.atom + 1),
        _tensor(coded.error, largest=1e6),
        _tensor(stacked),
    )


def _tensor(values: NDArray[np.float64], largest: float = _FAR) -> Tensor:
    finite = np.nan_to_num(values, nan=0.0, posinf=largest, neginf=-largest)
    return torch.from_numpy(finite.clip(-largest, largest).astype(np.float32))
