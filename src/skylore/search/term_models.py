"""The models that bring words and images into the space of a column."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from skylore.errors import EncoderMismatchError

if TYPE_CHECKING:
    from skylore.alignment.model import Alignment
    from skylore.archive.location import Location
    from skylore.archive.provenance import Provenance
    from skylore.encoders.base import ImageEncoder, TextEncoder
    from skylore.encoders.queries import QueryVectors

__all__ = ["TermModels"]

QUESTIONS = "questions"
"""The folder of an archive that keeps the vectors of words asked before."""


class TermModels:
    """The alignment and the encoders behind a column, each loaded when it is first needed.

    They are the same for all versions of an archive in which the column was made alike.

    Parameters
    ----------
    location
        Of the archive.
    column
        Its name.
    made
        How it came to be.
    """

    def __init__(self, location: Location, column: str, made: Provenance) -> None:
        self._location = location
        self._column = column
        self._made = made

    @cached_property
    def alignment(self) -> Alignment:
        """The model that shares this space with words.

        Raises
        ------
        EncoderMismatchError
            The column was not made by an alignment.
        """
        from skylore.alignment.model import Alignment

        made = self._made
        if self._column != "vector" or made.revision is None:
            raise EncoderMismatchError(
                f"{self._location} has images but no words in its vectors yet: run "
                "`skylore align`, or search by image or object (--image, --like), or in the "
                "captions (--mode text)"
            )
        model = Alignment.load(self._location.get_folder(f"models/{made.revision}"))
        if model.identity != made.revision:
            raise EncoderMismatchError(
                f"the model in models/{made.revision} is not the one that made the column "
                f"{self._column!r}; run `skylore align --overwrite`"
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
        paired = None if self._column == "vector" else self._made.text_encoder
        if paired is not None:
            return paired
        named = self.alignment.config.text_encoder
        return named.name, named.revision

    @cached_property
    def questions(self) -> QueryVectors:
        """The vectors of words asked before, and the encoder of those that were not."""
        from skylore.encoders.queries import QueryVectors

        place = self._location
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
        if self._column == "vector":
            used = self.alignment.config.image_encoder
            return used.name, None if used.revision == "unknown" else used.revision
        made = self._made
        return made.model or "given", made.revision


def _same_revision(name: str, loaded: str, expected: str | None) -> None:
    if loaded != expected:
        raise EncoderMismatchError(
            f"the encoder {name} has revision {loaded[:12]} here, the archive was made with "
            f"{(expected or 'none')[:12]}; use the same version, or run `skylore embed --overwrite`"
        )
