"""Bringing objects, and what is known of them, into an archive."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skylore.archive.table import Archive
from skylore.errors import ArchiveNotFoundError
from skylore.intake.ingest import IngestOptions, IngestReport, refuse_repeats
from skylore.intake.ingest import ingest as ingest_source

if TYPE_CHECKING:
    from skylore.intake.join import JoinReport
    from skylore.sources.base import Source

__all__ = ["ingest", "join"]


def ingest(
    path: str | Path,
    source: Source | str | Path,
    options: IngestOptions | None = None,
    **given: Any,  # noqa: ANN401 - as the sources take them
) -> tuple[Archive, IngestReport]:
    """Bring the objects of a source into the archive at ``path``, made if there is none.

    Parameters
    ----------
    path
        A folder or object-store URL.
    source
        A path that :func:`skylore.sources.open.open_source` understands, or a source.
    options
        How to ingest.
    **given
        How to open the source: ``kind``, ``id_column``, ``vector_column``, ``size`` …

    Raises
    ------
    SourceError
        The source cannot be read.
    DuplicateIdError
        Ids repeat; nothing is written.
    """
    from skylore.sources.open import open_source

    if isinstance(source, str | Path):
        source = open_source(str(source), **given)
    try:
        archive = Archive.open(path)
    except ArchiveNotFoundError:
        ids = source.ids()
        if options is None or not options.keep_first:
            refuse_repeats(source, ids)
        archive = Archive.create(path, id_type=ids.type)
    return archive, ingest_source(archive, source, options)


def join(path: str | Path, catalogue: str | Path, *, id_column: str | None = None) -> JoinReport:
    """Add the columns of a catalogue file to the objects of the same ids.

    Raises
    ------
    SourceError
        The catalogue cannot be read, or none of its ids is in the archive.
    """
    from skylore.intake.join import join_catalogue
    from skylore.sources.remarks import about_columns
    from skylore.sources.tables import load_catalogue

    read = load_catalogue(catalogue, id_column)
    report = join_catalogue(Archive.open(path), read.table, str(catalogue))
    remarks = about_columns(read.renamed, read.left_out, read.positions_refused)
    return replace(report, remarks=tuple(remarks))
