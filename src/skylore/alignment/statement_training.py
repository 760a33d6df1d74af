"""Training the projection heads on statements."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the name that torch code uses everywhere

from skylore.alignment.config import AlignmentConfig, EncoderReference
from skylore.alignment.heads import ContrastiveHeads
from skylore.alignment.losses import LARGEST_SCALE
from skylore.alignment.model import Alignment
from skylore.alignment.statements import Statements, mean_precision, statement_loss
from skylore.errors import ModelError

__all__ = ["StatementModel", "StatementSettings", "train_on_statements"]


class StatementSettings(BaseModel):
    """The recipe.

    Attributes
    ----------
    embedding, hidden, blocks : int
        Sizes of the heads.
    steps, images, statements : int
        Steps, and how many images and statements are compared in each.
    learning_rate, weight_decay, dropout : float
        Of AdamW, and of the heads.
    image_noise, text_noise : float
        Standard deviation of Gaussian noise on the inputs, relative to their own.
    held_out_images, held_out_statements : float
        Shares kept aside; the weights kept are those that rank these images by these statements
        best.
    evaluations : int
    seed : int
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    embedding: int = 256
    hidden: int = 256
    blocks: int = 1
    steps: int = 500
    images: int = 512
    statements: int = 128
    learning_rate: float = 1e-3
    weight_decay: float = 3.0
    dropout: float = 0.2
    image_noise: float = 0.5
    text_noise: float = 0.3
    held_out_images: float = 0.1
    held_out_statements: float = 0.1
    evaluations: int = 20
    seed: int = 0


@dataclass(frozen=True)
class StatementModel:
    """A model, and how it ranked the images kept aside.

    Attributes
    ----------
    model : Alignment
    average_precision : float
        Mean over the held-out statements that are true of some held-out images and false of
        others; NaN if there are none. It chose the weights, so it is a little high.
    chosen_step : int
    """

    model: Alignment
    average_precision: float
    chosen_step: int


def train_on_statements(
    image_vectors: NDArray[np.float32],
    statements: Statements,
    *,
    image_encoder: EncoderReference,
    text_encoder: EncoderReference,
    settings: StatementSettings | None = None,
    weights: NDArray[np.float32] | None = None,
    groups: Sequence[str] | None = None,
    held_out: NDArray[np.bool_] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> StatementModel:
    """Learn one space in which a text lies nearest to the images that it is true of.

    Parameters
    ----------
    image_vectors : ndarray, shape (N, Di)
    statements : Statements
    image_encoder, text_encoder : EncoderReference
        Where the vectors come from; the model remembers it.
    settings : StatementSettings, optional
    weights : ndarray, shape (M,), optional
        How often each statement is drawn; equally if not given.
    groups : sequence of str, length N, optional
        Images are compared with others of their group only. Surveys and simulations look different
        and answer different questions; compared across, the look of a survey would stand for the
        answer. Each group is drawn in proportion to the root of its size.
    held_out : ndarray, shape (N,), bool, optional
        Images to choose the weights by; drawn by chance if not given.
    progress : callable, optional
        Called with the steps done and all steps.

    Raises
    ------
    ModelError
        Shapes do not fit, or no statement is true of one image and false of another.
    """
    settings = settings or StatementSettings()
    _check(image_vectors, statements)
    run = _Run(
        image_vectors, statements, settings, weights=weights, groups=groups, held_out=held_out
    )
    config = AlignmentConfig(
        image_input_dim=image_vectors.shape[1],
        text_input_dim=statements.texts.shape[1],
        embedding_dim=settings.embedding,
        image_hidden_dim=settings.hidden,
        text_hidden_dim=settings.hidden,
        blocks=settings.blocks,
        dropout=settings.dropout,
        image_encoder=image_encoder,
        text_encoder=text_encoder,
        matryoshka_dims=_cuts(settings.embedding),
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        return run.go(config, progress)


def _cuts(full: int) -> tuple[int, ...]:
    return tuple(sorted({full // 8, full // 4, full // 2, full} - {0}))


def _check(image_vectors: NDArray[np.float32], statements: Statements) -> None:
    shape = (len(statements.texts), len(image_vectors))
    if statements.truth.shape != shape:
        raise ModelError(
            f"{shape[0]} texts and {shape[1]} images need truth of that shape, not "
            f"{statements.truth.shape}"
        )
    contrasted = (statements.truth == 1).any(axis=1) & (statements.truth == 0).any(axis=1)
    if not contrasted.any():
        raise ModelError("no statement is true of one image and false of another")


class _Run:
    def __init__(
        self,
        image_vectors: NDArray[np.float32],
        statements: Statements,
        settings: StatementSettings,
        *,
        weights: NDArray[np.float32] | None,
        groups: Sequence[str] | None,
        held_out: NDArray[np.bool_] | None,
    ) -> None:
        self.settings = settings
        self.images = torch.from_numpy(np.asarray(image_vectors, np.float32))
        self.texts = torch.from_numpy(np.asarray(statements.texts, np.float32))
        self.truth = torch.from_numpy(statements.truth)
        rng = np.random.default_rng(settings.seed)
        if held_out is None:
            held_out = rng.random(len(self.images)) < settings.held_out_images
        aside = rng.random(len(self.texts)) < settings.held_out_statements
        aside[rng.integers(len(aside))] = True
        self.checked = np.flatnonzero(held_out), np.flatnonzero(aside)
        self.rows = torch.from_numpy(np.flatnonzero(~held_out))
        self.groups = np.array(groups) if groups is not None else np.zeros(len(self.images))
        trained = self.groups[self.rows.numpy()]
        self.members = [self.rows[trained == name] for name in np.unique(trained)]
        self.sizes = torch.tensor([len(rows) for rows in self.members]).sqrt()
        self.lines = torch.from_numpy(np.flatnonzero(~aside))
        chances = torch.ones(len(self.texts)) if weights is None else torch.from_numpy(weights)
        self.chances = chances[self.lines].float()

    def go(
        self, config: AlignmentConfig, progress: Callable[[int, int], None] | None
    ) -> StatementModel:
        settings = self.settings
        heads = ContrastiveHeads(config)
        heads.image_mean.copy_(self.images[self.rows].mean(dim=0))
        heads.image_scale.copy_(self.images[self.rows].std(dim=0).clamp(min=1e-6))
        heads.text_mean.copy_(self.texts[self.lines].mean(dim=0))
        optimiser = torch.optim.AdamW(
            heads.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
        )
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimiser, settings.learning_rate, total_steps=settings.steps, pct_start=0.1
        )
        best, chosen, kept = -math.inf, 0, heads.state_dict()
        every = max(1, settings.steps // settings.evaluations)
        for step in range(1, settings.steps + 1):
            loss = self._loss(heads.train(), config)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
            torch.nn.utils.clip_grad_norm_(heads.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            if step % every == 0 or step == settings.steps:
                precision = self._precision(Alignment(config, heads))
                # With nothing to check on, the longest training is the best guess.
                if math.isnan(precision) or precision >= best:
                    best, chosen = precision, step
                    kept = {name: tensor.clone() for name, tensor in heads.state_dict().items()}
            if progress is not None:
                progress(step, settings.steps)
        heads.load_state_dict(kept)
        return StatementModel(Alignment(config, heads), best, chosen)

    def _loss(self, heads: ContrastiveHeads, config: AlignmentConfig) -> Tensor:
        members = self.members[int(torch.multinomial(self.sizes, 1))]
        rows = members[torch.randperm(len(members))[: self.settings.images]]
        count = min(self.settings.statements, len(self.lines))
        lines = self.lines[torch.multinomial(self.chances, count)]
        truth = self.truth[lines][:, rows]
        images = heads.project_images(_noisy(self.images[rows], self.settings.image_noise))
        texts = heads.project_texts(_noisy(self.texts[lines], self.settings.text_noise))
        scale = heads.logit_scale.exp().clamp(max=LARGEST_SCALE)
        losses = [
            statement_loss(scale * _cut(texts, dim) @ _cut(images, dim).T, truth)
            for dim in config.matryoshka_dims
        ]
        return torch.stack(losses).mean()

    def _precision(self, model: Alignment) -> float:
        rows, lines = self.checked
        images = model.encode_image_vectors(self.images[rows].numpy())
        texts = model.encode_text_vectors(self.texts[lines].numpy())
        scores, truth = texts @ images.T, self.truth[lines][:, rows].numpy()
        each = [self.groups[rows] == name for name in np.unique(self.groups[rows])]
        found = np.array([mean_precision(scores[:, own], truth[:, own]) for own in each])
        asked = found[~np.isnan(found)]
        return float(asked.mean()) if len(asked) else math.nan


def _cut(rows: Tensor, dim: int) -> Tensor:
    return F.normalize(rows[:, :dim], dim=1)


def _noisy(rows: Tensor, level: float) -> Tensor:
    return rows + level * rows.std(dim=0) * torch.randn_like(rows)
