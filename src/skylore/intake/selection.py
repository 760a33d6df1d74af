"""Which objects of a source an archive does not have yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from skylore.archive.hashing import alike
from skylore.archive.membership import known_ids
from skylore.archive.schema import ID, check_id_type
from skylore.errors import DuplicateIdError, SourceError
from skylore.sources.base import Source

if TYPE_CHECKING:
    from skylore.archive.table import Archive

__all__ = ["INGEST", "refuse_repeats", "select_new"]

INGEST = "ingest"
"""The step that brings objects in, by which those that it set aside are listed."""
LISTED = 10
"""How many ids an error names."""


def select_new(
    archive: Archive,
    source: Source,
    *,
    keep_first: bool,
    retry_failed: bool,
    limit: int | None,
    update: bool = False,
) -> tuple[NDArray[np.bool_], int]:
    """Say which ids of a source to take, and how many the archive has from it already.

    Parameters
    ----------
    archive, source
        What is there, and what there is.
    keep_first
        Where ids repeat in the source, take the first; else they are refused.
    retry_failed
        Take also what was set aside before.
    limit
        Take at most so many.
    update
        Take also those that the archive has, wherever it has them from.

    Raises
    ------
    DuplicateIdError
        Ids repeat in the source, or belong to objects of another source.
    SourceError
        The ids are of another type than the archive's.
    """
    ids = _checked_ids(archive, source)
    if not keep_first:
        refuse_repeats(source, ids)
    here = _present(archive, source, ids, refuse_others=not update)
    wanted = np.ones(len(ids), np.bool_) if update else ~here
    if keep_first:
        wanted &= _first_of_each(ids)
    if not retry_failed:
        names = ids.cast(pa.string()) if pa.types.is_integer(ids.type) else ids
        aside = archive.quarantine.read(INGEST)[ID].cast(names.type)
        wanted &= ~pc.is_in(names, aside).to_numpy(zero_copy_only=False)
    if limit is not None:
        wanted &= np.cumsum(wanted) <= limit
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
    counts = pc.value_counts(ids.take(pa.array(alike(ids))))
    twice = counts.filter(pc.greater(counts.field("counts"), 1)).field("values")
    if not len(twice):
        return
    raise DuplicateIdError(
        f"{source.name} repeats {_listed(twice)}; nothing was ingested. Say --keep-first to take "
        "the first object of each id"
    )


def _first_of_each(ids: pa.Array) -> NDArray[np.bool_]:
    places = alike(ids)
    codes = ids.take(pa.array(places)).dictionary_encode().indices.to_numpy()
    first = np.ones(len(ids), np.bool_)
    first[places] = False
    first[places[np.unique(codes, return_index=True)[1]]] = True
    return first


def _present(
    archive: Archive, source: Source, ids: pa.Array, *, refuse_others: bool
) -> NDArray[np.bool_]:
    """Say which ids were ingested before; refuse those from another source."""
    here = np.zeros(len(ids), np.bool_)
    own = _last_part(pa.array([source.name]))[0]
    for places, known in known_ids(archive, ids, ["source"]):
        here[places] = True
        elsewhere = pc.not_equal(_last_part(known["source"]), own)
        clash = known.filter(pc.fill_null(elsewhere, fill_value=False))
        if refuse_others and clash.num_rows:
            other = clash["source"][0].as_py()
            raise DuplicateIdError(
                f"{source.name} has {_listed(clash[ID])} which {archive} already has from {other}; "
                "nothing was ingested. Say --update to replace those objects"
            )
    return here


def _last_part(names: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """Give the name without its folder, which differs between machines and working folders."""
    return pc.replace_substring_regex(names, r"^.*[/\\]([^/\\])", r"\1")


def _listed(ids: pa.Array | pa.ChunkedArray) -> str:
    first = ", ".join(str(i) for i in ids.slice(0, LISTED).to_pylist())
    more = f" and {len(ids) - LISTED} more" if len(ids) > LISTED else ""
    return f"{len(ids)} id{'s' * (len(ids) != 1)} ({first}{more})"
