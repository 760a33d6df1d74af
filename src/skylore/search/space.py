"""The space in which a query is compared with objects, and the way of each term into it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from skylore.archive.provenance import Provenance
from skylore.archive.schema import ID, VECTORS
from skylore.archive.sky import separation
from skylore.archive.staging import ROW
from skylore.errors import ColumnError, EncoderMismatchError, QueryError
from skylore.imaging.decode import decode
from skylore.search.filters import predicate_for
from skylore.search.masks.service import rows_matching
from skylore.search.query import (
    Cone,
    ImageTerm,
    ObjectTerm,
    PositionTerm,
    Query,
    Term,
    TextTerm,
    VectorTerm,
)
from skylore.search.term_models import TermModels

if TYPE_CHECKING:
    from skylore.alignment.model import Alignment
    from skylore.archive.table import Archive
    from skylore.encoders.base import ImageEncoder, TextEncoder

__all__ = ["Space", "open_space", "words_column"]

Vector = NDArray[np.float32]


class Space:
    """One vector column of an archive, and the models behind it, loaded when first needed."""

    def __init__(self, archive: Archive, column: str) -> None:
        self.column = column
        self.dimension = int(archive.schema.field(column).type.list_size)
        self._archive = archive

    @property
    def _models(self) -> TermModels:
        made = self._provenance(self.column)
        key = ("models", self.column, made.model_dump_json())
        return self._archive.cached(
            key, lambda: TermModels(self._archive.location, self.column, made)
        )

    @property
    def alignment(self) -> Alignment:
        """The model that shares this space with words.

        Raises
        ------
        EncoderMismatchError
            The column was not made by an alignment.
        """
        return self._models.alignment

    @property
    def text_encoder(self) -> TextEncoder:
        """The text encoder of the alignment, or of the image-text model whose space this is."""
        return self._models.text_encoder

    @property
    def image_encoder(self) -> ImageEncoder:
        """The image encoder of the archive's image vectors."""
        return self._models.image_encoder

    def vector_of(self, terms: tuple[Term, ...]) -> Vector:
        """Give the weighted sum of the terms' unit vectors, of unit length.

        Raises
        ------
        QueryError
            A term cannot be brought into this space, or the terms cancel.
        """
        total = np.zeros(self.dimension, np.float64)
        for term in terms:
            total += term.weight * self._unit(term)
        length = np.linalg.norm(total)
        if length < 1e-6:
            raise QueryError("the terms of the query cancel each other; change their weights")
        return (total / length).astype(np.float32)

    def _unit(self, term: Term) -> NDArray[np.float64]:
        vector = np.asarray(self._vector(term), np.float64)
        length = np.linalg.norm(vector)
        if not np.isfinite(length) or length == 0:
            raise QueryError(f"the vector of the {term.kind} term has no direction")
        return vector / length

    def _vector(self, term: Term) -> Vector:
        if isinstance(term, TextTerm):
            return self._text(term.text)
        if isinstance(term, ImageTerm):
            return self._image(term.data)
        if isinstance(term, ObjectTerm):
            return self._object(term.id)
        if isinstance(term, PositionTerm):
            return self._object(self.nearest(term))
        return self._given(term)

    def _text(self, text: str) -> Vector:
        encoded = self._models.questions.vector(text)
        if self.column == "vector":
            encoded = self.alignment.encode_text_vectors(encoded[None])[0]
        return encoded

    def _image(self, data: bytes) -> Vector:
        encoded = self.image_encoder.encode([decode(data)])
        if self.column == "vector":
            encoded = self.alignment.encode_image_vectors(encoded)
        vector: Vector = encoded[0]
        return vector

    def examples(self, terms: tuple[Term, ...]) -> list[int]:
        """Give the row ids of the objects that the terms name."""
        ids = [t.id for t in terms if isinstance(t, ObjectTerm)]
        ids += [self.nearest(t) for t in terms if isinstance(t, PositionTerm)]
        return [row for name in ids for row in self._row(name).to_pylist()]

    def _row(self, identifier: str | int) -> pa.ChunkedArray:
        row = self._archive.rows_of([_typed(self._archive, identifier)])[ROW]
        if len(row) == 0:
            raise QueryError(f"no object {identifier!r} in {self._archive}")
        return row

    def _object(self, identifier: str | int) -> Vector:
        value = self._archive.take(self._row(identifier), [self.column])[self.column][0]
        if not value.is_valid:
            raise QueryError(
                f"the object {identifier!r} has no {self.column}; run `skylore build`, or see "
                "`skylore info` for why it was set aside"
            )
        return np.asarray(value.values, np.float32)

    def _given(self, term: VectorTerm) -> Vector:
        if len(term.values) != self.dimension:
            raise EncoderMismatchError(
                f"the vector has {len(term.values)} dimensions, the column {self.column!r} has "
                f"{self.dimension}"
            )
        return np.asarray(term.values, np.float32)

    def nearest(self, term: PositionTerm) -> str | int:
        """Find the object nearest to a position.

        Raises
        ------
        QueryError
            None lies within the term's radius.
        """
        cone = Cone(ra=term.ra, dec=term.dec, radius=term.radius)
        where = predicate_for(Query(cones=(cone,)), self._archive.schema)
        rows = rows_matching(self._archive, where or "")
        near = self._archive.take(pa.array(rows), [ID, "ra", "dec"])
        if near.num_rows == 0:
            raise QueryError(
                f"no object within {term.radius * 3600:g} arcsec of {term.ra}, {term.dec}"
            )
        ra, dec = near["ra"].to_numpy(), near["dec"].to_numpy()
        best = int(np.argmin(separation(ra, dec, term.ra, term.dec)))
        found: str | int = near[ID][best].as_py()
        return found

    def _provenance(self, column: str) -> Provenance:
        if column not in self._archive.schema.names:
            raise ColumnError(f"{self._archive} has no column {column!r}; run `skylore embed`")
        made = self._archive.columns[column].provenance
        if made is None:
            raise EncoderMismatchError(
                f"nothing is known of how the column {column!r} was made, so nothing can be "
                "compared with it"
            )
        return made


def words_column(archive: Archive) -> str | None:
    """Name the column whose space is shared with words; None if there is none.

    It is ``vector``, made by an alignment, or else the images' own vectors, where a model such as
    CLIP made them, which encodes texts too.
    """
    for name in VECTORS:
        if name in archive.schema.names:
            made = archive.columns[name].provenance
            if name == "vector" or (made is not None and made.text_encoder is not None):
                return name
    return None


def open_space(archive: Archive, query: Query) -> Space:
    """Choose the column to search: shared with words if there is one, else the images' own.

    A query by vector alone takes the first column of its length.
    """
    there = [name for name in VECTORS if name in archive.schema.names]
    given = [len(t.values) for t in query.terms if isinstance(t, VectorTerm)]
    if given and len(given) == len(query.terms):
        fitting = [n for n in there if archive.schema.field(n).type.list_size == given[0]]
        there = fitting or there
    filled = [name for name in there if archive.filled(name) > 0]
    if not filled:
        raise ColumnError(
            f"{archive} has no vectors yet; run `skylore embed`, then `skylore align` to search in "
            "words, or search the captions with --mode text"
        )
    return Space(archive, filled[0])


def _typed(archive: Archive, identifier: str | int) -> str | int:
    """Give an id in the archive's type: ``--like 42`` finds the integer 42."""
    if not pa.types.is_integer(archive.schema.field(ID).type):
        return str(identifier)
    try:
        return int(identifier)
    except ValueError as error:
        raise QueryError(f"the ids of {archive} are integers; {identifier!r} is not") from error
