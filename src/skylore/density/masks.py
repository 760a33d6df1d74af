"""Which columns a request sees, and which it asks for."""

from __future__ import annotations

import torch
from torch import Tensor

from skylore.density.settings import MaskMixture

__all__ = ["draw_requests"]


def draw_requests(
    present: Tensor, views: int, mixture: MaskMixture, weights: Tensor
) -> tuple[Tensor, Tensor]:
    """Draw requests for rows: a target that is there, and the columns seen, never the target.

    Parameters
    ----------
    present : Tensor, shape (B, V), bool
        At least one column is there in each row.
    views : int
        Requests to a row.
    mixture : MaskMixture
    weights : Tensor, shape (V,)
        How often each column is asked for.

    Returns
    -------
    visible : Tensor, shape (B, views, V), bool
    targets : Tensor, shape (B, views)
    """
    rows, width = present.shape
    targets = torch.multinomial(present * weights, views, replacement=True)
    shares = torch.tensor(list(mixture.model_dump().values()))
    kind = torch.multinomial(shares, rows * views, replacement=True).view(rows, views, 1)
    keys = torch.rand(rows, views, width)
    own = keys.gather(2, targets[..., None])
    nothing = torch.rand(rows, views, 1) < 0.25
    prefix = (keys < own) & ~nothing
    others = torch.rand(rows, views, width) * (present[:, None, :] + 1e-6)
    others.scatter_(2, targets[..., None], 0)
    one = others == others.amax(2, keepdim=True)
    kinds = [torch.ones_like(prefix), prefix, one, keys < 0.3, keys < 0.7]
    visible = torch.zeros_like(prefix)
    for number, chosen in enumerate(kinds):
        visible |= (kind == number) & chosen
    visible &= present[:, None, :]
    return visible.scatter(2, targets[..., None], value=False), targets
