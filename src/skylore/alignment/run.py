"""The training loop: steps, searches of the held-out objects, the best weights so far."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from skylore.alignment.config import AlignmentConfig
from skylore.alignment.heads import ContrastiveHeads
from skylore.alignment.losses import caption_targets, contrastive_loss, matryoshka_loss
from skylore.alignment.model import Alignment
from skylore.alignment.pairs import Pairs
from skylore.alignment.report import Checkpoint
from skylore.alignment.retrieval import caption_relevance, query_precisions
from skylore.alignment.settings import TrainingSettings

__all__ = ["AlignmentRun"]


class AlignmentRun:
    """One run from fresh heads.

    Attributes
    ----------
    best : dict of str to Tensor
        The weights with which held-out images and captions found one another best.
    chosen : int
        The step that they are from.
    history : list of Checkpoint
    relevant : ndarray, shape (held-out objects, held-out texts), bool
    """

    def __init__(
        self,
        *,
        heads: ContrastiveHeads,
        config: AlignmentConfig,
        settings: TrainingSettings,
        training: Pairs,
        checking: Pairs,
        seed: int,
        towards_start: bool = False,
    ) -> None:
        self.heads, self.config, self.settings = heads, config, settings
        self.training, self.checking = training, checking
        self.relevant = caption_relevance(
            checking.texts.numpy(), checking.owners.numpy(), len(checking)
        )
        self.generator = torch.Generator().manual_seed(seed)
        self.steps = settings.step_count(len(training))
        self.start = [p.detach().clone() for p in heads.parameters()] if towards_start else None
        self.optimiser = torch.optim.AdamW(
            heads.parameters(),
            lr=settings.learning_rate,
            weight_decay=0.0 if towards_start else settings.weight_decay,
        )
        self.schedule = torch.optim.lr_scheduler.LambdaLR(self.optimiser, self._rate)
        self.history: list[Checkpoint] = []
        self.best: dict[str, Tensor] = {}
        self.chosen = 0

    def go(self, progress: Callable[[int, int], None] | None) -> None:
        """Train until the last step, or until the held-out objects stop gaining."""
        every = max(1, self.steps // self.settings.evaluations)
        losses: list[float] = []
        waited = 0
        # A model that is gone on from may be better already than anything these captions teach.
        best = self._precision() if self.start is not None else -math.inf
        self._take()
        for step in range(1, self.steps + 1):
            losses.append(self._step())
            if step % every == 0 or step == self.steps:
                precision = self._precision()
                mean_loss = float(np.mean(losses))
                self.history.append(Checkpoint(step=step, loss=mean_loss, precision=precision))
                losses, waited = [], waited + 1
                if precision > best:
                    waited = 0
                # Few held-out objects tie often; then the longer training is the safer guess.
                if precision >= best:
                    best, self.chosen = precision, step
                    self._take()
            if progress is not None:
                progress(step, self.steps)
            if waited >= self.settings.patience:
                return

    def _take(self) -> None:
        self.best = {k: v.clone() for k, v in self.heads.state_dict().items()}

    def _rate(self, step: int) -> float:
        warmup = max(1, round(self.settings.warmup * self.steps))
        if step < warmup:
            return (step + 1) / warmup
        return 0.5 + 0.5 * math.cos(math.pi * (step - warmup) / max(1, self.steps - warmup))

    def _step(self) -> float:
        self.heads.train()
        count = min(self.settings.batch_size, len(self.training))
        rows = torch.randperm(len(self.training), generator=self.generator)[:count]
        images, texts = self.training.draw(rows, self.generator)
        targets = caption_targets(texts, self.settings.target_temperature)
        found = self.heads.project_images(self._noisy(images, self.settings.image_noise))
        captions = self.heads.project_texts(self._noisy(texts, self.settings.text_noise))
        dims, scale = self.config.matryoshka_dims, self.heads.logit_scale
        loss = (
            matryoshka_loss(found, captions, scale, dims, targets)
            if len(dims) > 1
            else contrastive_loss(found, captions, scale, targets)
        )
        self.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        torch.nn.utils.clip_grad_norm_(self.heads.parameters(), self.settings.gradient_clip)
        self.optimiser.step()
        self._return_to_start(float(self.schedule.get_last_lr()[0]))
        self.schedule.step()
        return float(loss.detach())

    @torch.no_grad()
    def _return_to_start(self, rate: float) -> None:
        if self.start is not None:
            for now, then in zip(self.heads.parameters(), self.start, strict=True):
                now.lerp_(then, min(1.0, rate * self.settings.weight_decay))

    def _noisy(self, vectors: Tensor, level: float) -> Tensor:
        if level == 0:
            return vectors
        spread = vectors.std(dim=0, correction=0)
        return vectors + level * spread * torch.randn(vectors.shape, generator=self.generator)

    def _precision(self) -> float:
        """Mean average precision over both directions on the objects held out."""
        model = Alignment(self.config, self.heads)
        images = model.encode_image_vectors(self.checking.images.numpy())
        texts = model.encode_text_vectors(self.checking.texts.numpy())
        scores = images @ texts.T
        to_text, _ = query_precisions(scores, self.relevant)
        to_image, _ = query_precisions(scores.T, self.relevant.T)
        return float((to_text.mean() + to_image.mean()) / 2)
