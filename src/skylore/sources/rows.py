"""Turning rows of a table into the objects of a batch."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from skylore.errors import ImageError, SourceError
from skylore.imaging.flux import flux_schema
from skylore.sources.base import Failure, SourceBatch
from skylore.sources.catalogue import CataloguePlan, convert, take_catalogue
from skylore.sources.flux_columns import DRAWN, DRAWN_AND_KEPT
from skylore.sources.ids import as_ids
from skylore.sources.positions import read_positions
from skylore.sources.roles import Roles
from skylore.sources.vectors import read_vectors

__all__ = ["RowReader"]


@dataclass(frozen=True)
class RowReader:
    """Reads rows by the roles of their columns.

    Attributes
    ----------
    roles
        The columns with a meaning of their own.
    plan
        The catalogue columns.
    vector_type
        The fixed-size list that vectors are read as; needed where there are vectors.
    """

    roles: Roles
    plan: CataloguePlan
    vector_type: pa.DataType | None = None

    def read(self, table: pa.Table, items: pa.ChunkedArray) -> tuple[SourceBatch, int]:
        """Read a batch.

        Parameters
        ----------
        table
            ``N`` rows with all columns of the roles and the plan.
        items
            ``N`` strings for ``source_item``.

        Returns
        -------
        batch
            The objects, and those whose image or vector cannot be used.
        refused
            How many positions are not on the sky.
        """
        ids = as_ids(table[self.roles.id], self.roles.id)
        columns: dict[str, pa.Array | pa.ChunkedArray] = {"id": ids}
        faults: dict[int, SourceError] = {}
        refused = 0
        if self.roles.ra is not None and self.roles.dec is not None:
            position, refused = read_positions(table, self.roles.ra, self.roles.dec)
            columns |= position
        if self.roles.image is not None:
            images, faults = _read_images(table[self.roles.image], self.roles.image)
            columns |= images
        if self.roles.vector is not None and self.vector_type is not None:
            vectors = table[self.roles.vector]
            columns["image_vector"] = _read_vectors(vectors, self.vector_type, faults)
        columns["source_item"] = items
        columns |= take_catalogue(table, self.plan)
        return _without(pa.table(columns), faults), refused


def _read_vectors(
    column: pa.ChunkedArray, kind: pa.DataType, faults: dict[int, SourceError]
) -> pa.FixedSizeListArray:
    vectors, reasons = read_vectors(column, kind.list_size, kind.value_type)
    for row, reason in reasons.items():
        faults.setdefault(row, SourceError(f"The object cannot be read: {reason}."))
    return vectors


def _read_images(
    column: pa.ChunkedArray, name: str
) -> tuple[dict[str, pa.ChunkedArray], dict[int, SourceError]]:
    if isinstance(column.type, pa.BaseExtensionType):
        column = convert(column, column.type.storage_type, name)
    if not pa.types.is_struct(column.type):
        return {"image": convert(column, pa.binary(), name)}, {}
    images = {"image": convert(pc.struct_field(column, "bytes"), pa.binary(), name)}
    if column.type in (DRAWN, DRAWN_AND_KEPT):
        images["image_rendering"] = pc.struct_field(column, "rendering")
        kept = [field.name for field in column.type if field.name in flux_schema().names]
        images |= {name: pc.struct_field(column, name) for name in kept}
        return images, _drawing_faults(pc.struct_field(column, "fault"))
    if column.type.get_field_index("path") < 0:
        return images, {}
    return images, _outside(images["image"], pc.struct_field(column, "path"))


def _drawing_faults(reasons: pa.ChunkedArray) -> dict[int, SourceError]:
    rows = pc.indices_nonzero(pc.is_valid(reasons)).to_pylist()
    return {row: ImageError(f"The image cannot be drawn: {reasons[row].as_py()}") for row in rows}


def _outside(images: pa.ChunkedArray, paths: pa.ChunkedArray) -> dict[int, SourceError]:
    rows = pc.indices_nonzero(pc.and_(pc.is_null(images), pc.is_valid(paths))).to_pylist()
    return {
        row: ImageError(
            f"The image is not in the table but in a file of its own, {paths[row].as_py()}; "
            "embed the images, or ingest their folder."
        )
        for row in rows
    }


def _without(table: pa.Table, faults: dict[int, SourceError]) -> SourceBatch:
    if not faults:
        return SourceBatch(table)
    failures = tuple(Failure(table["id"][row].as_py(), faults[row]) for row in sorted(faults))
    kept = [row for row in range(table.num_rows) if row not in faults]
    return SourceBatch(table.take(pa.array(kept, pa.int64())), failures)
