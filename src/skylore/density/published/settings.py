"""Sizes and recipes of the two published models."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

__all__ = [
    "CALIFORNIA",
    "CALIFORNIA_TRAINING",
    "STARS",
    "STARS_TRAINING",
    "PublishedNetworkSettings",
    "PublishedTraining",
]

Count = Annotated[int, Field(ge=1)]


class PublishedNetworkSettings(BaseModel):
    """The sizes of a model.

    Attributes
    ----------
    columns : int
        Of the table; the vocabulary has one row more, for padding.
    width, heads, feedforward, layers, dropout
        Of the transformer encoder.
    head_width, head_layers : int
        Of the network that predicts the noise.
    steps : int
        Of the diffusion.
    beta_start, beta_end : float
        Of its sigmoid schedule.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    columns: Count
    width: Count = 32
    heads: Count = 4
    feedforward: Count = 128
    layers: Count = 2
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1
    head_width: Count = 64
    head_layers: Count = 2
    steps: Annotated[int, Field(ge=2)] = 100
    beta_start: Annotated[float, Field(gt=0, lt=1)] = 1e-5
    beta_end: Annotated[float, Field(gt=0, lt=1)] = 1e-1


class PublishedTraining(BaseModel):
    """How a model is trained: AdamW and cosine restarts.

    Attributes
    ----------
    epochs, batch_size : int
    learning_rate, lowest_rate : float
    restart : int
        Epochs from one restart of the learning rate to the next.
    context : int
        The most values in the input; their number is drawn from 0 to this, one for a whole batch.
    validation : float
        Share of rows held out at random.
    seed : int
        The published split has none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    epochs: Count = 512
    batch_size: Annotated[int, Field(ge=2)] = 128
    learning_rate: Annotated[float, Field(gt=0)] = 5e-3
    lowest_rate: Annotated[float, Field(ge=0)] = 1e-5
    restart: Count = 64
    context: Count = 9
    validation: Annotated[float, Field(ge=0, lt=1)] = 0.1
    seed: int = 0


CALIFORNIA = PublishedNetworkSettings(columns=9)
CALIFORNIA_TRAINING = PublishedTraining()
STARS = PublishedNetworkSettings(
    columns=118,
    width=192,
    heads=24,
    feedforward=2048,
    dropout=0.2,
    head_width=512,
    head_layers=5,
    steps=120,
)
STARS_TRAINING = PublishedTraining(
    epochs=10_240,
    batch_size=1024,
    learning_rate=1e-3,
    lowest_rate=1e-11,
    restart=1024,
    context=64,
)
