"""What an alignment model is: its sizes, and the encoders whose vectors it takes."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from skylore import __version__

__all__ = ["AlignmentConfig", "EncoderReference", "matryoshka_cuts"]

Size = Annotated[int, Field(ge=1)]


class EncoderReference(BaseModel):
    """The encoder that made the vectors on one side."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    revision: str


class AlignmentConfig(BaseModel):
    """The ``config.json`` of an alignment model.

    Attributes
    ----------
    image_input_dim, text_input_dim : int
        Lengths of the encoders' vectors.
    embedding_dim : int
        Length of a vector of the shared space.
    image_hidden_dim, text_hidden_dim : int
        Widths of the residual blocks.
    blocks : int
        Residual blocks in each head.
    dropout : float
        During training, in each block.
    image_encoder, text_encoder : EncoderReference
    matryoshka_dims : tuple of int
        Ascending lengths at which a vector may be cut; the last is ``embedding_dim``.
    skylore_version : str
        The version that trained the model.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    image_input_dim: Size
    text_input_dim: Size
    embedding_dim: Size
    image_hidden_dim: Size
    text_hidden_dim: Size
    blocks: Size = 4
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1
    image_encoder: EncoderReference
    text_encoder: EncoderReference
    matryoshka_dims: tuple[Size, ...]
    skylore_version: str = __version__

    @model_validator(mode="after")
    def _dims_end_at_embedding(self) -> Self:
        dims = self.matryoshka_dims
        if not dims or list(dims) != sorted(set(dims)) or dims[-1] != self.embedding_dim:
            raise ValueError(
                f"matryoshka_dims {dims} must ascend and end at embedding_dim {self.embedding_dim}"
            )
        return self


def matryoshka_cuts(full: int) -> tuple[int, ...]:
    """Give the lengths at which vectors of length ``full`` may be cut: an eighth of it and up."""
    return tuple(sorted({full // 8, full // 4, full // 2, full} - {0}))
