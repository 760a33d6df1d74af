"""The query in a URL: plain parameters for what people ask, JSON for all else."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Annotated, Any, Self
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from skylore.app.uploads import digest_of
from skylore.errors import QueryError
from skylore.explaining import explain
from skylore.search.query import (
    Cone,
    ImageTerm,
    Mode,
    ObjectTerm,
    Query,
    TextTerm,
)
from skylore.search.reranking.request import RerankRequest

__all__ = ["SearchParameters", "parameters_of", "url_query"]

Texts = Annotated[tuple[str, ...], Field(max_length=32)]
MINUS = -0.5


class SearchParameters(BaseModel):
    """A search as URL parameters. Empty values count as not given."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    q: Texts = Field((), description="Words that hits look like; may be repeated.")
    minus: Texts = Field((), description="Words that hits do not look like; may be repeated.")
    like: Texts = Field((), description="Id of an object that hits look like; may be repeated.")
    image: Texts = Field((), description="Digest of an uploaded image, as /upload gives it.")
    cone: Texts = Field((), description='"RA DEC RADIUS" in degrees; several are joined by OR.')
    where: str | None = Field(None, description="An SQL predicate over the columns.")
    sort: str | None = Field(
        None, description='The column that a listing is ordered by: "mag", or "mag desc".'
    )
    mode: Mode | None = Field(None, description="vector, text (captions) or hybrid.")
    k: int | None = Field(None, description="How many hits; 20 if not given.")
    offset: int | None = Field(None, description="Hits to skip.")
    columns: Texts = Field((), description="Columns to return; may be repeated.")
    exact: bool | None = Field(None, description="True never uses an index.")
    recall: float | None = Field(
        None, gt=0, le=1, description="Share of the exact answer's hits to be found: 0.95."
    )
    version: int | None = Field(
        None,
        gt=0,
        description="The version of the archive to answer on, as an earlier answer tells it, so "
        "that pages fit each other while objects are added; the latest if not given.",
    )
    rerank: int | None = Field(
        None,
        description="How many of the first hits a model is to look at. It costs money, so it is "
        "POSTed; the page of a search only offers it.",
    )
    query: str | None = Field(
        None, description="The whole query as JSON, instead of all parameters but rerank, version."
    )

    @classmethod
    def read(cls, items: Iterable[tuple[str, str]]) -> Self:
        """Read the parameters of a URL or form.

        Raises
        ------
        QueryError
            One is unknown, is repeated and may not be, or has a wrong value.
        """
        given: dict[str, list[str]] = {}
        for name, text in items:
            if name not in cls.model_fields:
                known = ", ".join(cls.model_fields)
                raise QueryError(f"unknown parameter {name!r}; there are {known}")
            if text.strip():
                given.setdefault(name, []).append(text)
        values: dict[str, Any] = dict(given)
        for name, texts in given.items():
            if name not in LISTS:
                if len(texts) > 1:
                    raise QueryError(f"the parameter {name!r} is given more than once")
                values[name] = texts[0]
        try:
            return cls(**values)
        except ValidationError as error:
            raise QueryError(explain(error)) from error

    def to_query(self, find_image: Callable[[str], bytes]) -> Query:
        """Give the query, with images found by their digests.

        Raises
        ------
        QueryError
            It is not valid, or an uploaded image is no longer there.
        """
        try:
            if self.query is not None:
                if self.model_fields_set - {"rerank", "version"} != {"query"}:
                    raise QueryError("give the parameter 'query' alone, or the others without it")
                whole = Query.model_validate_json(self.query)
                return whole.model_copy(update=self._request()) if self.rerank else whole
            return Query(
                terms=(
                    *(TextTerm(text=text) for text in self.q),
                    *(_image_term(find_image(digest)) for digest in self.image),
                    *(ObjectTerm(id=name) for name in self.like),
                    *(TextTerm(text=text, weight=MINUS) for text in self.minus),
                ),
                cones=tuple(Cone.parse(text) for text in self.cone),
                **self._fields(),
                **self._request(),
            )
        except ValidationError as error:
            raise QueryError(explain(error)) from error

    def _request(self) -> dict[str, Any]:
        return {} if self.rerank is None else {"rerank": RerankRequest(candidates=self.rerank)}

    def _fields(self) -> dict[str, Any]:
        plain = ("where", "sort", "mode", "k", "offset", "exact", "recall")
        fields = {name: getattr(self, name) for name in plain}
        given = {name: value for name, value in fields.items() if value is not None}
        return given | ({"columns": self.columns} if self.columns else {})

    def pairs(self) -> list[tuple[str, str]]:
        """Give name and text of all that is set, in a fixed order."""
        found: list[tuple[str, str]] = []
        for name in type(self).model_fields:
            value = getattr(self, name)
            for each in value if isinstance(value, tuple) else (value,):
                if each is not None:
                    text = str(each).lower() if isinstance(each, bool) else str(each)
                    found.append((name, text))
        return found


LISTS = frozenset(
    name for name, field in SearchParameters.model_fields.items() if field.default == ()
)


def _image_term(data: bytes) -> ImageTerm:
    import base64

    return ImageTerm(data=base64.b64encode(data))


def parameters_of(query: Query) -> SearchParameters:
    """Give the parameters of a query: plain ones where they say it all, else its JSON."""
    changed = {
        name: value
        for name, value in (
            ("k", query.k),
            ("offset", query.offset),
            ("mode", query.mode),
            ("where", query.where),
            ("sort", query.sort and str(query.sort)),
            ("columns", query.columns),
            ("exact", query.exact),
            ("recall", query.recall),
            ("rerank", query.rerank.candidates if query.rerank else None),
        )
        if value != Query.model_fields[name].default
    }
    plain = SearchParameters(
        q=tuple(t.text for t in query.terms if isinstance(t, TextTerm) and t.weight > 0),
        minus=tuple(t.text for t in query.terms if isinstance(t, TextTerm) and t.weight < 0),
        like=tuple(str(t.id) for t in query.terms if isinstance(t, ObjectTerm)),
        image=tuple(digest_of(t.data) for t in query.terms if isinstance(t, ImageTerm)),
        cone=tuple(f"{c.ra!r} {c.dec!r} {c.radius!r}" for c in query.cones),
        **changed,
    )
    return plain if _says(plain, query) else SearchParameters(query=query.model_dump_json())


def _says(parameters: SearchParameters, query: Query) -> bool:
    """Whether reading the parameters back gives the query."""
    images = {digest_of(t.data): t.data for t in query.terms if isinstance(t, ImageTerm)}
    try:
        read = SearchParameters.read(parameters.pairs())
        return read.to_query(images.__getitem__) == query
    except QueryError:
        return False


def url_query(query: Query, **changes: object) -> str:
    """Give the query string of a query, with some of its fields changed."""
    changed = query.model_copy(update=changes) if changes else query
    return urlencode(parameters_of(changed).pairs())
