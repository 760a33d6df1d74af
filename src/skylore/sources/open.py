"""Choosing the source for what lies at a path."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, get_args
from urllib.parse import urlsplit, urlunsplit

from skylore.errors import SourceError
from skylore.sources.arrow_files import ARROW_SUFFIXES, PARQUET_SUFFIXES
from skylore.sources.astropy_tables import ASTROPY_SUFFIXES, FITS_SUFFIXES
from skylore.sources.base import Source
from skylore.sources.delimited import DELIMITED_SUFFIXES
from skylore.sources.folder import IMAGE_SUFFIXES, FolderSource
from skylore.sources.hats import HatsSource, find_hats
from skylore.sources.hdf5 import Hdf5Source
from skylore.sources.hdf5_files import HDF5_SUFFIXES
from skylore.sources.parquet import ParquetSource
from skylore.sources.tables import CatalogueSource
from skylore.sources.walk import has_suffix, printable, walk_files

__all__ = ["SourceKind", "detect_kind", "open_source", "without_credentials"]

SourceKind = Literal["folder", "fits", "parquet", "hdf5", "hats", "table", "mosaic", "cutouts"]
"""A folder of images, a folder of FITS cutouts, Parquet or Arrow, HDF5, a HATS catalogue, a table
without images, one large image, or a list of positions of which a service gives the images."""

_ARROW = (*PARQUET_SUFFIXES, *ARROW_SUFFIXES)
_IN_FOLDERS: dict[SourceKind, tuple[str, ...]] = {
    "folder": IMAGE_SUFFIXES,
    "fits": FITS_SUFFIXES,
    "parquet": _ARROW,
    "hdf5": HDF5_SUFFIXES,
}


def open_source(path: str, *, kind: SourceKind | None = None, **options: Any) -> Source:  # noqa: ANN401 - each source has its own
    """Open what lies at a path as a source of objects.

    Parameters
    ----------
    path
        A folder of images, FITS cutouts, Parquet or HDF5 files; a HATS catalogue; a Parquet,
        Arrow or HDF5 file; a table (CSV, FITS, VOTable, ECSV); or one large image.
    kind
        How to read it; seen from its files if None.
    options
        What the source of that kind takes.

    Raises
    ------
    SourceError
        If there is nothing at the path, it cannot be told what it is, or the source does not take
        an option.
    """
    chosen = kind or detect_kind(path)
    if chosen not in get_args(SourceKind):
        kinds = ", ".join(get_args(SourceKind))
        raise SourceError(f'There is no kind of source "{chosen}"; there are: {kinds}.')
    make = _constructor(chosen)
    known = list(inspect.signature(make).parameters)[1:]
    for option in options:
        if option not in known:
            takes = f"it takes {', '.join(known)}" if known else "it takes none"
            raise SourceError(f'A source of kind "{chosen}" has no option {option}; {takes}.')
    return make(path, **options)


def _constructor(kind: SourceKind) -> Callable[..., Source]:
    if kind == "fits":
        from skylore.sources.fits import FitsCutoutSource

        return FitsCutoutSource
    if kind == "mosaic":
        from skylore.sources.mosaic import MosaicSource

        return MosaicSource
    if kind == "cutouts":
        from skylore.sources.cutouts.source import CutoutSource

        return CutoutSource
    eager: dict[str, Callable[..., Source]] = {
        "folder": FolderSource,
        "parquet": ParquetSource,
        "hdf5": Hdf5Source,
        "hats": HatsSource,
        "table": CatalogueSource,
    }
    return eager[kind]


def detect_kind(path: str) -> SourceKind:
    """Tell the kind of source by the names of files, and of a FITS file by what it holds.

    Raises
    ------
    SourceError
        If there is nothing at the path, or nothing or more than one thing that can be read.
    """
    if "://" in path:
        raise SourceError(
            f"{without_credentials(path)} is not on this machine; download it, or mount it, first."
        )
    place = Path(path)
    if not place.exists():
        raise SourceError(f"There is nothing at {printable(path)}.")
    return _kind_of_folder(place) if place.is_dir() else _kind_of_file(place)


def _kind_of_file(path: Path) -> SourceKind:
    if has_suffix(path.name, _ARROW):
        return "parquet"
    if has_suffix(path.name, HDF5_SUFFIXES):
        return "hdf5"
    if has_suffix(path.name, IMAGE_SUFFIXES):
        return "mosaic"
    if has_suffix(path.name, FITS_SUFFIXES):
        from skylore.sources.fits_images import has_image

        return "mosaic" if has_image(path) else "table"
    if has_suffix(path.name, (*DELIMITED_SUFFIXES, *ASTROPY_SUFFIXES)):
        return "table"
    known = (*IMAGE_SUFFIXES, *_ARROW, *HDF5_SUFFIXES, *DELIMITED_SUFFIXES, *ASTROPY_SUFFIXES)
    raise SourceError(f"{printable(path)} ends in none of {', '.join(known)}; say kind=.")


def _kind_of_folder(folder: Path) -> SourceKind:
    if find_hats(folder) is not None:
        return "hats"
    files = walk_files(folder)
    counts = {
        kind: sum(has_suffix(file, suffixes) for file in files)
        for kind, suffixes in _IN_FOLDERS.items()
    }
    present: list[SourceKind] = [kind for kind, count in counts.items() if count]
    if len(present) == 1:
        return present[0]
    name = printable(folder)
    if not present:
        known = ", ".join(suffix for suffixes in _IN_FOLDERS.values() for suffix in suffixes)
        raise SourceError(f"None of the {len(files):,} files below {name} ends in {known}.")
    found = ", ".join(f"{counts[kind]:,} for kind {kind}" for kind in present)
    raise SourceError(
        f"The folder {name} holds files of several kinds: {found}. Choose one with kind=."
    )


def without_credentials(address: str) -> str:
    """Strip user, password, query and fragment from a URL; other text is returned as it is."""
    if "://" not in address:
        return address
    try:
        parts = urlsplit(address)
    except ValueError:  # not a valid URL, which is no reason to show what may be a password
        return f"{address.split('://', 1)[0]}://…"
    return urlunsplit((parts.scheme, parts.netloc.rsplit("@", 1)[-1], parts.path, "", ""))
