"""The training loop on statements: steps, and the weights that rank held-out images best."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the name that torch code uses everywhere

from skylore.alignment.config import AlignmentConfig
from skylore.alignment.heads import ContrastiveHeads
from skylore.alignment.losses import LARGEST_SCALE
from skylore.alignment.model import Alignment
from skylore.alignment.statement_sampling import StatementSampler
from skylore.alignment.statement_settings import StatementSettings
from skylore.alignment.statements import mean_precision, statement_loss

__all__ = ["StatementRun"]

_WARMUP = 0.1
_GRADIENT_CLIP = 1.0
_SMALLEST_SCALE = 1e-6


class StatementRun:
    """One run from fresh heads.

    Attributes
    ----------
    heads : ContrastiveHeads
        After :meth:`go`, with the weights that ranked held-out images best.
    best : float
        The mean average precision with which they did.
    chosen : int
        The step that they are from.
    """

    def __init__(
        self, config: AlignmentConfig, settings: StatementSettings, sampler: StatementSampler
    ) -> None:
        self.config, self.settings, self.sampler = config, settings, sampler
        self.heads = ContrastiveHeads(config)
        self._standardise()
        self.optimiser = torch.optim.AdamW(
            self.heads.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
        )
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimiser,
            settings.learning_rate,
            total_steps=settings.steps,
            pct_start=_WARMUP,
        )
        self.best, self.chosen = -math.inf, 0
        self._kept = self.heads.state_dict()

    def go(self, progress: Callable[[int, int], None] | None) -> None:
        """Train to the last step, and put the best weights back."""
        steps = self.settings.steps
        every = max(1, steps // self.settings.evaluations)
        for step in range(1, steps + 1):
            self._step()
            if step % every == 0 or step == steps:
                self._evaluate(step)
            if progress is not None:
                progress(step, steps)
        self.heads.load_state_dict(self._kept)

    def _standardise(self) -> None:
        rows, lines = self.sampler.training
        images, texts = self.sampler.images[rows], self.sampler.texts[lines]
        self.heads.image_mean.copy_(images.mean(dim=0))
        self.heads.image_scale.copy_(images.std(dim=0).clamp(min=_SMALLEST_SCALE))
        self.heads.text_mean.copy_(texts.mean(dim=0))

    def _step(self) -> None:
        loss = self._loss(self.heads.train())
        self.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        torch.nn.utils.clip_grad_norm_(self.heads.parameters(), _GRADIENT_CLIP)
        self.optimiser.step()
        self.schedule.step()

    def _loss(self, heads: ContrastiveHeads) -> Tensor:
        sampler, settings = self.sampler, self.settings
        rows, lines = sampler.draw(settings.images, settings.statements)
        truth = sampler.truth[lines][:, rows]
        images = heads.project_images(_noisy(sampler.images[rows], settings.image_noise))
        texts = heads.project_texts(_noisy(sampler.texts[lines], settings.text_noise))
        scale = heads.logit_scale.exp().clamp(max=LARGEST_SCALE)
        losses = [
            statement_loss(scale * _cut(texts, dim) @ _cut(images, dim).T, truth)
            for dim in self.config.matryoshka_dims
        ]
        return torch.stack(losses).mean()

    def _evaluate(self, step: int) -> None:
        precision = self._precision(Alignment(self.config, self.heads))
        # With nothing to check on, the longest training is the best guess.
        if math.isnan(precision) or precision >= self.best:
            self.best, self.chosen = precision, step
            self._kept = {name: t.clone() for name, t in self.heads.state_dict().items()}

    def _precision(self, model: Alignment) -> float:
        sampler = self.sampler
        rows, lines = sampler.held_out
        images = model.encode_image_vectors(sampler.images[rows].numpy())
        texts = model.encode_text_vectors(sampler.texts[lines].numpy())
        scores, truth = texts @ images.T, sampler.truth[lines][:, rows].numpy()
        groups = sampler.groups[rows]
        each = [groups == name for name in np.unique(groups)]
        found = np.array([mean_precision(scores[:, own], truth[:, own]) for own in each])
        asked = found[~np.isnan(found)]
        return float(asked.mean()) if len(asked) else math.nan


def _cut(rows: Tensor, dim: int) -> Tensor:
    return F.normalize(rows[:, :dim], dim=1)


def _noisy(rows: Tensor, level: float) -> Tensor:
    return rows + level * rows.std(dim=0) * torch.randn_like(rows)
