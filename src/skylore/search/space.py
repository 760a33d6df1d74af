"""The space in which a query is compared with objects, and the way of each term into it."""

from __future__ import annotations

from functools import cached_property
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

if TYPE_CHECKING:
    from skylore.alignment.model import Alignment
    from skylore.archive.table import Archive
    from skylore.encoders.base import ImageEncoder, TextEncoder
    from skylore.encoders.queries import QueryVectors

__all__ = ["Space", "open_space", "words_column"]

Vector = NDArray[np.float32]
QUESTIONS = "questions"
"""The folder of an archive that keeps the vectors of words asked before."""


class Space:
    """One vector column of an archive, and the models behind it, loaded when first needed."""

    def __init__(self, archive: Archive, column: str) -> None:
        self.column = column
        self.dimension = int(archive.schema.field(column).type.list_size)
        self._archive = archive

    @cached_property
    def alignment(self) -> Alignment:
        """The model that shares this space with words.

        Raises
        ------
        EncoderMismatchError
            The column was not made by an alignment.
        """
        from skylore.alignment.model import Alignment

        made = self._provenance(self.column)
        if self.column != "vector" or made.revision is None:
            raise EncoderMismatchError(
                f"{self._archive} has images but no words in its vectors yet: run `skylore align`, "
                "or search by image or object (--image, --like), or in the captions (--mode text)"
            )
        model = Alignment.load(self._archive.location.get_folder(f"models/{made.revision}"))
        if model.identity != made.revision:
            raise EncoderMismatchError(
                f"the model in models/{made.revision} is not the one that made the column "
                f"{self.column!r}; run `skylore align --overwrite`"
            )
        return model

    @cached_property
    def text_encoder(self) -> TextEncoder:
        """The text encoder of the alignment, or of the image-text model whose space this is."""
        from skylore.encoders.registry import load_text_encoder

        name, revision = self._text_encoder_used
        encoder = load_text_encoder(name)
        _same_revision(encoder.name, encoder.revision, revision)
        return encoder

    @cached_property
    def _text_encoder_used(self) -> tuple[str, str]:
        paired = None if self.column == "vector" else self._provenance(self.column).text_encoder
        if paired is not None:
            return paired
        named = self.alignment.config.text_encoder
        return named.name, named.revision

    @cached_property
    def _questions(self) -> QueryVectors:
        from skylore.encoders.queries import QueryVectors

        place = self._archive.location
        folder = place.folder / QUESTIONS if place.is_local else None
        return QueryVectors(self._text_encoder_used[1], lambda: self.text_encoder, folder)

    @cached_property
    def image_encoder(self) -> ImageEncoder:
        """The image encoder of the archive's image vectors."""
        from skylore.encoders.base import ImageEncoder
        from skylore.encoders.registry import load_encoder

        name, revision = self._image_encoder_used()
        if revision is None:
            raise EncoderMismatchError(
                "the vectors of this archive were given ready-made, so an image cannot be encoded "
                "like them; search by object (--like) or vector (--vector)"
            )
        encoder = load_encoder(name)
        if not isinstance(encoder, ImageEncoder):
            raise EncoderMismatchError(
                f"the images of this archive were encoded by {name} from their flux, which a "
                "display image is not; search by object (--like), or in words"
            )
        _same_revision(encoder.name, encoder.revision, revision)
        return encoder

    def _image_encoder_used(self) -> tuple[str, str | None]:
        if self.column == "vector":
            used = self.alignment.config.image_encoder
            return used.name, None if used.revision == "unknown" else used.revision
        made = self._provenance(self.column)
        return made.model or "given", made.revision

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
        encoded = self._questions.vector(text)
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
        near = self._archive.read([ID, "ra", "dec"], where=where)
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
    made = archive.columns[filled[0]].provenance
    return archive.cached(
        (filled[0], str(made and made.revision)), lambda: Space(archive, filled[0])
    )


def _typed(archive: Archive, identifier: str | int) -> str | int:
    """Give an id in the archive's type: ``--like 42`` finds the integer 42."""
    if not pa.types.is_integer(archive.schema.field(ID).type):
        return str(identifier)
    try:
        return int(identifier)
    except ValueError as error:
        raise QueryError(f"the ids of {archive} are integers; {identifier!r} is not") from error


def _same_revision(name: str, loaded: str, expected: str | None) -> None:
    if loaded != expected:
        raise EncoderMismatchError(
            f"the encoder {name} has revision {loaded[:12]} here, the archive was made with "
            f"{(expected or 'none')[:12]}; use the same version, or run `skylore embed --overwrite`"
        )
