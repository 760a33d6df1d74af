"""What guides a training run beside labels: words and symbols of each class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from skylore.symbols.library import Symbols

__all__ = ["Guidance", "SymbolBank"]


class SymbolBank:
    """Some drawings of each class.

    Parameters
    ----------
    symbols : Symbols
    classes : sequence of str
    each : int
        Drawings of a class.
    size : int
        Side in pixels.
    seed : int

    Attributes
    ----------
    pixels : Tensor, shape (C, M, 3, S, S), uint8
    """

    def __init__(
        self, symbols: Symbols, classes: Sequence[str], *, each: int, size: int, seed: int
    ) -> None:
        rng = np.random.default_rng(seed)
        drawn = [[symbols.sample(name, rng, size) for _ in range(each)] for name in classes]
        self.pixels = torch.from_numpy(np.array(drawn)).permute(0, 1, 4, 2, 3).contiguous()

    def draw(self, labels: Tensor) -> Tensor:
        """Give a drawing by chance of each of these classes, ``(N, 3, S, S)``."""
        return self.pixels[labels, torch.randint(self.pixels.shape[1], (len(labels),))]


@dataclass(frozen=True)
class Guidance:
    """Words and symbols.

    Attributes
    ----------
    words : Tensor, shape (C, Dt)
        Vectors of what is said of each class.
    drawings : SymbolBank, optional
        None where symbols are not shown.
    """

    words: Tensor
    drawings: SymbolBank | None
