"""Files of rows as a source: images, vectors, positions and catalogue columns."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import ClassVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from skylore.errors import SourceError
from skylore.imaging.render import Rendering
from skylore.sources.base import SourceBatch
from skylore.sources.batching import check_wanted, regroup
from skylore.sources.catalogue import plan_catalogue
from skylore.sources.flux_columns import draw_column
from skylore.sources.flux_types import is_flux_type
from skylore.sources.ids import as_ids, join_ids
from skylore.sources.remarks import about_columns
from skylore.sources.roles import choose_roles
from skylore.sources.row_files import Piece, RowFiles
from skylore.sources.rows import RowReader
from skylore.sources.vectors import check_vector_type, vector_dimension
from skylore.sources.walk import printable

__all__ = ["RowSource"]

_ITEM = "\0source_item"  # no column that can be kept has this name
_ID_ROWS = 1 << 16
_LOOK_AHEAD = 4096
_FLUX_ROWS = 64
"""Rows of flux in memory at a time: pictures are far smaller, and only they are held longer."""
_ROWS_WITHOUT_IMAGES = 1 << 15
_ROWS_OF_FLUX = 256


class RowSource(ABC):
    """Rows of one file, or of all files below a folder.

    Rows are streamed: memory holds about one batch, or of flux a few images, and :meth:`ids` reads
    the column of ids alone. Columns that are not named are guessed by their usual names (``id``,
    ``object_id``, ``image``, ``ra``, ``TARGET_RA``, …). See
    :func:`skylore.sources.catalogue.catalogue_name` for the names of the other columns, and
    :func:`skylore.sources.positions.clean_positions` for what counts as a position.

    Parameters
    ----------
    path
        The file or folder; a folder's files may differ in their columns, not in their types.
    id_column, image_column, ra_column, dec_column
        Columns with a meaning of their own. Images are encoded files as binary, Hugging Face
        structs of ``bytes`` and ``path``, or flux in bands. Positions are ICRS degrees.
    vector_column
        Ready-made image vectors: lists of floats of one length; never guessed.
    columns
        The only catalogue columns to keep; all flat ones if None.
    rendering
        How flux is drawn. If None, the bands of each image are drawn, the reddest as red, with
        the sky and the stretch taken from each image. Give one to draw all on one scale.
    keep_flux
        Keep the flux too, in the columns of :mod:`skylore.imaging.flux`, for encoders that read
        it: 0.4 MB for four bands of 160 × 160.

    Attributes
    ----------
    renamed, left_out
        Catalogue columns under another name, and columns that were not taken, with the reason.
    positions_refused
        How many rows read so far have a position outside the sky; they are kept without one.

    Raises
    ------
    SourceError
        If the files cannot be read, or a column is missing or has the wrong type.
    """

    kind: ClassVar[str]

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        id_column: str | None = None,
        image_column: str | None = None,
        vector_column: str | None = None,
        ra_column: str | None = None,
        dec_column: str | None = None,
        columns: Sequence[str] | None = None,
        rendering: Rendering | None = None,
        keep_flux: bool = False,
    ) -> None:
        self._path = Path(path)
        self._files = self._open(self._path)
        if ra_column is None and dec_column is None:
            ra_column, dec_column = self._usual_position()
        schema = self._files.schema
        self._roles = choose_roles(
            schema,
            id_column=id_column,
            image_column=image_column,
            vector_column=vector_column,
            ra_column=ra_column,
            dec_column=dec_column,
        )
        self._columns = None if columns is None else list(columns)
        self._rendering = rendering
        self._keep_flux = keep_flux
        self._plan = plan_catalogue(schema, self._roles.used, columns)
        self.renamed: Mapping[str, str] = self._plan.renamed
        self.left_out: Mapping[str, str] = self._plan.left_out
        self.positions_refused = 0

    @abstractmethod
    def _open(self, path: Path) -> RowFiles:
        """Open the files."""

    def _usual_position(self) -> tuple[str, str] | tuple[None, None]:
        """Name the columns of the position, where the files themselves say so."""
        return None, None

    @property
    def name(self) -> str:
        """The path as it was given."""
        return printable(self._path)

    @property
    def settings(self) -> Mapping[str, object]:
        """The kind of source, the columns with a role, and the only others to keep."""
        roles = {f"{role}_column": column for role, column in asdict(self._roles).items()}
        settings = {"kind": self.kind, **roles, "columns": self._columns}
        if self._has_flux:
            drawn = None if self._rendering is None else self._rendering.model_dump(mode="json")
            settings |= {"rendering": drawn, "keep_flux": self._keep_flux}
        return settings

    @property
    def remarks(self) -> list[str]:
        """What to tell the user."""
        return about_columns(self.renamed, self.left_out, self.positions_refused)

    @property
    def rows_a_batch(self) -> int | None:
        """Many where there are no images, since each batch is a commit; few where flux is kept."""
        if self._roles.image is None:
            return _ROWS_WITHOUT_IMAGES
        return _ROWS_OF_FLUX if self._keep_flux and self._has_flux else None

    @property
    def _has_flux(self) -> bool:
        image = self._roles.image
        return image is not None and is_flux_type(self._files.schema.field(image).type)

    def ids(self) -> pa.Array:
        """All ids, strings or int64, file after file.

        Raises
        ------
        SourceError
            If ids are missing, or are neither whole numbers within int64 nor text.
        """
        name = self._roles.id
        pieces = self._files.scan([name], _ID_ROWS)
        chunks = [chunk for piece in pieces for chunk in piece.table[name].chunks]
        return join_ids(as_ids(pa.chunked_array(chunks, self._files.schema.field(name).type), name))

    def batches(self, wanted: NDArray[np.bool_], rows: int) -> Iterator[SourceBatch]:
        """Read the wanted rows; parts of files without one are not read."""
        check_wanted(wanted, sum(self._files.counts), rows)
        self.positions_refused = 0
        reader = RowReader(self._roles, self._plan, self._vector_type())
        for table in regroup(self._wanted_rows(wanted, rows), rows):
            batch, refused = reader.read(table.drop_columns([_ITEM]), table[_ITEM])
            self.positions_refused += refused
            yield batch

    def _wanted_rows(self, wanted: NDArray[np.bool_], rows: int) -> Iterator[pa.Table]:
        columns = [*self._roles.used, *(column.source for column in self._plan.columns)]
        at_once = min(rows, _FLUX_ROWS) if self._has_flux else rows
        for piece in self._files.scan(columns, at_once, wanted):
            kept = np.flatnonzero(wanted[piece.start : piece.start + piece.table.num_rows])
            if len(kept):
                yield self._with_pictures(_with_items(piece, kept))

    def _with_pictures(self, table: pa.Table) -> pa.Table:
        image = self._roles.image
        if image is None or not self._has_flux:
            return table
        drawn = draw_column(table[image], self._rendering, keep_flux=self._keep_flux)
        return table.set_column(table.column_names.index(image), image, drawn)

    def _vector_type(self) -> pa.DataType | None:
        name = self._roles.vector
        if name is None:
            return None
        element = check_vector_type(self._files.schema.field(name).type, name)
        for piece in self._files.scan([name], _LOOK_AHEAD):
            dimension = vector_dimension(piece.table[name])
            if dimension is not None:
                return pa.list_(element, dimension)
        raise SourceError(f'Column "{name}" holds no vector at all.')


def _with_items(piece: Piece, kept: NDArray[np.int64]) -> pa.Table:
    items = pa.array([f"{piece.file}:{piece.first + row}" for row in kept], pa.string())
    return piece.table.take(pa.array(kept)).append_column(_ITEM, items)
