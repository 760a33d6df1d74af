"""Which images and statements each step of a training compares, and which are held out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from skylore.alignment.statement_settings import StatementSettings
from skylore.alignment.statements import Statements

__all__ = ["StatementSampler"]


class StatementSampler:
    """Divides images and statements into those learnt from and those held out, and draws batches.

    Parameters
    ----------
    image_vectors : ndarray, shape (N, Di)
    statements : Statements
    settings : StatementSettings
    weights : ndarray, shape (M,), optional
        How often each statement is drawn; equally if not given.
    groups : sequence of str, length N, optional
        A batch is of one of them, drawn in proportion to the root of its size.
    held_out : ndarray, shape (N,), bool, optional
        Images held out; drawn by chance if not given.

    Attributes
    ----------
    images, texts : Tensor, shapes (N, Di) and (M, Dt)
    truth : Tensor, shape (M, N)
    groups : ndarray, shape (N,)
    training : tuple of Tensor
        Rows of the images and of the statements that are learnt from.
    held_out : tuple of ndarray
        Rows of those that are not; of statements at least one.
    """

    def __init__(
        self,
        image_vectors: NDArray[np.float32],
        statements: Statements,
        settings: StatementSettings,
        *,
        weights: NDArray[np.float32] | None = None,
        groups: Sequence[str] | None = None,
        held_out: NDArray[np.bool_] | None = None,
    ) -> None:
        self.images = torch.from_numpy(np.asarray(image_vectors, np.float32))
        self.texts = torch.from_numpy(np.asarray(statements.texts, np.float32))
        self.truth = torch.from_numpy(statements.truth)
        rng = np.random.default_rng(settings.seed)
        if held_out is None:
            held_out = rng.random(len(self.images)) < settings.held_out_images
        aside = rng.random(len(self.texts)) < settings.held_out_statements
        aside[rng.integers(len(aside))] = True
        self.held_out = np.flatnonzero(held_out), np.flatnonzero(aside)
        rows = torch.from_numpy(np.flatnonzero(~held_out))
        lines = torch.from_numpy(np.flatnonzero(~aside))
        self.training = rows, lines
        self.groups = np.array(groups) if groups is not None else np.zeros(len(self.images))
        trained = self.groups[rows.numpy()]
        self._members = [rows[trained == name] for name in np.unique(trained)]
        self._sizes = torch.tensor([len(members) for members in self._members]).sqrt()
        chances = torch.ones(len(self.texts)) if weights is None else torch.from_numpy(weights)
        self._chances = chances[lines].float()

    def draw(self, images: int, statements: int) -> tuple[Tensor, Tensor]:
        """Draw rows of at most so many images, of one group, and of at most so many statements."""
        members = self._members[int(torch.multinomial(self._sizes, 1))]
        rows = members[torch.randperm(len(members))[:images]]
        lines = self.training[1]
        count = min(statements, len(lines))
        return rows, lines[torch.multinomial(self._chances, count)]
