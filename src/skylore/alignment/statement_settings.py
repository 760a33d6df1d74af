"""The recipe for training on statements."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

__all__ = ["StatementSettings"]


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
