"""Bringing the objects of a source into an archive.

Each batch is one atomic commit, and an object is known by its id, so an ingest that was killed
carries on where it stopped when it is run again.
"""

from __future__ import annotations

import sys
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from tqdm import tqdm

from skylore.archive.provenance import Provenance, with_provenance
from skylore.archive.reason import Reason
from skylore.archive.schema import ID, PIXEL, POSITION
from skylore.archive.sky import cells_of
from skylore.errors import ArchiveError
from skylore.imaging.containers import MAX_PIXELS
from skylore.intake.displaying import with_images
from skylore.intake.selection import INGEST, refuse_repeats, select_new
from skylore.sources.base import Source

if TYPE_CHECKING:
    from skylore.archive.table import Archive

__all__ = ["IngestOptions", "IngestReport", "ingest", "refuse_repeats"]

MANY_FILES = 32
"""Files of a table from which on small ones are joined after an ingest."""
BATCH_ROWS = 2048


class IngestOptions(BaseModel):
    """How to ingest.

    Attributes
    ----------
    limit
        Take at most so many new objects.
    batch_rows
        Objects a commit; as the source likes it best if None.
    max_pixels
        Images with more pixels are set aside before they are decoded.
    threads
        Threads that decode images.
    retry_failed
        Try again the objects that were set aside.
    keep_first
        Where ids repeat in the source, take the first object of each and leave out the others;
        else the source is refused.
    update
        Replace objects that the archive has where the source's differ; what steps made of a
        changed value is emptied.
    vector_encoder
        The name of the encoder behind ready-made vectors, if it is known.
    progress
        Show a progress bar on stderr.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    limit: int | None = Field(None, ge=0)
    batch_rows: int | None = Field(None, gt=0)
    max_pixels: int = Field(MAX_PIXELS, gt=0)
    threads: int = Field(4, gt=0)
    retry_failed: bool = False
    keep_first: bool = False
    update: bool = False
    vector_encoder: str | None = None
    progress: bool = True


@dataclass(frozen=True)
class IngestReport:
    """What an ingest did.

    Attributes
    ----------
    added, failed, already
        Objects added, set aside, and there before, unchanged.
    seconds
        Duration.
    remarks
        What the source renamed, left out or did not understand.
    updated
        Objects replaced.
    """

    step: ClassVar[str] = INGEST
    added: int
    failed: int
    already: int
    seconds: float
    remarks: tuple[str, ...] = ()
    updated: int = 0

    @property
    def succeeded(self) -> int:
        """Objects of the source that the archive has now."""
        return self.added + self.updated + self.already

    def __str__(self) -> str:
        """Say it in one line, and a line a remark."""
        parts = [f"ingest: {self.added} objects added"]
        if self.updated:
            parts.append(f"{self.updated} replaced; run the steps again for them")
        if self.already:
            parts.append(f"{self.already} were there already")
        if self.failed:
            parts.append(f"{self.failed} set aside (see `skylore info`)")
        line = ", ".join(parts) + f" ({self.seconds:.1f} s)"
        return "\n".join([line, *(f"note: {remark}" for remark in self.remarks)])


def ingest(archive: Archive, source: Source, options: IngestOptions | None = None) -> IngestReport:
    """Add the objects of a source that the archive does not have yet.

    Raises
    ------
    DuplicateIdError
        Ids repeat in the source, or belong to objects of another source; nothing is written.
    SourceError
        The source cannot be read, or its ids are of another type than the archive's.
    """
    options = options or IngestOptions()
    started = time.monotonic()
    with archive.lock(INGEST):
        archive.refresh()
        wanted, already = select_new(
            archive,
            source,
            keep_first=options.keep_first,
            retry_failed=options.retry_failed,
            limit=options.limit,
            update=options.update,
        )
        added, updated, failed = _run(archive, source, wanted, options)
        if len(archive.objects.get_fragments()) > MANY_FILES:
            archive.compact()
    seconds = time.monotonic() - started
    remarks = tuple(source.remarks)
    return IngestReport(added, failed, already - updated, seconds, remarks, updated)


def _run(
    archive: Archive, source: Source, wanted: NDArray[np.bool_], options: IngestOptions
) -> tuple[int, int, int]:
    added = updated = failed = 0
    total = int(wanted.sum())
    bar = tqdm(
        total=total,
        desc=INGEST,
        unit="object",
        disable=not options.progress or not total,
        file=sys.stderr,
    )
    rows = options.batch_rows or getattr(source, "rows_a_batch", None) or BATCH_ROWS
    batches = source.batches(wanted, rows)
    with bar:
        for objects, bad in with_images(batches, options.threads, options.max_pixels):
            if objects.num_rows:
                new, changed = _take_in(archive, source, objects, options)
                added, updated = added + new, updated + changed
                archive.quarantine.release(INGEST, objects[ID])
            archive.quarantine.add(
                INGEST, [{"id": f.id, "row": None, **asdict(Reason.of(f.error))} for f in bad]
            )
            failed += len(bad)
            bar.update(objects.num_rows + len(bad))
    return added, updated, failed


def _take_in(
    archive: Archive, source: Source, objects: pa.Table, options: IngestOptions
) -> tuple[int, int]:
    """Add objects, and replace those that are here; returns how many of each."""
    objects = objects.append_column(
        "source", pa.array([source.name] * objects.num_rows, pa.string())
    )
    if set(POSITION) <= set(objects.column_names):
        objects = objects.append_column(PIXEL, cells_of(objects))
    _add_catalogue_columns(archive, source, objects.schema, options)
    if not options.update:
        archive.append(objects)
        return objects.num_rows, 0
    archive.refresh()
    here = pc.is_in(objects[ID], archive.rows_of(objects[ID].to_pylist())[ID])
    new = objects.filter(pc.invert(here))
    if new.num_rows:
        archive.append(new)
    return new.num_rows, archive.update(objects.filter(here)).updated


def _add_catalogue_columns(
    archive: Archive, source: Source, schema: pa.Schema, options: IngestOptions
) -> None:
    fields = [f for f in schema if f.name not in archive.schema.names]
    provenance = Provenance(
        step=INGEST, parameters={"source": source.name, **source.settings}, model=None
    )
    given = Provenance(step=INGEST, parameters={}, model=options.vector_encoder or "given")
    archive.add_columns(
        [with_provenance(f, given if f.name == "image_vector" else provenance) for f in fields]
    )
    for f in schema:
        there = archive.schema.field(f.name).type
        if f.type != there and not _safe_cast(f.type, there):
            raise ArchiveError(
                f"the column {f.name!r} of {source.name} is {f.type}, in {archive} it is {there}; "
                "rename it in the source"
            )


def _safe_cast(given: pa.DataType, there: pa.DataType) -> bool:
    """Whether a column may be widened to the type it has already."""
    numbers = pa.types.is_integer(given) and pa.types.is_integer(there)
    floats = pa.types.is_floating(given) and pa.types.is_floating(there)
    return bool(numbers or floats or (pa.types.is_integer(given) and pa.types.is_floating(there)))
