"""What hits of a query resemble: words, images, objects, positions and vectors, each weighted."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Base64Bytes, Field, field_validator, model_validator

from skylore.search.value import Value

__all__ = ["ImageTerm", "ObjectTerm", "PositionTerm", "Term", "TextTerm", "VectorTerm"]

MAX_IMAGE_BYTES = 32 << 20


class _Term(Value):
    weight: float = Field(1.0, ge=-100, le=100)

    @model_validator(mode="after")
    def _counts(self) -> Self:
        if self.weight == 0:
            raise ValueError("a term of weight 0 says nothing")
        return self


class TextTerm(_Term):
    """Objects that look as the words say."""

    kind: Literal["text"] = "text"
    text: str = Field(min_length=1, max_length=4000)

    @field_validator("text")
    @classmethod
    def _says_something(cls, text: str) -> str:
        if not any(c.isprintable() and not c.isspace() for c in text):
            raise ValueError("the text has no words")
        return text


class ImageTerm(_Term):
    """Objects that look like an image, given as its encoded bytes (base64 in JSON)."""

    kind: Literal["image"] = "image"
    data: Base64Bytes = Field(max_length=MAX_IMAGE_BYTES, repr=False)


class ObjectTerm(_Term):
    """Objects that look like one of the archive; that one is left out of the answer."""

    kind: Literal["object"] = "object"
    id: int | str


class PositionTerm(_Term):
    """Objects that look like the one nearest to a position (ICRS degrees)."""

    kind: Literal["position"] = "position"
    ra: float = Field(ge=0, lt=360)
    dec: float = Field(ge=-90, le=90)
    radius: float = Field(10 / 3600, gt=0, le=1)


class VectorTerm(_Term):
    """Objects near a vector of the searched space."""

    kind: Literal["vector"] = "vector"
    values: tuple[float, ...] = Field(min_length=1, max_length=16_384, repr=False)


Term = Annotated[
    TextTerm | ImageTerm | ObjectTerm | PositionTerm | VectorTerm, Field(discriminator="kind")
]
