"""Reading HDF5 files in pieces, as rows of Arrow tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from skylore.errors import SourceError
from skylore.imaging.decode import encode_png
from skylore.sources.hdf5_layout import Column, Layout, read_layout
from skylore.sources.row_files import Piece, one_line, unified
from skylore.sources.walk import has_suffix, printable, walk_files

__all__ = ["HDF5_SUFFIXES", "Hdf5Files"]

HDF5_SUFFIXES = (".hdf5", ".h5", ".hdf", ".he5")

_PIECE_BYTES = 32 << 20
_CHUNK_CACHE = 64 << 20


class Hdf5Files:
    """One HDF5 file, or all those below a folder, as one sequence of rows.

    Parameters
    ----------
    path
        The file or folder.

    Raises
    ------
    SourceError
        If there are no such files, one cannot be read, or their columns disagree.
    """

    def __init__(self, path: Path) -> None:
        self._root = path if path.is_dir() else path.parent
        self.files = _data_files(path)
        self._layouts = [self._layout(file) for file in self.files]
        schemas = [
            pa.schema([(name, column.type) for name, column in layout.columns.items()])
            for layout in self._layouts
        ]
        self.schema = unified(schemas, self._root)

    @cached_property
    def counts(self) -> tuple[int, ...]:
        """The number of rows of each file."""
        return tuple(layout.rows for layout in self._layouts)

    @property
    def layouts(self) -> Mapping[str, Layout]:
        """The layout of each file, by its name as pieces have it."""
        return dict(zip(map(printable, self.files), self._layouts, strict=True))

    @property
    def odd(self) -> tuple[str, ...]:
        """Datasets that are no columns, because most others have another length."""
        return tuple(dict.fromkeys(name for layout in self._layouts for name in layout.odd))

    def scan(
        self, columns: Sequence[str], rows: int, wanted: NDArray[np.bool_] | None = None
    ) -> Iterator[Piece]:
        """Read columns in pieces of at most ``rows`` rows; see :class:`RowFiles`."""
        target = pa.schema([self.schema.field(name) for name in columns])
        start = 0
        for file, layout in zip(self.files, self._layouts, strict=True):
            flags = None if wanted is None else wanted[start : start + layout.rows]
            if flags is None or flags.any():
                for first, table in self._pieces(file, layout, target, flags, rows):
                    yield Piece(printable(file), first, start + first, table)
            start += layout.rows

    def _pieces(
        self,
        file: str,
        layout: Layout,
        target: pa.Schema,
        flags: NDArray[np.bool_] | None,
        rows: int,
    ) -> Iterator[tuple[int, pa.Table]]:
        present = [layout.columns[name] for name in target.names if name in layout.columns]
        step = _rows_at_once(present, rows)
        with self._open(file) as opened:
            for first in range(0, layout.rows, step):
                last = min(first + step, layout.rows)
                if flags is None or flags[first:last].any():
                    # A file whose rows were changed meanwhile is caught where arrays disagree.
                    table = pa.table(
                        [
                            _read(opened, layout.columns.get(field.name), field.type, first, last)
                            for field in target
                        ],
                        schema=target,
                    )
                    for part in range(0, last - first, rows):
                        yield first + part, table.slice(part, rows)

    def _layout(self, file: str) -> Layout:
        with self._open(file) as opened:
            return read_layout(opened)

    @contextmanager
    def _open(self, file: str) -> Iterator[Any]:
        h5py = import_module("h5py")
        path = self._root / file
        try:
            # Locks fail on many network folders, and nobody writes here.
            with h5py.File(path, "r", locking=False, rdcc_nbytes=_CHUNK_CACHE) as opened:
                yield opened
        except (OSError, RuntimeError, KeyError, ValueError, pa.ArrowException) as error:
            raise SourceError(
                f"{printable(path)} cannot be read as HDF5: {one_line(error)}. Fetch it again, or "
                "move it away and go on with the others."
            ) from error


def _data_files(path: Path) -> tuple[str, ...]:
    if not path.exists():
        raise SourceError(f"There is nothing at {printable(path)}.")
    if not path.is_dir():
        return (path.name,)
    files = [file for file in walk_files(path) if has_suffix(file, HDF5_SUFFIXES)]
    if not files:
        raise SourceError(f"No file below {printable(path)} ends in {', '.join(HDF5_SUFFIXES)}.")
    return tuple(files)


def _rows_at_once(columns: Sequence[Column], rows: int) -> int:
    """Choose how many rows to read: whole chunks, which are decompressed whole in any case."""
    row_bytes = sum(column.row_bytes for column in columns)
    few = max(1, min(rows, _PIECE_BYTES // max(row_bytes, 1)))
    chunk = max((column.chunk_rows for column in columns if column.row_bytes > 1024), default=1)
    return -(-few // chunk) * chunk


def _read(
    opened: Any,  # noqa: ANN401 - h5py has no types
    column: Column | None,
    kind: pa.DataType,
    first: int,
    last: int,
) -> pa.Array:
    if column is None:
        return pa.nulls(last - first, kind)
    values = opened[column.path][first:last]
    if pa.types.is_struct(kind):
        return _flux(values, _bands(opened, column, first, last))
    if pa.types.is_binary(kind):
        return pa.array([encode_png(np.ascontiguousarray(pixels)) for pixels in values], kind)
    if values.ndim == 1:
        return _flat(values).cast(kind)
    if values.ndim == 2 and pa.types.is_fixed_size_list(kind):
        inner = _flat(values.reshape(-1)).cast(kind.value_type)
        return pa.FixedSizeListArray.from_arrays(inner, kind.list_size)
    return pa.array(values.tolist(), kind)


def _flat(values: NDArray[Any]) -> pa.Array:
    if values.dtype.kind in "SUO":
        return pa.array([_text(value) for value in values.tolist()], pa.string())
    return pa.array(np.ascontiguousarray(values.astype(values.dtype.newbyteorder("="))))


def _text(value: object) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace").rstrip("\0 ")
    return str(value)


def _bands(
    opened: Any,  # noqa: ANN401 - h5py has no types
    column: Column,
    first: int,
    last: int,
) -> list[list[str]] | None:
    if column.band is None:
        return None
    names = opened[column.band]
    rows = [names[()]] * (last - first) if names.ndim == 1 else names[first:last]
    return [[_text(name) for name in row] for row in rows]


def _flux(values: NDArray[Any], bands: list[list[str]] | None) -> pa.Array:
    """Nest ``(N, B, H, W)`` as Parquet files of the Multimodal Universe have it."""
    cube = values if values.ndim == 4 else values[:, None]
    nested: pa.Array = pa.array(np.ascontiguousarray(cube, np.float32).reshape(-1))
    for size in cube.shape[:0:-1]:
        offsets = pa.array(np.arange(0, len(nested) + 1, size, dtype=np.int32))
        nested = pa.ListArray.from_arrays(offsets, nested)
    if bands is None:
        bands = [[f"band {n}" for n in range(1, cube.shape[1] + 1)]] * len(cube)
    names = pa.array(bands, pa.list_(pa.string()))
    return pa.StructArray.from_arrays([names, nested], names=["band", "flux"])
