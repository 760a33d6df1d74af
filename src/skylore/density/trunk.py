"""The trunk: residual layers of several sub-networks that share their matrices."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the name that torch code uses everywhere

from skylore.density.settings import DensitySettings

__all__ = ["Block", "OwnNorm", "linear"]

_LEVELS = 256


def linear(layer: nn.Linear, x: Tensor) -> Tensor:
    """Apply a layer in the precision of ``x``."""
    bias = None if layer.bias is None else layer.bias.to(x.dtype)
    return F.linear(x, layer.weight.to(x.dtype), bias)


class OwnNorm(nn.Module):
    """Layer normalisation with a gain and shift of each sub-network's own.

    The gain is what tells sub-networks apart (BatchEnsemble, Wen, Tran & Ba 2020,
    arXiv 2002.06715): it scales the inputs of a matrix that all of them share.
    """

    def __init__(self, settings: DensitySettings) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(settings.views, settings.width))
        self.shift = nn.Parameter(torch.zeros(settings.views, settings.width))

    def forward(self, h: Tensor) -> Tensor:
        """Normalise ``(B, R, width)``."""
        flat = F.layer_norm(h, h.shape[-1:])
        return torch.addcmul(self.shift.to(h.dtype), flat, self.gain.to(h.dtype))


class Block(nn.Module):
    """A residual layer ``h + g ⊙ W₂ dropout(GELU(W₁ norm(h) + b))``, ``g``, ``b`` and norm own."""

    def __init__(self, settings: DensitySettings) -> None:
        super().__init__()
        width, views = settings.width, settings.views
        self.norm = OwnNorm(settings)
        self.up = nn.Linear(width, width, bias=False)
        self.bias = nn.Parameter(torch.zeros(views, width))
        self.dropout = _Dropout(settings.dropout)
        self.down = nn.Linear(width, width)
        self.gain = nn.Parameter(torch.ones(views, width))

    def forward(self, h: Tensor) -> Tensor:
        """Go on from ``(B, R, width)``."""
        inner = F.gelu(linear(self.up, self.norm(h)) + self.bias.to(h.dtype))
        return torch.addcmul(h, linear(self.down, self.dropout(inner)), self.gain.to(h.dtype))


class _Dropout(nn.Module):
    """Dropout by random bytes: torch draws a number for each value, which took a tenth of a step.

    The share is rounded to a multiple of 1/256.
    """

    def __init__(self, share: float) -> None:
        super().__init__()
        self.least = round(_LEVELS * share)

    def forward(self, h: Tensor) -> Tensor:
        if not self.training or not self.least:
            return h
        words = torch.empty(-(-h.numel() // 8), dtype=torch.long, device=h.device)
        drawn = words.random_(-(2**63), None).view(torch.uint8)
        kept = drawn[: h.numel()].view(h.shape) >= self.least
        return h * kept * (_LEVELS / (_LEVELS - self.least))
