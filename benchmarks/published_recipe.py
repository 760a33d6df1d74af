"""AION-Search's training of its two heads, written plainly from its published description.

Koblischke et al. 2025, arXiv 2512.11982, and the configuration ``baseline_original.yaml`` of its
repository: heads, loss, optimiser and schedule are the authors'. It shares no code with Skylore.
"""

from __future__ import annotations

import copy
import time
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the name that torch code uses everywhere

EPOCHS = 50
STEPS_PER_EPOCH = 24
"""What 204,800 training pairs make at the published batch of 8,192."""
WARMUP_EPOCHS = 10


class Head(nn.Module):
    """``Linear``, four residual blocks ``x + Linear(Dropout(GELU(LN(x))))``, ``Linear``."""

    def __init__(self, inputs: int, hidden: int, outputs: int = 1024) -> None:
        super().__init__()
        self.enter = nn.Linear(inputs, hidden)
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.LayerNorm(hidden), nn.GELU(), nn.Dropout(0.1), nn.Linear(hidden, hidden)
            )
            for _ in range(4)
        )
        self.leave = nn.Linear(hidden, outputs)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Project rows to unit rows."""
        x = self.enter(x)
        for block in self.blocks:
            x = x + block(x)
        return F.normalize(self.leave(x), dim=-1, eps=1e-3)


class PublishedModel(nn.Module):
    """The two heads and the learnt temperature."""

    def __init__(self, image_dim: int, text_dim: int) -> None:
        super().__init__()
        self.image_head = Head(image_dim, 768)
        self.text_head = Head(text_dim, 1024)
        self.log_scale = nn.Parameter(torch.tensor(1 / 0.07).log())

    def project(self, images: Tensor, texts: Tensor) -> tuple[Tensor, Tensor]:
        """Bring both into the shared space; images are brought to unit length first."""
        return self.image_head(F.normalize(images, dim=-1, eps=1e-6)), self.text_head(texts)

    def loss(self, images: Tensor, texts: Tensor) -> Tensor:
        """Symmetric InfoNCE."""
        seen, told = self.project(images, texts)
        logits = self.log_scale.exp().clamp(max=100) * seen @ told.T
        own = torch.arange(len(logits))
        return (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2


@dataclass
class PublishedRun:
    """What came of a training.

    Attributes
    ----------
    model : PublishedModel
        Of the epoch with the least validation loss.
    losses, seconds : list of float
        Validation loss after each epoch, and the processor's seconds until then, validation
        included as the recipe asks for it.
    """

    model: PublishedModel
    losses: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    @property
    def best(self) -> int:
        """The epoch with the least validation loss, from 0."""
        return min(range(len(self.losses)), key=self.losses.__getitem__)


def train_as_published(
    training: tuple[Tensor, Tensor],
    checking: tuple[Tensor, Tensor],
    *,
    batch: int,
    seed: int,
    patience: int,
) -> PublishedRun:
    """Train for 50 epochs, or until ``patience`` epochs brought no lower validation loss."""
    torch.manual_seed(seed)
    start = time.process_time()
    model = PublishedModel(training[0].shape[1], training[1].shape[1])
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-4, weight_decay=0.05)
    warm = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda epoch: epoch / WARMUP_EPOCHS)
    run = PublishedRun(copy.deepcopy(model))
    cosine: torch.optim.lr_scheduler.LRScheduler | None = None
    for epoch in range(EPOCHS):
        _train_epoch(model, optimiser, training, batch)
        if epoch + 1 < WARMUP_EPOCHS:
            warm.step()
        elif cosine is None:
            for group in optimiser.param_groups:
                group["lr"] = 1e-4
            cosine = torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(
                optimiser, T_0=50, eta_min=5e-7
            )
        else:
            cosine.step()
        model.eval()
        with torch.inference_mode():
            run.losses.append(float(model.loss(*checking)))
        run.seconds.append(time.process_time() - start)
        if run.best == epoch:
            run.model = copy.deepcopy(model)
        if epoch - run.best >= patience:
            break
    run.model.eval()
    return run


def _train_epoch(
    model: PublishedModel,
    optimiser: torch.optim.Optimizer,
    training: tuple[Tensor, Tensor],
    batch: int,
) -> None:
    model.train()
    order = torch.randperm(len(training[0]))
    for start in range(0, len(order) - batch + 1, batch):
        rows = order[start : start + batch]
        loss = model.loss(training[0][rows], training[1][rows])
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
