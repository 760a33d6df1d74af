"""The columns that every archive has, and what they mean."""

from __future__ import annotations

import pyarrow as pa

__all__ = ["ID", "MADE_LATER", "PIXEL", "POSITION", "VECTORS", "base_schema", "check_id_type"]

ID = "id"
PIXEL = "_healpix_29"
POSITION = ("ra", "dec")

VECTORS = ("vector", "image_vector")
"""Searchable columns, best first: the space shared with words, and the image encoder's own."""

MADE_LATER = (*VECTORS, "caption", "captions", "caption_vectors", "rank", "score")
"""Columns of steps, besides the measurements, and of answers; a catalogue's go by other names."""


def _described(name: str, kind: pa.DataType, description: str, unit: str = "") -> pa.Field:
    metadata = {"description": description} | ({"unit": unit} if unit else {})
    return pa.field(name, kind, metadata=metadata)


def check_id_type(kind: pa.DataType) -> pa.DataType:
    """Give ``string`` or ``int64`` for an id's type; raises TypeError for any other."""
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return pa.string()
    if pa.types.is_integer(kind):
        return pa.int64()
    raise TypeError(f"ids are strings or integers, not {kind}")


def base_schema(id_type: pa.DataType) -> pa.Schema:
    """Give the columns of an archive that has no catalogue columns yet."""
    return pa.schema(
        [
            _described(ID, check_id_type(id_type), "identifier, as given by the source"),
            _described("ra", pa.float64(), "right ascension (ICRS)", "deg"),
            _described("dec", pa.float64(), "declination (ICRS)", "deg"),
            _described(PIXEL, pa.int64(), "HEALPix cell, order 29, nested scheme"),
            _described("image", pa.binary(), "display image, encoded, 8-bit RGB"),
            _described("image_width", pa.int32(), "width of the display image", "pix"),
            _described("image_height", pa.int32(), "height of the display image", "pix"),
            _described("image_rendering", pa.string(), "how the display image was made"),
            _described("source", pa.string(), "where the object was ingested from"),
            _described("source_item", pa.string(), "its file, row or place in the source"),
        ]
    )
