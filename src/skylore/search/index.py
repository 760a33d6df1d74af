"""Indexes over an archive."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field

from skylore.archive.schema import ID, PIXEL, VECTORS
from skylore.search.codes.options import CodeOptions
from skylore.search.masks.service import build_masks
from skylore.search.planner import CODED_ROWS
from skylore.search.scalar_kinds import chosen_indexes

if TYPE_CHECKING:
    from skylore.archive.table import Archive
    from skylore.search.codes.coding import Coding

__all__ = ["IndexOptions", "build_indexes", "has_index"]

MIN_ROWS = 256
"""Fewer vectors teach nothing about their directions."""


class IndexOptions(BaseModel):
    """What to index.

    Attributes
    ----------
    vector_rows
        Archives with fewer vectors are scanned and need no vector index.
    codes
        How to code them.
    rebuild
        Build anew what is there.
    say
        Told what the codes will take before they are built.
    engine, workers
        ``ray`` codes vectors over a Ray cluster, so many segments at a time.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    vector_rows: int = Field(CODED_ROWS, ge=MIN_ROWS)
    codes: CodeOptions = CodeOptions()
    rebuild: bool = False
    say: Callable[[str], None] | None = None
    engine: Literal["ray"] | None = None
    workers: int | None = Field(None, ge=1)


def build_indexes(archive: Archive, options: IndexOptions | None = None) -> list[str]:
    """Index ids, positions, filters, words and vectors; returns what was done, a line each.

    Rows added since an index was built are taken into it without building it anew.
    """
    options = options or IndexOptions()
    archive.refresh()
    done = [
        _scalar(archive, ID, "BTREE", options),
        _scalar(archive, PIXEL, "BTREE", options),
        *_filters(archive, options),
        *(_words(archive, name, options) for name in ("captions", "caption")),
        *(_vectors(archive, name, options) for name in VECTORS),
    ]
    archive.objects.optimize.optimize_indices(num_indices_to_merge=0)
    archive.refresh()
    return [line for line in done if line]


def _indexes(archive: Archive) -> dict[str, str]:
    """Name the index of each indexed column."""
    return {index.field_names[0]: index.name for index in archive.objects.describe_indices()}


def _wanted(archive: Archive, column: str, options: IndexOptions) -> bool:
    there = column in archive.schema.names and archive.filled(column) > 0
    return there and (options.rebuild or column not in _indexes(archive))


def _scalar(archive: Archive, column: str, kind: str, options: IndexOptions) -> str:
    if not _wanted(archive, column, options):
        return ""
    archive.objects.create_scalar_index(column, kind, replace=True)
    return f"{column}: {kind} over {archive.filled(column)} rows"


def _filters(archive: Archive, options: IndexOptions) -> list[str]:
    """Copy numbers and flags, and index texts, where a scan of the table would take long."""
    if len(archive) < options.vector_rows:
        return []
    copied = build_masks(archive)
    chosen = chosen_indexes(archive)
    done = [_scalar(archive, name, kind, options) for name, kind in chosen.items()]
    return [str(copied) if copied and copied.copies else "", *done]


def _words(archive: Archive, column: str, options: IndexOptions) -> str:
    if column == "caption" and "captions" in archive.schema.names:
        return ""
    if not _wanted(archive, column, options):
        return ""
    archive.objects.create_scalar_index(
        column, "INVERTED", replace=True, language="English", stem=True, remove_stop_words=True
    )
    return f"{column}: full text over {archive.filled(column)} rows"


def _vectors(archive: Archive, name: str, options: IndexOptions) -> str:
    """Code a column of vectors; see :mod:`skylore.search.codes`."""
    there = name in archive.schema.names
    if not there or archive.filled(name) < options.vector_rows:
        return ""
    from skylore.search.codes.building import build_codes

    coding, anew = _coding(options), options.rebuild
    coded = build_codes(archive, name, options.codes, rebuild=anew, say=options.say, coding=coding)
    return f"{name}: codes of {options.codes.bytes_a_row} bytes for {coded} rows" if coded else ""


def _coding(options: IndexOptions) -> Coding | None:
    if options.engine is None:
        return None
    from skylore.search.codes.on_ray import OnRay

    return OnRay(options.workers)


def has_index(archive: Archive, column: str) -> bool:
    """Whether a column is indexed."""
    return archive.cached_for_version(("index", column), lambda: column in _indexes(archive))
