"""A folder of image files."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from skylore.errors import ImageError, SourceError
from skylore.sources.base import Failure, SourceBatch
from skylore.sources.batching import chunk_wanted
from skylore.sources.remarks import counted
from skylore.sources.walk import file_id, has_suffix, printable, read_bytes, walk_files

__all__ = ["IMAGE_SUFFIXES", "FolderSource"]

IMAGE_SUFFIXES = (".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")

_SCHEMA = pa.schema([("id", pa.string()), ("image", pa.binary()), ("source_item", pa.string())])
_FOLDER = pa.field("folder", pa.string(), metadata={"description": "the folder of the file"})


class FolderSource:
    r"""The PNG, JPEG, TIFF and WebP files below a folder.

    An object's id is the path of its file relative to the folder, with ``/`` between the parts
    and without the suffix; bytes of a name that are not UTF-8 are written ``\xNN``. Hidden files
    and folders are skipped. Files are read as they are: decoding is the archive's work. Where there
    are folders below, the column ``folder`` has the name of the one that each file lies in: of a
    tree with a folder a class, the class.

    Parameters
    ----------
    path
        The folder.

    Raises
    ------
    SourceError
        If there is no such folder.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._folder = Path(path)
        if not self._folder.is_dir():
            raise SourceError(f"{printable(path)} is not a folder; give a folder of images.")

    @property
    def name(self) -> str:
        """The folder as it was given."""
        return printable(self._folder)

    @property
    def settings(self) -> Mapping[str, object]:
        """The kind of source."""
        return {"kind": "folder"}

    @cached_property
    def _listing(self) -> tuple[list[str], int]:
        everything = walk_files(self._folder)
        images = [path for path in everything if has_suffix(path, IMAGE_SUFFIXES)]
        if not images:
            raise SourceError(
                f"No images below {self.name}: none of its {len(everything):,} files ends in "
                f"{', '.join(IMAGE_SUFFIXES)}."
            )
        return images, len(everything) - len(images)

    @cached_property
    def _has_folders(self) -> bool:
        return any("/" in path for path in self._listing[0])

    @property
    def remarks(self) -> list[str]:
        """What to tell the user."""
        other = counted(self.other_files, "file that is no image was left")
        folders = {name for name in map(_folder_of, self._listing[0]) if name is not None}
        if not folders:
            return other
        return [*other, f"the names of {len(folders)} folders are in the column folder"]

    @property
    def other_files(self) -> int:
        """How many files below the folder are not images."""
        return self._listing[1]

    def ids(self) -> pa.Array:
        """All ids as strings, in the byte order of their files.

        Raises
        ------
        SourceError
            If there are no images, or a folder cannot be listed.
        """
        return pa.array([file_id(path, IMAGE_SUFFIXES) for path in self._listing[0]], pa.string())

    def batches(self, wanted: NDArray[np.bool_], rows: int) -> Iterator[SourceBatch]:
        """Read the wanted files; one that cannot be read is a failure of its object."""
        paths = self._listing[0]
        for positions in chunk_wanted(wanted, len(paths), rows):
            yield self._read([paths[position] for position in positions])

    def _read(self, paths: list[str]) -> SourceBatch:
        objects: list[dict[str, object]] = []
        failures: list[Failure] = []
        for path in paths:
            name = file_id(path, IMAGE_SUFFIXES)
            try:
                image = read_bytes(self._folder / path)
            except ImageError as error:
                failures.append(Failure(name, error))
            else:
                found = {"id": name, "image": image, "source_item": printable(path)}
                objects.append({**found, _FOLDER.name: _folder_of(path)})
        schema = _SCHEMA.append(_FOLDER) if self._has_folders else _SCHEMA
        return SourceBatch(pa.Table.from_pylist(objects, schema=schema), tuple(failures))


def _folder_of(path: str) -> str | None:
    parts = path.rsplit("/", 2)
    return printable(parts[-2]) if len(parts) > 1 else None
