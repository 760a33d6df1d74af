"""The query as a value.

Its JSON is the body of a REST request, what the command line builds from its flags, and the
provenance of a result.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

from pydantic import Field, ValidationError, field_validator, model_validator

from skylore.errors import QueryError
from skylore.explaining import explain
from skylore.search.regions.moc import Moc
from skylore.search.regions.shapes import Box, Cone, Polygon
from skylore.search.reranking.request import RerankRequest
from skylore.search.sort import Sort
from skylore.search.terms import (
    ImageTerm,
    ObjectTerm,
    PositionTerm,
    Term,
    TextTerm,
    VectorTerm,
)
from skylore.search.value import Value

__all__ = [
    "Box",
    "Cone",
    "ImageTerm",
    "Moc",
    "Mode",
    "ObjectTerm",
    "Polygon",
    "PositionTerm",
    "Query",
    "Range",
    "Sort",
    "Term",
    "TextTerm",
    "VectorTerm",
]

R = TypeVar("R", Cone, Box, Polygon, Moc)
Mode = Literal["vector", "text", "hybrid"]
MAX_K = 10_000


class Range(Value):
    """Objects with a column between two numbers, both included; null never is."""

    column: str
    minimum: float | None = None
    maximum: float | None = None

    @model_validator(mode="after")
    def _has_a_bound(self) -> Self:
        if self.minimum is None and self.maximum is None:
            raise ValueError("a range has a minimum, a maximum or both")
        return self


class Query(Value):
    """What to look for, among which objects, and how many.

    Attributes
    ----------
    terms
        What hits resemble: weighted; a negative weight pushes away. With none, the objects that
        pass the filters are listed.
    cones, boxes, polygons, mocs
        Hits lie in one of each kind, if there are any of that kind.
    ranges
        Hits lie in all of them.
    where
        An SQL predicate over the columns.
    sort
        The column that a listing is ordered by, as text ``"mag desc"`` or a :class:`Sort`; by id
        if not given. A query with terms is ordered by likeness, and cannot be sorted.
    mode
        ``vector`` compares with images in the space shared with words; ``text`` searches the words
        of the captions (BM25); ``hybrid`` fuses both rankings. None chooses ``vector`` where the
        archive has vectors, else ``text``.
    k, offset
        Hits ``offset + 1`` to ``offset + k`` of the ranking.
    columns
        Columns to return beside id and score; None returns caption and position.
    exact
        True never uses an index; None lets the planner choose.
    recall
        The share of the exact answer's hits that must be found, on average; 1 for all of them.
    rerank
        Have the first hits judged by whoever answers the query: a model on a server, say.
    """

    terms: tuple[Term, ...] = Field((), max_length=64)
    cones: tuple[Cone, ...] = Field((), max_length=64)
    boxes: tuple[Box, ...] = Field((), max_length=64)
    polygons: tuple[Polygon, ...] = Field((), max_length=16)
    mocs: tuple[Moc, ...] = Field((), max_length=4)
    ranges: tuple[Range, ...] = Field((), max_length=64)
    where: str | None = None
    sort: Sort | None = None
    mode: Mode | None = None
    k: int = Field(20, ge=1, le=MAX_K)
    offset: int = Field(0, ge=0, le=MAX_K)
    columns: tuple[str, ...] | None = None
    exact: bool | None = None
    recall: float = Field(0.95, gt=0, le=1)
    rerank: RerankRequest | None = None

    @field_validator("sort", mode="before")
    @classmethod
    def _reads_order(cls, sort: object) -> object:
        return Sort.parse(sort) if isinstance(sort, str) else sort

    @model_validator(mode="after")
    def _has_one_order(self) -> Self:
        if self.sort is not None and self.terms:
            raise ValueError(
                "hits of words and examples are ordered by likeness; sort a listing by filters "
                f"alone, or narrow the hits by a filter on {self.sort.column!r}"
            )
        return self

    @model_validator(mode="after")
    def _can_be_written(self) -> Self:
        """Refuse lone surrogates, which no text can hold that is sent or stored."""
        try:
            self.model_dump_json()
        except ValueError as error:
            raise ValueError("the query holds characters that are no text") from error
        return self

    @classmethod
    def build(
        cls,
        text: str | Sequence[str] | None = None,
        *,
        image: str | Path | bytes | None = None,
        like: str | int | None = None,
        vector: Sequence[float] | None = None,
        minus: str | Sequence[str] | None = None,
        cone: str | Cone | Sequence[str | Cone] | None = None,
        box: str | Box | Sequence[str | Box] | None = None,
        polygon: str | Polygon | Sequence[str | Polygon] | None = None,
        moc: str | Path | Moc | Sequence[str | Path | Moc] | None = None,
        **fields: Any,  # noqa: ANN401 - checked by pydantic
    ) -> Self:
        """Make a query from what a person gives.

        Parameters
        ----------
        text, minus
            Words to resemble, and not to.
        image
            An image file, or its bytes.
        like
            The id of an object to resemble.
        vector
            A vector of the searched space.
        cone
            A cone, or ``"RA DEC RADIUS"`` in degrees, or several.
        box
            A box, or ``"RA1 RA2 DEC1 DEC2"``, or ``"RA DEC WIDTHxHEIGHT"``, or several.
        polygon
            A polygon, or ``"RA DEC RA DEC RA DEC …"``, or several.
        moc
            A coverage map, or a file of one, or several.
        **fields
            Other fields of the query.

        Raises
        ------
        QueryError
            Something is out of range or cannot be read; the message says what.
        """
        try:
            terms: list[Any] = [TextTerm(text=t) for t in _texts(text)]
            terms += [ImageTerm(data=_encoded(image))] if image is not None else []
            terms += [ObjectTerm(id=like)] if like is not None else []
            terms += [VectorTerm(values=tuple(vector))] if vector is not None else []
            terms += [TextTerm(text=t, weight=-0.5) for t in _texts(minus)]
            given = {name: value for name, value in fields.items() if value is not None}
            return cls(
                terms=(*terms, *given.pop("terms", ())),
                cones=(*_several(cone, Cone, Cone.parse), *given.pop("cones", ())),
                boxes=(*_several(box, Box, Box.parse), *given.pop("boxes", ())),
                polygons=(*_several(polygon, Polygon, Polygon.parse), *given.pop("polygons", ())),
                mocs=(*_several(moc, Moc, Moc.read), *given.pop("mocs", ())),
                **given,
            )
        except ValidationError as error:
            raise QueryError(explain(error)) from error


def _texts(given: str | Sequence[str] | None) -> list[str]:
    return [] if given is None else [given] if isinstance(given, str) else list(given)


def _several(given: Any, kind: type[R], read: Callable[[Any], R]) -> list[R]:  # noqa: ANN401 - one or several
    """Give regions, each as it is or as it was written."""
    one = given is None or isinstance(given, str | Path | kind)
    several = [g for g in [given] if g is not None] if one else list(given)
    return [each if isinstance(each, kind) else read(each) for each in several]


def _encoded(image: str | Path | bytes) -> bytes:
    import base64

    try:
        data = image if isinstance(image, bytes) else Path(image).read_bytes()
    except OSError as error:
        raise QueryError(f"cannot read the image {image!s}: {error.strerror}") from error
    return base64.b64encode(data)
