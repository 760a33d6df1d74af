"""Training the projection heads on statements."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skylore.alignment.config import AlignmentConfig, EncoderReference, matryoshka_cuts
from skylore.alignment.model import Alignment
from skylore.alignment.statement_run import StatementRun
from skylore.alignment.statement_sampling import StatementSampler
from skylore.alignment.statement_settings import StatementSettings
from skylore.alignment.statements import Statements
from skylore.errors import ModelError
from skylore.training.chance import seeded

__all__ = ["StatementModel", "train_on_statements"]


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
    sampler = StatementSampler(
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
        matryoshka_dims=matryoshka_cuts(settings.embedding),
    )
    with seeded(settings.seed):
        run = StatementRun(config, settings, sampler)
        run.go(progress)
    return StatementModel(Alignment(config, run.heads), run.best, run.chosen)


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
