"""What a training step sees: some columns of each row, and one to foretell."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["Batch", "draw_batch"]


class Batch(NamedTuple):
    """Rows with some of their columns.

    Attributes
    ----------
    values, tokens : Tensor, shape (N, L)
        Of the visible columns, in any order; token 0 where the value is missing.
    target : Tensor of int, shape (N,)
        The requested column, from 1.
    truth : Tensor, shape (N,)
    """

    values: Tensor
    tokens: Tensor
    target: Tensor
    truth: Tensor


def draw_batch(standard: Tensor, context: int, generator: torch.Generator) -> Batch:
    """Draw inputs and targets as published.

    One number of inputs is drawn from 0 to ``context`` for the whole batch; each row's columns
    are shuffled, and the first are kept. The target is any column that the row has.

    Parameters
    ----------
    standard : Tensor, shape (N, V)
        NaN where a value is missing; no row is without any.
    context : int
    generator : torch.Generator
    """
    rows, columns = standard.shape
    length = int(torch.randint(min(context, columns) + 1, (1,), generator=generator))
    order = torch.rand(rows, columns, generator=generator).argsort(dim=1)[:, :length]
    picked = standard.gather(1, order)
    missing = picked.isnan()
    chances = (~standard.isnan()).to(torch.float32)
    target = torch.multinomial(chances, 1, generator=generator)
    return Batch(
        values=picked.nan_to_num(0.0),
        tokens=torch.where(missing, 0, order + 1),
        target=target[:, 0] + 1,
        truth=standard.gather(1, target)[:, 0],
    )
