"""The two projection heads that bring image and text vectors into one space."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the name that torch code uses everywhere

from skylore.alignment.config import AlignmentConfig

__all__ = ["INITIAL_SCALE", "ContrastiveHeads", "ProjectionHead"]

INITIAL_SCALE = math.log(1 / 0.07)
"""Logarithm of the scale that cosines are multiplied by at the start (Radford et al. 2021)."""

_INPUT_EPSILON = 1e-6
_OUTPUT_EPSILON = 1e-3


class ProjectionHead(nn.Module):
    """AION-Search's residual MLP (Koblischke et al. 2025, arXiv 2512.11982).

    ``fc_in``, then blocks ``x + Linear(Dropout(GELU(LayerNorm(x))))``, then ``fc_out``. The
    parameters are named as in the released weights.
    """

    def __init__(
        self, input_dim: int, hidden_dim: int, output_dim: int, blocks: int, dropout: float
    ) -> None:
        super().__init__()
        self.fc_in = nn.Linear(input_dim, hidden_dim)
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.LayerNorm(hidden_dim),
                nn.GELU(),
                nn.Dropout(dropout),
                nn.Linear(hidden_dim, hidden_dim),
            )
            for _ in range(blocks)
        )
        self.fc_out = nn.Linear(hidden_dim, output_dim)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)

    @property
    def last_layers(self) -> list[nn.Linear]:
        """The linear layer that ends each block."""
        ends = [list(block.children())[-1] for block in self.blocks]
        return [layer for layer in ends if isinstance(layer, nn.Linear)]

    def forward(self, x: Tensor) -> Tensor:
        """Project ``(N, input_dim)`` to ``(N, output_dim)``, not normalised."""
        x = self.fc_in(x)
        for block in self.blocks:
            x = x + block(x)
        projected: Tensor = self.fc_out(x)
        return projected


class ContrastiveHeads(nn.Module):
    """Both heads, the learnt temperature, and the standardisation of their inputs.

    Inputs are standardised by the mean and scale of the training set, kept in buffers; zero mean
    and unit scale, the initial values, leave them as they are. Image inputs are then brought to
    unit length, as published; outputs have unit length.
    """

    image_mean: Tensor
    image_scale: Tensor
    text_mean: Tensor
    text_scale: Tensor

    def __init__(self, config: AlignmentConfig) -> None:
        super().__init__()
        shared = (config.embedding_dim, config.blocks, config.dropout)
        self.image_projector = ProjectionHead(
            config.image_input_dim, config.image_hidden_dim, *shared
        )
        self.text_projector = ProjectionHead(config.text_input_dim, config.text_hidden_dim, *shared)
        self.logit_scale = nn.Parameter(torch.tensor(INITIAL_SCALE))
        self.register_buffer("image_mean", torch.zeros(config.image_input_dim))
        self.register_buffer("image_scale", torch.ones(config.image_input_dim))
        self.register_buffer("text_mean", torch.zeros(config.text_input_dim))
        self.register_buffer("text_scale", torch.ones(config.text_input_dim))

    def image_inputs(self, vectors: Tensor) -> Tensor:
        """Standardise image vectors ``(N, image_input_dim)``, then bring them to unit length."""
        standard = (vectors - self.image_mean) / self.image_scale
        return F.normalize(standard, dim=-1, eps=_INPUT_EPSILON)

    def text_inputs(self, vectors: Tensor) -> Tensor:
        """Standardise text vectors ``(N, text_input_dim)``."""
        standard: Tensor = (vectors - self.text_mean) / self.text_scale
        return standard

    def project_images(self, vectors: Tensor) -> Tensor:
        """Project image vectors ``(N, image_input_dim)`` to unit rows ``(N, embedding_dim)``."""
        projected = self.image_projector(self.image_inputs(vectors))
        return F.normalize(projected, dim=-1, eps=_OUTPUT_EPSILON)

    def project_texts(self, vectors: Tensor) -> Tensor:
        """Project text vectors ``(N, text_input_dim)`` to unit rows ``(N, embedding_dim)``."""
        projected = self.text_projector(self.text_inputs(vectors))
        return F.normalize(projected, dim=-1, eps=_OUTPUT_EPSILON)
