"""Bringing the objects of a source into an archive.

Each batch is one atomic commit, and an object is known by its id, so an ingest that was killed
carries on where it stopped when it is run again.
"""

from __future__ import annotations

import sys
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from tqdm import tqdm

from skylore.archive.provenance import Provenance, with_provenance
from skylore.archive.reason import Reason
from skylore.archive.schema import ID, PIXEL, POSITION, check_id_type
from skylore.archive.sky import cells_of
from skylore.errors import ArchiveError, DuplicateIdError, SourceError
from skylore.imaging.containers import MAX_PIXELS
from skylore.intake.displaying import with_images
from skylore.sources.base import Source

if TYPE_CHECKING:
    from skylore.archive.table import Archive

__all__ = ["IngestOptions", "IngestReport", "ingest", "refuse_repeats"]

STEP = "ingest"
MANY_FILES = 32
"""Files of a table from which on small ones are joined after an ingest."""
BATCH_ROWS = 2048
LISTED = 10
"""How many ids an error names."""


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
    vector_encoder: str | None = None
    progress: bool = True


@dataclass(frozen=True)
class IngestReport:
    """What an ingest did.

    Attributes
    ----------
    added, failed, already
        Objects added, set aside, and there before.
    seconds
        Duration.
    remarks
        What the source renamed, left out or did not understand.
    """

    added: int
    failed: int
    already: int
    seconds: float
    remarks: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Say it in one line, and a line a remark."""
        parts = [f"ingest: {self.added} objects added"]
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
    with archive.lock(STEP):
        archive.refresh()
        wanted, already = _wanted(archive, source, options)
        added, failed = _run(archive, source, wanted, options)
        if len(archive.objects.get_fragments()) > MANY_FILES:
            archive.compact()
    seconds = time.monotonic() - started
    return IngestReport(added, failed, already, seconds, tuple(source.remarks))


def _wanted(
    archive: Archive, source: Source, options: IngestOptions
) -> tuple[NDArray[np.bool_], int]:
    ids = _checked_ids(archive, source)
    if not options.keep_first:
        refuse_repeats(source, ids)
    here = _present(archive, source, ids)
    wanted = ~here & _first_of_each(ids)
    if not options.retry_failed:
        aside = archive.quarantine.read(STEP)[ID]
        wanted &= ~pc.is_in(ids.cast(pa.string()), aside).to_numpy(zero_copy_only=False)
    if options.limit is not None:
        wanted &= np.cumsum(wanted) <= options.limit
    return wanted, int(here.sum())


def _checked_ids(archive: Archive, source: Source) -> pa.Array:
    ids = source.ids()
    expected = archive.schema.field(ID).type
    if check_id_type(ids.type) != expected:
        raise SourceError(
            f"{source.name} has ids of type {ids.type}, {archive} of type {expected}; "
            "an archive has one type of id"
        )
    return ids


def refuse_repeats(source: Source, ids: pa.Array) -> None:
    """Raise DuplicateIdError, with the list, where ids repeat."""
    if len(ids) == pc.count_distinct(ids).as_py():
        return
    counts = pc.value_counts(ids)
    twice = counts.filter(pc.greater(counts.field("counts"), 1)).field("values")
    raise DuplicateIdError(
        f"{source.name} repeats {_listed(twice)}; nothing was ingested. Say --keep-first to take "
        "the first object of each id"
    )


def _first_of_each(ids: pa.Array) -> NDArray[np.bool_]:
    codes = ids.dictionary_encode().indices.to_numpy()
    first = np.zeros(len(ids), np.bool_)
    first[np.unique(codes, return_index=True)[1]] = True
    return first


def _present(archive: Archive, source: Source, ids: pa.Array) -> NDArray[np.bool_]:
    """Say which ids were ingested from this source before; refuse those from another."""
    known = archive.read([ID, "source"])
    elsewhere = pc.not_equal(_last_part(known["source"]), _last_part(pa.array([source.name]))[0])
    clash = known.filter(pc.and_(pc.is_in(known[ID], ids), elsewhere))
    if clash.num_rows:
        other = clash["source"][0].as_py()
        raise DuplicateIdError(
            f"{source.name} has {_listed(clash[ID])} which {archive} already has from {other}; "
            "nothing was ingested"
        )
    here: NDArray[np.bool_] = pc.is_in(ids, known[ID]).to_numpy(zero_copy_only=False)
    return here


def _last_part(names: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """Give the name without its folder, which differs between machines and working folders."""
    return pc.replace_substring_regex(names, r"^.*[/\\]([^/\\])", r"\1")


def _listed(ids: pa.Array | pa.ChunkedArray) -> str:
    first = ", ".join(str(i) for i in ids.slice(0, LISTED).to_pylist())
    more = f" and {len(ids) - LISTED} more" if len(ids) > LISTED else ""
    return f"{len(ids)} id{'s' * (len(ids) != 1)} ({first}{more})"


def _run(
    archive: Archive, source: Source, wanted: NDArray[np.bool_], options: IngestOptions
) -> tuple[int, int]:
    added = failed = 0
    total = int(wanted.sum())
    bar = tqdm(
        total=total,
        desc=STEP,
        unit="object",
        disable=not options.progress or not total,
        file=sys.stderr,
    )
    rows = options.batch_rows or getattr(source, "rows_a_batch", None) or BATCH_ROWS
    batches = source.batches(wanted, rows)
    with bar:
        for objects, bad in with_images(batches, options.threads, options.max_pixels):
            if objects.num_rows:
                _append(archive, source, objects, options)
                archive.quarantine.release(STEP, objects[ID])
            archive.quarantine.add(
                STEP, [{"id": f.id, "row": None, **asdict(Reason.of(f.error))} for f in bad]
            )
            added += objects.num_rows
            failed += len(bad)
            bar.update(objects.num_rows + len(bad))
    return added, failed


def _append(archive: Archive, source: Source, objects: pa.Table, options: IngestOptions) -> None:
    objects = objects.append_column(
        "source", pa.array([source.name] * objects.num_rows, pa.string())
    )
    if set(POSITION) <= set(objects.column_names):
        objects = objects.append_column(PIXEL, cells_of(objects))
    _add_catalogue_columns(archive, source, objects.schema, options)
    archive.append(objects)


def _add_catalogue_columns(
    archive: Archive, source: Source, schema: pa.Schema, options: IngestOptions
) -> None:
    fields = [f for f in schema if f.name not in archive.schema.names]
    provenance = Provenance(
        step=STEP, parameters={"source": source.name, **source.settings}, model=None
    )
    given = Provenance(step=STEP, parameters={}, model=options.vector_encoder or "given")
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
