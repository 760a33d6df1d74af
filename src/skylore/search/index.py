"""Indexes over an archive."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from skylore.archive.schema import ID, PIXEL, VECTORS
from skylore.search.planner import EXACT_ROWS

if TYPE_CHECKING:
    from skylore.archive.table import Archive

__all__ = ["IndexOptions", "build_indexes", "has_index", "vector_partitions"]

ROWS_A_PARTITION = 1024
MIN_ROWS = 256
"""Fewer rows than codes cannot train a quantiser."""


class IndexOptions(BaseModel):
    """What to index.

    Attributes
    ----------
    vector_rows
        Archives with fewer vectors are scanned and need no vector index.
    rebuild
        Build anew what is there.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    vector_rows: int = Field(EXACT_ROWS, ge=MIN_ROWS)
    rebuild: bool = False


def build_indexes(archive: Archive, options: IndexOptions | None = None) -> list[str]:
    """Index ids, positions, caption words and vectors; returns what was done, a line each.

    Rows added since an index was built are taken into it without building it anew.
    """
    options = options or IndexOptions()
    archive.refresh()
    done = [
        _scalar(archive, ID, "BTREE", options),
        _scalar(archive, PIXEL, "BTREE", options),
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


def _words(archive: Archive, column: str, options: IndexOptions) -> str:
    if column == "caption" and "captions" in archive.schema.names:
        return ""
    if not _wanted(archive, column, options):
        return ""
    archive.objects.create_scalar_index(
        column, "INVERTED", replace=True, language="English", stem=True, remove_stop_words=True
    )
    return f"{column}: full text over {archive.filled(column)} rows"


def _vectors(archive: Archive, column: str, options: IndexOptions) -> str:
    if not _wanted(archive, column, options) or archive.filled(column) < options.vector_rows:
        return ""
    rows = archive.filled(column)
    dimension = archive.schema.field(column).type.list_size
    partitions = max(1, rows // ROWS_A_PARTITION)
    quantised = {"index_type": "IVF_RQ", "num_bits": 1}
    archive.objects.create_index(
        column,
        **(quantised if dimension % 8 == 0 else {"index_type": "IVF_FLAT"}),
        num_partitions=partitions,
        metric="cosine",
        replace=True,
    )
    return f"{column}: vector index over {rows} rows in {partitions} partitions"


def has_index(archive: Archive, column: str) -> bool:
    """Whether a column is indexed."""
    return archive.cached_for_version(("index", column), lambda: column in _indexes(archive))


def vector_partitions(archive: Archive, column: str) -> int:
    """Count the partitions of a column's vector index; 0 if there is none."""

    def count() -> int:
        name = _indexes(archive).get(column)
        if name is None:
            return 0
        statistics = archive.objects.stats.index_stats(name)
        return int(statistics["indices"][0].get("num_partitions", 0))

    return archive.cached_for_version(("partitions", column), count)
