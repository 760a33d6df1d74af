"""The network: tokens of visible columns and a request, through attention and a trunk, to heads."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the name that torch code uses everywhere

from skylore.density.column_spec import ColumnSpec
from skylore.density.heads import column_head
from skylore.density.inputs import Contrast, Inputs
from skylore.density.settings import DensitySettings
from skylore.density.trunk import Block, OwnNorm, linear

__all__ = ["DensityNetwork"]

_SMALLEST_ERROR = 1e-4
_DIFFERENCE = 0.5


class DensityNetwork(nn.Module):
    """Gives the numbers of a target's mixture from any visible columns.

    It is several sub-networks in one, which share their matrices and differ in scales and shifts
    (TabM, Gorishniy, Kotelnikov & Babenko 2025, arXiv 2410.24210): an ensemble at the cost of one.

    Parameters
    ----------
    specs : sequence of ColumnSpec
    contrasts : sequence of Contrast
    settings : DensitySettings
    """

    firsts: Tensor
    seconds: Tensor
    categorical: Tensor

    def __init__(
        self,
        specs: Sequence[ColumnSpec],
        contrasts: Sequence[Contrast],
        settings: DensitySettings,
    ) -> None:
        super().__init__()
        self.settings = settings
        columns, tokens = len(specs), len(specs) + len(contrasts)
        self.register_buffer("firsts", torch.tensor([c.first for c in contrasts], dtype=torch.long))
        self.register_buffer(
            "seconds", torch.tensor([c.second for c in contrasts], dtype=torch.long)
        )
        flags = torch.tensor([spec.is_categorical for spec in specs])
        self.register_buffer("categorical", flags)
        self.tokens = _Tokens(specs, tokens, settings)
        # Near one: with scales of either sign, as in TabM, shared matrices learn more slowly.
        shape = (settings.views, tokens, settings.embedding)
        self.scale = nn.Parameter(1 + _DIFFERENCE * torch.randn(shape))
        self.flat = nn.Linear(tokens * settings.embedding, settings.width)
        self.bias = nn.Parameter(torch.zeros(settings.views, settings.width))
        self.request = nn.Embedding(columns, settings.width)
        self.attention = _Attention(columns, settings) if settings.layers else None
        self.trunk = nn.ModuleList([Block(settings) for _ in range(settings.blocks)])
        self.last = OwnNorm(settings)
        self.heads = nn.ModuleList([column_head(spec, settings) for spec in specs])

    def forward(
        self,
        inputs: Inputs,
        visible: Tensor,
        targets: Tensor,
        precision: torch.dtype = torch.float32,
    ) -> Tensor:
        """Give what is known of each request, ``(B · R, width)``, in single precision.

        Request ``r`` of a row is answered by sub-network ``r``.

        Parameters
        ----------
        inputs : Inputs
            ``B`` rows.
        visible : Tensor, shape (B, R, V), bool
            Never the target.
        targets : Tensor, shape (B, R)
        precision : dtype
            Of the trunk.
        """
        return self._answer(self.tokens(inputs)[:, None], visible, targets, precision)

    def once(self, inputs: Inputs, visible: Tensor, column: int, first: int) -> Tensor:
        """Give what one sub-network knows of each row, ``(B, width)``.

        Row 0 is answered by sub-network ``first``, each other one by the next, in turn.

        Parameters
        ----------
        inputs : Inputs
            ``B`` rows.
        visible : Tensor, shape (B, V), bool
            Never the target.
        column, first : int
        """
        views, rows = self.settings.views, len(visible)
        turns = -(-(first + rows) // views)
        filled = (torch.arange(turns * views, device=visible.device) - first) % rows
        tokens, seen = self.tokens(inputs)[filled], visible[filled]
        targets = torch.full((turns, views), column, device=visible.device)
        shape = (turns, views)
        known = self._answer(tokens.view(*shape, *tokens.shape[1:]), seen.view(*shape, -1), targets)
        return known[first : first + rows]

    def _answer(
        self,
        tokens: Tensor,
        visible: Tensor,
        targets: Tensor,
        precision: torch.dtype = torch.float32,
    ) -> Tensor:
        """Answer requests ``(B, R)`` from tokens ``(B, R, T, E)``, or ``(B, 1, T, E)`` for all."""
        both = visible[..., self.firsts] & visible[..., self.seconds]
        seen = torch.cat([visible, both], 2)[..., None]
        masked = tokens.to(precision) * (seen * self.scale.to(precision))
        start = self.request(targets) + self.bias
        if self.attention is not None:
            start = start + self.attention(tokens, visible, targets)
        h = linear(self.flat, masked.flatten(2)) + start.to(precision)
        for block in self.trunk:
            h = block(h)
        known: Tensor = self.last(h)
        return known.float().flatten(0, 1)


class _Tokens(nn.Module):
    """A token a column and contrast: its value, learned frequencies of it, atoms and errors."""

    def __init__(self, specs: Sequence[ColumnSpec], tokens: int, settings: DensitySettings) -> None:
        super().__init__()
        columns, size, k = len(specs), settings.embedding, settings.frequencies
        low, high = math.log(settings.lowest_frequency), math.log(settings.highest_frequency)
        self.frequency = nn.Parameter((low + (high - low) * torch.rand(tokens, k)).exp())
        inside = 2 * k + 1
        self.weight = nn.Parameter(torch.randn(tokens, inside, size) / math.sqrt(inside))
        self.bias = nn.Parameter(torch.randn(tokens, size) * 0.1)
        atoms = max((len(spec.atoms) for spec in specs), default=0)
        self.atoms = nn.Parameter(torch.randn(columns, atoms + 1, size) * 0.1)
        self.errors = nn.Parameter(torch.randn(columns, 2, size) * 0.1)
        categories = max((len(spec.categories) for spec in specs), default=0)
        self.categories = nn.Parameter(torch.randn(columns, max(1, categories), size))
        self.register_buffer("flags", torch.tensor([spec.is_categorical for spec in specs]))
        self.flags: Tensor

    def forward(self, inputs: Inputs) -> Tensor:
        values = torch.cat([inputs.z, inputs.contrasts], 1)
        turns = 2 * math.pi * values[..., None] * self.frequency
        features = torch.cat([values[..., None], turns.sin(), turns.cos()], 2)
        numbers = torch.einsum("ntf,tfe->nte", features, self.weight) + self.bias
        columns = inputs.z.shape[1]
        place = torch.arange(columns, device=values.device)
        known = (inputs.error > 0).float()
        size = inputs.error.clamp(min=_SMALLEST_ERROR).log() * known
        extra = self.atoms[place, inputs.atom]
        extra = extra + known[..., None] * self.errors[:, 0] + size[..., None] * self.errors[:, 1]
        code = inputs.code.clamp(max=self.categories.shape[1] - 1)
        classes = self.categories[place, code]
        own = torch.where(self.flags[:, None], classes, numbers[:, :columns] + extra)
        return F.relu(torch.cat([own, numbers[:, columns:]], 1))


class _Attention(nn.Module):
    """A transformer over the visible tokens and the request, read out at the request."""

    def __init__(self, columns: int, settings: DensitySettings) -> None:
        super().__init__()
        size = settings.attention
        self.widen = nn.Linear(settings.embedding, size)
        self.place = nn.Parameter(torch.randn(columns, size) * 0.3)
        self.request = nn.Embedding(columns, size)
        layer = nn.TransformerEncoderLayer(
            size,
            settings.heads,
            2 * size,
            settings.dropout,
            activation="gelu",
            batch_first=True,
            norm_first=True,
        )
        self.encoder = nn.TransformerEncoder(layer, settings.layers, enable_nested_tensor=False)
        self.out = nn.Linear(size, settings.width)

    def forward(self, tokens: Tensor, visible: Tensor, targets: Tensor) -> Tensor:
        rows, views, columns = visible.shape
        values = (self.widen(tokens[:, :, :columns]) + self.place).expand(-1, views, -1, -1)
        sequence = torch.cat([self.request(targets)[:, :, None], values], 2).flatten(0, 1)
        hidden = torch.cat([torch.zeros_like(visible[..., :1]), ~visible], 2).flatten(0, 1)
        found: Tensor = self.encoder(sequence, src_key_padding_mask=hidden)
        out: Tensor = self.out(found[:, 0])
        return out.view(rows, views, -1)
