"""An answer as a VOTable 1.4 with its query in INFO elements."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping

import numpy as np
from astropy.io.votable import from_table
from astropy.io.votable.tree import CooSys, Info
from astropy.table import Table

from skylore.archive.schema import POSITION
from skylore.search.astropy_table import deprecated_units

__all__ = ["to_votable"]

NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 cannot hold, not even escaped."""


WIDER = {"int8": "int16", "uint16": "int32", "uint32": "int64", "uint64": "int64"}
"""VOTable has no such types; the next wider one holds their values."""


def to_votable(table: Table) -> str:
    """Write a table as a VOTable; characters that XML cannot hold become ``\ufffd``.

    Positions refer to ICRS by a COOSYS element.
    """
    clean = Table(table, copy=True)
    clean.meta.clear()
    for name in clean.colnames:
        _prepare(clean, name)
    with deprecated_units():
        return _document(clean, table.meta)


def _document(clean: Table, meta: Mapping[str, object]) -> str:
    document = from_table(clean)
    resource, first = document.resources[0], document.get_first_table()
    resource.infos.extend(
        Info(name=name, value=NOT_XML.sub("\ufffd", str(value))) for name, value in meta.items()
    )
    resource.coordinate_systems.append(CooSys(ID="icrs", system="ICRS"))
    for field in first.fields:
        column = clean[field.name]
        if field.name in POSITION:
            field.ref = "icrs"
        if column.dtype.kind in "iu" and hasattr(column, "mask"):
            field.values.null = column.fill_value
    buffer = io.BytesIO()
    document.to_xml(buffer)
    return buffer.getvalue().decode()


def _prepare(table: Table, name: str) -> None:
    column = table[name]
    if column.dtype.kind == "U" and any(NOT_XML.search(str(v)) for v in column):
        for i, value in enumerate(np.ma.getdata(column)):
            if NOT_XML.search(str(value)):
                column[i] = NOT_XML.sub("\ufffd", str(value))
    if column.dtype.name in WIDER:
        table[name] = column.astype(WIDER[column.dtype.name])
