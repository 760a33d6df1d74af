"""A folder of FITS cutouts, one object a file."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from skylore.errors import ImageError, SourceError
from skylore.imaging.render import Rendering
from skylore.sources.astropy_tables import FITS_SUFFIXES
from skylore.sources.base import Failure, SourceBatch
from skylore.sources.batching import chunk_wanted
from skylore.sources.drawing import describe_rendering, draw_flux, picture_of
from skylore.sources.fits_images import FitsImage, read_fits_image
from skylore.sources.remarks import counted
from skylore.sources.walk import file_id, has_suffix, printable, walk_files

__all__ = ["FitsCutoutSource", "describe_rendering", "draw_fits"]

_SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("image", pa.binary()),
        ("image_rendering", pa.string()),
        ("ra", pa.float64()),
        ("dec", pa.float64()),
        ("source_item", pa.string()),
    ]
)


class FitsCutoutSource:
    """The FITS files below a folder, each with one object in one or more bands.

    Ids are file paths, as in :class:`skylore.sources.folder.FolderSource`. Positions are those of
    the middle of the image by its coordinate system, else ``RA`` and ``DEC`` of the header.

    Parameters
    ----------
    path
        The folder.
    rendering
        How flux is drawn. If None, all bands of each file are drawn, the reddest as red, with the
        sky and the stretch taken from each image. Give one to draw all on one scale.

    Raises
    ------
    SourceError
        If there is no such folder.
    """

    def __init__(self, path: str | os.PathLike[str], *, rendering: Rendering | None = None) -> None:
        self._folder = Path(path)
        self._rendering = rendering
        if not self._folder.is_dir():
            raise SourceError(f"{printable(path)} is not a folder; give a folder of FITS files.")

    @property
    def name(self) -> str:
        """The folder as it was given."""
        return printable(self._folder)

    @property
    def settings(self) -> Mapping[str, object]:
        """The kind of source, and how flux is drawn."""
        drawn = None if self._rendering is None else self._rendering.model_dump(mode="json")
        return {"kind": "fits", "rendering": drawn}

    @cached_property
    def _listing(self) -> tuple[list[str], int]:
        everything = walk_files(self._folder)
        files = [path for path in everything if has_suffix(path, FITS_SUFFIXES)]
        if not files:
            raise SourceError(
                f"No FITS files below {self.name}: none of its {len(everything):,} files ends in "
                f"{', '.join(FITS_SUFFIXES)}."
            )
        return files, len(everything) - len(files)

    @property
    def remarks(self) -> list[str]:
        """What to tell the user."""
        return counted(self.other_files, "file that is no FITS file was left")

    @property
    def other_files(self) -> int:
        """How many files below the folder are not FITS."""
        return self._listing[1]

    def ids(self) -> pa.Array:
        """All ids as strings, in the byte order of their files."""
        return pa.array([file_id(path, FITS_SUFFIXES) for path in self._listing[0]], pa.string())

    def batches(self, wanted: NDArray[np.bool_], rows: int) -> Iterator[SourceBatch]:
        """Read and draw the wanted files; one that cannot be drawn is a failure of its object."""
        paths = self._listing[0]
        for positions in chunk_wanted(wanted, len(paths), rows):
            yield self._draw([paths[position] for position in positions])

    def _draw(self, paths: list[str]) -> SourceBatch:
        objects: list[dict[str, object]] = []
        failures: list[Failure] = []
        for path in paths:
            name = file_id(path, FITS_SUFFIXES)
            try:
                row = self._row(self._folder / path)
            except ImageError as error:
                failures.append(Failure(name, error))
            else:
                objects.append({"id": name, **row, "source_item": printable(path)})
        return SourceBatch(pa.Table.from_pylist(objects, schema=_SCHEMA), tuple(failures))

    def _row(self, path: Path) -> dict[str, object]:
        image = read_fits_image(path)
        picture, rendering = picture_of(image.flux, image.bands, self._rendering)
        centre = image.centre()
        return {
            "image": picture,
            "image_rendering": rendering,
            "ra": None if centre is None else centre[0],
            "dec": None if centre is None else centre[1],
        }


def draw_fits(image: FitsImage, rendering: Rendering | None) -> tuple[NDArray[np.uint8], Rendering]:
    """Draw ``(H, W, 3)`` pixels in the row order of the file; see :func:`draw_flux`."""
    return draw_flux(image.flux, image.bands, rendering)
