"""How an alignment model is trained."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["ModelSizes", "TrainingSettings"]

Fraction = Annotated[float, Field(ge=0, lt=1)]
Positive = Annotated[int, Field(ge=1)]

_FEWEST_FOR_CLOSED_FORM = 3_000


class ModelSizes(BaseModel):
    """Widths of the heads and of the shared space."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    embedding: Positive
    image_hidden: Positive
    text_hidden: Positive


class TrainingSettings(BaseModel):
    """The recipe; the defaults suit archives of tens to tens of thousands of captioned objects.

    Attributes
    ----------
    steps : int, optional
        Optimiser steps at most. By default 400 for a small archive, up to 1,200.
    batch_size : int
        Pairs a step; all of them where there are fewer.
    learning_rate, weight_decay : float
        Of AdamW (Loshchilov & Hutter 2019).
    warmup : float
        Fraction of the steps over which the learning rate rises; it then falls as a cosine.
    dropout : float
    blocks : int
    image_noise, text_noise : float
        Standard deviation of Gaussian noise on the inputs, relative to their own.
    target_temperature : float
        See :func:`skylore.alignment.losses.caption_targets`; zero for plain InfoNCE.
    standardise : bool
        Whether inputs are centred, and image inputs scaled, by the training set.
    matryoshka : bool
        Whether vectors can be cut at an eighth, a quarter and half of their length.
    sizes : ModelSizes, optional
        By default chosen by the number of training objects.
    validation : float
        Fraction of the objects held out to choose the checkpoint.
    evaluations : int
        How often along the way the held-out objects are searched.
    patience : int
        Evaluations without a better one after which training stops.
    gradient_clip : float
    closed_form : bool
        Whether to begin where :func:`skylore.alignment.closed_form.start_in_closed_form` ends;
        weights then decay towards that, not towards zero.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    steps: Positive | None = None
    batch_size: Positive = 256
    learning_rate: Annotated[float, Field(gt=0)] = 5e-4
    weight_decay: Annotated[float, Field(ge=0)] = 0.2
    warmup: Fraction = 0.1
    dropout: Fraction = 0.3
    blocks: Positive = 2
    image_noise: Annotated[float, Field(ge=0)] = 0.3
    text_noise: Annotated[float, Field(ge=0)] = 0.3
    target_temperature: Annotated[float, Field(ge=0)] = 0.02
    standardise: bool = True
    matryoshka: bool = True
    sizes: ModelSizes | None = None
    validation: Annotated[float, Field(gt=0, lt=1)] = 0.2
    evaluations: Positive = 20
    patience: Positive = 8
    gradient_clip: Annotated[float, Field(gt=0)] = 1.0
    closed_form: bool = False

    @classmethod
    def for_objects(cls, objects: int) -> TrainingSettings:
        """Return the recipe for this many training objects.

        From 3,000 on, where covariances of usual encoders are known well enough for it, training
        starts in closed form: what is left to learn is little, and learnt slowly.
        """
        if objects < _FEWEST_FOR_CLOSED_FORM:
            return cls()
        return cls(
            closed_form=True,
            steps=300,
            learning_rate=2e-4,
            weight_decay=20.0,
            evaluations=10,
            patience=3,
        )

    @classmethod
    def adapting(cls) -> TrainingSettings:
        """Return the recipe for going on from a trained model: slower, and shorter."""
        return cls(steps=400, learning_rate=1e-4, dropout=0.1, weight_decay=1.0)

    @classmethod
    def published(cls) -> TrainingSettings:
        """Return the recipe of AION-Search's released model (arXiv 2512.11982).

        Its 50 epochs of 24 steps at a batch of 8,192, whatever the archive's size; only the
        checkpoint is chosen by retrieval here, where the authors took the lowest loss.
        """
        return cls(
            steps=1200,
            batch_size=8192,
            learning_rate=1e-4,
            weight_decay=0.05,
            warmup=0.2,
            dropout=0.1,
            blocks=4,
            image_noise=0.0,
            text_noise=0.0,
            target_temperature=0.0,
            standardise=False,
            matryoshka=False,
            sizes=ModelSizes(embedding=1024, image_hidden=768, text_hidden=1024),
            evaluations=50,
            patience=50,
        )

    def step_count(self, objects: int) -> int:
        """Return how many steps to take for this many training objects."""
        return self.steps or min(1200, max(400, 4 * objects // 10))

    def model_sizes(self, objects: int) -> ModelSizes:
        """Return the widths for this many training objects: the published ones for the largest."""
        if self.sizes is not None:
            return self.sizes
        if objects < 3_000:
            return ModelSizes(embedding=256, image_hidden=256, text_hidden=256)
        if objects < 30_000:
            return ModelSizes(embedding=512, image_hidden=512, text_hidden=512)
        return ModelSizes(embedding=1024, image_hidden=768, text_hidden=1024)
