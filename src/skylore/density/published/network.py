"""Tokens, encoder and head of arXiv 2407.15703."""

from __future__ import annotations

from functools import cached_property

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the name that torch code uses everywhere

from skylore.density.diffusion.parametrisation import Prediction, antithetic_times, velocity
from skylore.density.diffusion.predictor import Predictor
from skylore.density.diffusion.schedule import (
    NoiseSchedule,
    sigmoid_schedule,
    zero_terminal_snr,
)
from skylore.density.published.defects import Defects
from skylore.density.published.settings import PublishedNetworkSettings
from skylore.errors import ModelError

__all__ = ["PublishedNetwork"]

_PADDING = 0


class PublishedNetwork(nn.Module):
    """An encoder of one request and any values, and a diffusion head on the request's output.

    A column ``j`` with standardised value ``x`` becomes the token ``GELU(x W_j + b_j)``; the
    request for a column is its bare row ``W_t``. Columns count from 1, 0 is padding.

    Raises
    ------
    ModelError
        The width is not divisible by the number of heads.
    """

    def __init__(self, settings: PublishedNetworkSettings, defects: Defects) -> None:
        super().__init__()
        if settings.width % settings.heads:
            raise ModelError(
                f"{settings.heads} heads do not share a width of {settings.width}; choose a "
                "multiple"
            )
        self.settings, self.defects = settings, defects
        self.weights = nn.Embedding(settings.columns + 1, settings.width)
        self.biases = nn.Embedding(settings.columns + 1, settings.width)
        layer = nn.TransformerEncoderLayer(
            settings.width,
            settings.heads,
            settings.feedforward,
            settings.dropout,
            activation="gelu",
            batch_first=True,
        )
        self.encoder = nn.TransformerEncoder(layer, settings.layers, enable_nested_tensor=False)
        dropped = defects.drops_condition_at_equal_width and settings.head_width == settings.width
        self.head = Predictor(
            settings.width,
            width=settings.head_width,
            layers=settings.head_layers,
            steps=settings.steps,
            conditional=not dropped,
        )

    @cached_property
    def schedule(self) -> NoiseSchedule:
        """The published one, or stretched to end without signal."""
        given = self.settings
        schedule = sigmoid_schedule(given.steps, given.beta_start, given.beta_end)
        return schedule if self.defects.starts_from_wrong_prior else zero_terminal_snr(schedule)

    @property
    def prediction(self) -> Prediction:
        """Noise as published; velocity where the schedule ends without signal."""
        return "noise" if self.defects.starts_from_wrong_prior else "velocity"

    def condition(self, values: Tensor, tokens: Tensor, target: Tensor) -> Tensor:
        """Give the encoder's output at the request.

        Parameters
        ----------
        values : Tensor, shape (N, L)
            Standardised.
        tokens : Tensor of int, shape (N, L)
            Which columns they are of, from 1; 0 where there is none.
        target : Tensor of int, shape (N,)
            The requested columns, from 1.

        Returns
        -------
        Tensor, shape (N, D)
        """
        if not self.defects.target_visible:
            tokens = torch.where(tokens == target[:, None], _PADDING, tokens)
        known = F.gelu(values[:, :, None] * self.weights(tokens) + self.biases(tokens))
        sequence = torch.cat([self.weights(target)[:, None], known], dim=1)
        padding = torch.cat([torch.zeros_like(target[:, None]), tokens], dim=1) == _PADDING
        padding[:, 0] = False
        output: Tensor = self.encoder(sequence, src_key_padding_mask=padding)[:, 0]
        return output

    def loss(self, condition: Tensor, clean: Tensor, generator: torch.Generator) -> Tensor:
        """Give the mean squared error for standardised targets ``(N,)``, at mirrored times."""
        times = antithetic_times(len(clean), self.settings.steps, generator).to(clean.device)
        drawn = torch.randn(len(clean), generator=generator).to(clean)
        schedule = self.schedule
        signal, noise = schedule.signal.to(clean), schedule.noise.to(clean)
        noisy = signal[times + 1] * clean + noise[times + 1] * drawn
        target = drawn
        if self.prediction == "velocity":
            target = velocity(clean, drawn, times + 1, schedule)
        return F.mse_loss(self.head(noisy, times, condition), target)
