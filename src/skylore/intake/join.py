"""Joining a catalogue to the objects of an archive by id."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from skylore.archive.membership import known_ids
from skylore.archive.provenance import Provenance, with_provenance
from skylore.archive.schema import ID, PIXEL, POSITION
from skylore.archive.sky import cells_of
from skylore.archive.staging import ROW
from skylore.errors import ColumnError, SourceError

if TYPE_CHECKING:
    from skylore.archive.table import Archive

__all__ = ["JoinReport", "join_catalogue"]


@dataclass(frozen=True)
class JoinReport:
    """What was joined.

    Attributes
    ----------
    columns, joined, unmatched
        The columns, the objects that got values, and the catalogue's rows without an object.
    remarks
        What the catalogue renamed, left out or did not understand.
    """

    columns: tuple[str, ...]
    joined: int
    unmatched: int
    remarks: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Say it in one line, and a line a remark."""
        rest = f"; {self.unmatched} rows match no object" if self.unmatched else ""
        line = f"join: {', '.join(self.columns)} for {self.joined} objects{rest}"
        return "\n".join([line, *(f"note: {remark}" for remark in self.remarks)])


def join_catalogue(archive: Archive, catalogue: pa.Table, source: str) -> JoinReport:
    """Write the columns of a catalogue to the objects of the same ids, in one commit.

    Parameters
    ----------
    archive
        The archive.
    catalogue
        ``id``, unique, and other columns.
    source
        What the provenance of the new columns says.

    Raises
    ------
    SourceError
        Ids are of another type than the archive's, or none matches.
    ColumnError
        A column is there already with another type, or from elsewhere.
    """
    kind = archive.schema.field(ID).type
    if catalogue[ID].type != kind:
        raise SourceError(
            f"{source} has ids of type {catalogue[ID].type}, {archive} of type {kind}; they cannot "
            "be compared"
        )
    with archive.lock("ingest"):
        archive.refresh()
        catalogue = _with_positions_apart(archive, catalogue)
        names = tuple(name for name in catalogue.column_names if name != ID)
        if not names:
            raise SourceError(f"{source} has no column with a value to add, besides its ids")
        found = _found(archive, catalogue)
        if found.num_rows == 0:
            raise SourceError(f"no id of {source} is in {archive}; is {ID!r} the right column?")
        _make_room(archive, catalogue, names, source)
        archive.write(found)
    return JoinReport(names, found.num_rows, catalogue.num_rows - found.num_rows)


def _found(archive: Archive, catalogue: pa.Table) -> pa.Table:
    """Give the rows of the catalogue that are objects of the archive, with their row ids.

    Takes 32 bytes a row of the catalogue besides the answer, and nothing a row of the archive.
    """
    places, rows = [np.empty(0, np.int64)], [np.empty(0, np.uint64)]
    for place, known in known_ids(archive, catalogue[ID].combine_chunks(), [ROW]):
        places.append(place)
        rows.append(known[ROW].to_numpy())
    values = catalogue.drop_columns([ID]).take(pa.array(np.concatenate(places)))
    return values.append_column(ROW, pa.array(np.concatenate(rows)))


def _with_positions_apart(archive: Archive, catalogue: pa.Table) -> pa.Table:
    """Take positions for an archive that has none; else keep them under names of their own."""
    if not set(POSITION) <= set(catalogue.column_names):
        return catalogue
    if archive.filled(PIXEL) == 0:
        return catalogue.append_column(PIXEL, cells_of(catalogue))
    return catalogue.rename_columns({name: f"catalogue_{name}" for name in POSITION})


def _make_room(archive: Archive, catalogue: pa.Table, names: tuple[str, ...], source: str) -> None:
    provenance = Provenance(step="ingest", parameters={"source": source})
    for name in names:
        if name not in archive.schema.names:
            archive.add_columns([with_provenance(catalogue.schema.field(name), provenance)])
            continue
        there, given = archive.schema.field(name), catalogue.schema.field(name)
        made = archive.columns[name].provenance
        if there.type != given.type:
            raise ColumnError(
                f"the column {name!r} of {source} is {given.type}, in {archive} it is "
                f"{there.type}; rename it in the catalogue"
            )
        if made is not None and made.parameters.get("source") != source:
            raise ColumnError(
                f"{archive} has a column {name!r} already, from {made}; rename it in the catalogue"
            )
