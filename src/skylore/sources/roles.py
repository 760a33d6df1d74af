"""Which column of a table is the id, the image, the position and the vector."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass

import pyarrow as pa

from skylore.errors import SourceError
from skylore.sources.catalogue import catalogue_type, check_columns, list_columns
from skylore.sources.flux_types import is_flux_type
from skylore.sources.vectors import check_vector_type

__all__ = [
    "Roles",
    "choose_id",
    "choose_position",
    "choose_roles",
    "is_image_type",
    "why_no_position",
]

_IDS = (
    *("id", "object_id", "objid", "objectid", "obj_id", "source_id", "sourceid", "targetid"),
    *("dr8objid", "dr7objid", "dr8_id", "id_str", "galaxy_id", "galaxyid", "iauname", "iau_name"),
    *("ls_id", "hip", "designation", "name"),
)
_IMAGES = (
    *("image", "jpeg", "jpg", "png", "img", "image_bytes", "picture", "cutout", "thumbnail"),
    *("image_crop", "rgb_image", "rgb"),
)
_RA = ("ra", "target_ra", "ra_deg", "radeg", "raj2000", "ra_j2000", "alpha_j2000", "ra_icrs")
_DEC = ("dec", "target_dec", "dec_deg", "dedeg", "dej2000", "dec_j2000", "delta_j2000", "de_icrs")


@dataclass(frozen=True)
class Roles:
    """Columns with a meaning of their own; None where the table has no such column."""

    id: str
    image: str | None = None
    vector: str | None = None
    ra: str | None = None
    dec: str | None = None

    @property
    def used(self) -> tuple[str, ...]:
        """All columns that have a role."""
        return tuple(name for name in asdict(self).values() if name is not None)


def choose_roles(
    schema: pa.Schema,
    *,
    id_column: str | None,
    image_column: str | None,
    vector_column: str | None,
    ra_column: str | None,
    dec_column: str | None,
    images: bool = True,
) -> Roles:
    """Take the columns that were named, and guess the others by their usual names.

    Vectors are never guessed, because nothing in a table says which encoder made them; images are
    not looked for unless ``images``.

    Raises
    ------
    SourceError
        If a named column does not exist or has the wrong type, two columns have one name, or no
        id can be guessed.
    """
    _check_unique(schema)
    if vector_column is not None:
        check_columns(schema, [vector_column])
        check_vector_type(schema.field(vector_column).type, vector_column)
    identifier = choose_id(schema, id_column)
    ra, dec = choose_position(schema, ra_column, dec_column)
    image = _choose_image(schema, image_column) if images else None
    roles = Roles(id=identifier, image=image, vector=vector_column, ra=ra, dec=dec)
    twice = sorted({name for name in roles.used if roles.used.count(name) > 1})
    if twice:
        raise SourceError(f'Column "{twice[0]}" was given more than one role; give it one.')
    return roles


def _check_unique(schema: pa.Schema) -> None:
    twice = sorted({name for name in schema.names if schema.names.count(name) > 1})
    if twice:
        raise SourceError(f'There are several columns called "{twice[0]}"; rename all but one.')


def choose_id(schema: pa.Schema, named: str | None) -> str:
    """Choose the column of ids; SourceError says which there are if none will do."""
    if named is not None:
        check_columns(schema, [named])
        return named
    guess = _guess(schema, _IDS, _may_be_id)
    if guess is None:
        misfit = _guess(schema, _IDS, _is_anything)
        why = (
            "No column has the usual name of an id"
            if misfit is None
            else f'Column "{misfit}" has type {schema.field(misfit).type}, and ids are whole '
            "numbers or text"
        )
        raise SourceError(
            f"{why}; name one with --id, or id_column=. There are: {list_columns(schema)}."
        )
    return guess


def choose_position(
    schema: pa.Schema, ra_column: str | None, dec_column: str | None
) -> tuple[str, str] | tuple[None, None]:
    """Choose both columns of the position, in ICRS degrees, or neither."""
    if (ra_column is None) != (dec_column is None):
        raise SourceError("A position needs both ra_column= and dec_column=.")
    if ra_column is not None and dec_column is not None:
        check_columns(schema, [ra_column, dec_column])
        for name in (ra_column, dec_column):
            if not _is_number(schema.field(name).type):
                kind = schema.field(name).type
                raise SourceError(f'Column "{name}" has type {kind}; positions are degrees.')
        return ra_column, dec_column
    ra, dec = _guess(schema, _RA, _is_number), _guess(schema, _DEC, _is_number)
    return (ra, dec) if ra is not None and dec is not None else (None, None)


def why_no_position(schema: pa.Schema) -> str:
    """Say why no position was found among columns, of a source or as they were taken from it."""
    for usual in (_RA, _DEC):
        taken = (*usual, *(f"catalogue_{name}" for name in usual))
        found = _guess(schema, taken, lambda kind: not _is_number(kind))
        if found is not None:
            kind = schema.field(found).type
            name = found.removeprefix("catalogue_")
            return f'column "{name}" has type {kind}, and positions are numbers (ICRS degrees)'
    return "no columns have the usual names of a position; call them ra and dec (ICRS degrees)"


def _choose_image(schema: pa.Schema, named: str | None) -> str | None:
    if named is not None:
        check_columns(schema, [named])
        if not is_image_type(schema.field(named).type):
            raise SourceError(
                f'Column "{named}" has type {schema.field(named).type}; images are encoded files '
                "(binary), or structs of bytes and path."
            )
        return named
    guess = _guess(schema, _IMAGES, is_image_type)
    others = [field.name for field in schema if is_image_type(field.type)]
    if guess is None and len(others) > 1:
        raise SourceError(f"Name the images with image_column=; they may be {', '.join(others)}.")
    return guess if guess is not None or not others else others[0]


def _guess(
    schema: pa.Schema, usual: Iterable[str], fits: Callable[[pa.DataType], bool]
) -> str | None:
    fitting = {field.name.lower(): field.name for field in schema if fits(field.type)}
    # The exact spelling wins where names differ only in the case of letters.
    fitting |= {field.name: field.name for field in schema if fits(field.type)}
    return next((fitting[name] for name in usual if name in fitting), None)


def is_image_type(kind: pa.DataType) -> bool:
    """Whether a column may hold images: bytes, a struct of bytes and path, or nested flux."""
    if isinstance(kind, pa.BaseExtensionType):
        return is_image_type(kind.storage_type)
    if is_flux_type(kind):
        return True
    if pa.types.is_struct(kind):
        position = kind.get_field_index("bytes")
        return position >= 0 and is_image_type(kind.field(position).type)
    types = pa.types
    return bool(types.is_binary(kind) or types.is_large_binary(kind) or types.is_binary_view(kind))


def _is_anything(_: pa.DataType) -> bool:
    return True


def _is_number(kind: pa.DataType) -> bool:
    flat = catalogue_type(kind)
    return isinstance(flat, pa.DataType) and bool(
        pa.types.is_floating(flat) or pa.types.is_integer(flat)
    )


def _may_be_id(kind: pa.DataType) -> bool:
    flat = catalogue_type(kind)
    return isinstance(flat, pa.DataType) and bool(flat == pa.string() or pa.types.is_integer(flat))
