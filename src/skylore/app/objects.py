"""What is known of one object, and of the archive as a whole."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from skylore.app.failures import NotFoundError
from skylore.archive.info import sources_of
from skylore.archive.schema import ID
from skylore.archive.sky import separation
from skylore.archive.staging import ROW
from skylore.search.filters import predicate_for
from skylore.search.flatten import is_vector
from skylore.search.masks.service import rows_matching
from skylore.search.query import Cone, Query
from skylore.search.space import words_column

if TYPE_CHECKING:
    from skylore.archive.columns import Column
    from skylore.archive.table import Archive

__all__ = ["Neighbour", "image_of", "info_of", "known_words", "neighbours_of", "object_of"]

NEAREST = 12


@dataclass(frozen=True)
class Neighbour:
    """Another object, and how far away on the sky it is."""

    id: str | int
    arcsec: float


def typed_id(archive: Archive, text: str) -> str | int:
    """Give an id from a URL in the archive's type; raises NotFoundError where it cannot be one."""
    if not pa.types.is_integer(archive.schema.field(ID).type):
        return text
    try:
        number = int(text)
    except ValueError:
        number = None
    if number is None or str(number) != text or not -(2**63) <= number < 2**63:
        raise NotFoundError(f"no object {text[:100]!r}: the ids of this archive are integers")
    return number


def _row(archive: Archive, text: str) -> pa.ChunkedArray:
    found = archive.rows_of([typed_id(archive, text)])
    if found.num_rows == 0:
        raise NotFoundError(f"no object {text[:100]!r} in this archive")
    return found[ROW]


def object_of(archive: Archive, text: str) -> dict[str, Any]:
    """Give all columns of an object but images and vectors; times and the like as text.

    Raises
    ------
    NotFoundError
        There is no such object.
    """
    names = [f.name for f in archive.schema if f.name != "image" and not _holds_vectors(f.type)]
    values: dict[str, Any] = archive.take(_row(archive, text), names).to_pylist()[0]
    values.pop(ROW)
    return {name: _plain(value) for name, value in values.items()}


def _holds_vectors(kind: pa.DataType) -> bool:
    """Whether a value is a vector or a list of vectors."""
    types = pa.types
    if is_vector(kind):
        return True
    is_list = types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)
    return bool(is_list and _holds_vectors(kind.value_type))


def _plain(value: object) -> object:
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    simple = value is None or isinstance(value, str | int | float | bool | list | dict)
    return value if simple else str(value)


def image_of(archive: Archive, text: str) -> bytes:
    """Give the display image of an object; raises NotFoundError where there is none."""
    data = archive.take(_row(archive, text), ["image"])["image"][0].as_py()
    if data is None:
        raise NotFoundError(f"the object {text[:100]!r} has no image")
    image: bytes = data
    return image


def neighbours_of(archive: Archive, known: dict[str, Any], arcsec: float) -> list[Neighbour]:
    """Give the nearest objects on the sky within a radius, nearest first."""
    ra, dec = known.get("ra"), known.get("dec")
    if ra is None or dec is None:
        return []
    cone = Cone(ra=ra % 360, dec=dec, radius=arcsec / 3600)
    where = predicate_for(Query(cones=(cone,)), archive.schema) or ""
    near = archive.take(pa.array(rows_matching(archive, where)), [ID, "ra", "dec"])
    apart = 3600 * separation(near["ra"].to_numpy(), near["dec"].to_numpy(), ra, dec)
    order = np.argsort(apart, kind="stable")
    ids = near[ID].to_pylist()
    found = [Neighbour(ids[i], float(apart[i])) for i in order if ids[i] != known[ID]]
    return found[:NEAREST]


def known_words(archive: Archive) -> bool:
    """Whether the archive can be searched in words."""
    return any(
        name in archive.schema.names and archive.filled(name) > 0
        for name in (words_column(archive) or "vector", "captions", "caption")
    )


def info_of(archive: Archive) -> dict[str, Any]:
    """Give number of objects, version, sources, columns with provenance, and rows set aside."""
    return {
        "archive": str(archive).rstrip("/").rsplit("/", 1)[-1],
        "version": archive.version,
        "objects": len(archive),
        "sources": archive.cached_for_version("sources", lambda: sources_of(archive)),
        "columns": [_column(archive, column) for column in archive.columns.values()],
        "set_aside": dict(Counter(archive.quarantine.read()["step"].to_pylist())),
    }


def _column(archive: Archive, column: Column) -> dict[str, Any]:
    made = column.provenance
    return {
        "name": column.name,
        "type": str(column.type),
        "unit": column.unit,
        "description": column.description,
        "filled": archive.filled(column.name),
        "provenance": made.model_dump(mode="json") if made else None,
    }
