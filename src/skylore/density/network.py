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

__all__ = ["DensityNetwork"]

_SMALLEST_ERROR = 1e-4


class DensityNetwork(nn.Module):
    """Gives the numbers of a target's mixture from any visible columns.

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
        self.flat = nn.Linear(tokens * settings.embedding, settings.width)
        self.request = nn.Embedding(columns, settings.width)
        self.attention = _Attention(columns, settings) if settings.layers else None
        self.trunk = nn.ModuleList([_Block(settings) for _ in range(settings.blocks)])
        self.last = nn.LayerNorm(settings.width)
        self.heads = nn.ModuleList([column_head(spec, settings) for spec in specs])

    def forward(self, inputs: Inputs, visible: Tensor, targets: Tensor) -> Tensor:
        """Give what is known of each request, ``(B · R, width)``.

        Parameters
        ----------
        inputs : Inputs
            ``B`` rows.
        visible : Tensor, shape (B, R, V), bool
            Never the target.
        targets : Tensor, shape (B, R)
        """
        tokens = self.tokens(inputs)
        both = visible[..., self.firsts] & visible[..., self.seconds]
        seen = torch.cat([visible, both], 2)
        masked = (tokens[:, None] * seen[..., None]).flatten(0, 1)
        h = self.flat(masked.flatten(1)) + self.request(targets.flatten())
        if self.attention is not None:
            columns = visible.shape[2]
            h = h + self.attention(masked[:, :columns], visible.flatten(0, 1), targets.flatten())
        for block in self.trunk:
            h = block(h)
        known: Tensor = self.last(h)
        return known


class _Tokens(nn.Module):
    """A token a column and contrast: its value, learned frequencies of it, atoms and errors."""

    def __init__(self, specs: Sequence[ColumnSpec], tokens: int, settings: DensitySettings) -> None:
        super().__init__()
        columns, size, k = len(specs), settings.embedding, settings.frequencies
        self.frequency = nn.Parameter(settings.frequency_scale * torch.randn(tokens, k))
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
        values = self.widen(tokens) + self.place
        sequence = torch.cat([self.request(targets)[:, None], values], 1)
        hidden = torch.cat([torch.zeros_like(visible[:, :1]), ~visible], 1)
        found: Tensor = self.encoder(sequence, src_key_padding_mask=hidden)
        out: Tensor = self.out(found[:, 0])
        return out


class _Block(nn.Module):
    def __init__(self, settings: DensitySettings) -> None:
        super().__init__()
        width = settings.width
        self.norm = nn.LayerNorm(width)
        self.up = nn.Linear(width, width)
        self.down = nn.Linear(width, width)
        self.dropout = nn.Dropout(settings.dropout)

    def forward(self, h: Tensor) -> Tensor:
        inner: Tensor = self.dropout(F.gelu(self.up(self.norm(h))))
        out: Tensor = h + self.down(inner)
        return out
