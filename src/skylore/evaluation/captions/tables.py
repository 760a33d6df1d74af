"""Reading captions, and what volunteers said of the same objects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from skylore.errors import ArchiveNotFoundError, ColumnError, DuplicateIdError, SourceError
from skylore.evaluation.captions.paths import VolunteerPath
from skylore.morphology.tree import DecisionTree

__all__ = ["GivenCaption", "read_captions", "read_paths"]

TREE = "decision_tree"
TEXTS = ("description", "caption")
WRITER = "model"
PUBLISHED = "decision_tree_score"


@dataclass(frozen=True)
class GivenCaption:
    """A caption of an object.

    Attributes
    ----------
    id, text
        Of what, and what it says.
    writer
        Who wrote it: captions are scored by writer.
    published
        The score that another judge gave it; None if there is none.
    """

    id: str | int
    text: str
    writer: str
    published: float | None = None


def read_paths(table: str | Path, tree: DecisionTree) -> list[VolunteerPath]:
    """Read a Parquet table with the columns ``id`` and ``decision_tree`` (JSON).

    Raises
    ------
    SourceError
        It cannot be read, is empty, or a path is no path of the tree.
    DuplicateIdError
        An id occurs twice.
    """
    rows = _read(Path(table), ("id", TREE))
    if rows.num_rows == 0:
        raise SourceError(f"{table} is empty; give objects with a {TREE}")
    ids, texts = rows["id"].to_pylist(), rows[TREE].to_pylist()
    if len(set(ids)) < len(ids):
        twice = next(name for name in ids if ids.count(name) > 1)
        raise DuplicateIdError(f"the id {twice!r} is in {table} more than once")
    missing = sum(text is None for text in texts)
    if missing:
        raise SourceError(f"{missing} of {len(texts)} objects in {table} have no {TREE}")
    return [VolunteerPath.parse(n, t, tree) for n, t in zip(ids, texts, strict=True)]


def read_captions(source: str | Path, *, text_column: str | None = None) -> list[GivenCaption]:
    """Read the captions of an archive, or of a Parquet table.

    Parameters
    ----------
    source
        An archive with the column ``caption``, or a table with ``id``, a text column, and if there
        are several writers ``model``; ``decision_tree_score`` is taken as a published score.
    text_column
        The column of texts; ``description`` or ``caption`` if not given.

    Raises
    ------
    SourceError, ColumnError
        It cannot be read, holds no captions, or a caption is empty.
    """
    table, origin = _archived(source, text_column), "archive"
    if table is None:
        table, origin = _tabled(Path(source), text_column), Path(source).stem
    if table.num_rows == 0:
        raise SourceError(f"{source} holds no captions")
    blank = [row["id"] for row in table.to_pylist() if not (row["text"] or "").strip()]
    if blank:
        raise SourceError(
            f"{len(blank)} captions in {source} are empty, such as that of {blank[0]!r}; write "
            "them anew, or leave them out"
        )
    return [
        GivenCaption(r["id"], r["text"], str(r.get(WRITER) or origin), r.get(PUBLISHED))
        for r in table.to_pylist()
    ]


def _archived(source: str | Path, text_column: str | None) -> pa.Table | None:
    from skylore.archive.table import Archive
    from skylore.search.predicate import quote_name

    try:
        archive = Archive.open(source)
    except ArchiveNotFoundError:
        return None
    column = text_column or "caption"
    if column not in archive.schema.names:
        raise ColumnError(f"{archive} has no column {column!r}; run `skylore caption`")
    # What was set aside has no caption; reports say how many objects that leaves.
    found = archive.read(["id", column], where=f"{quote_name(column)} IS NOT NULL")
    made = archive.columns[column].provenance
    writer = str(made.model) if made and made.model else column
    writers = pa.array([writer] * found.num_rows, pa.string())
    return found.rename_columns(["id", "text"]).append_column(WRITER, writers)


def _tabled(path: Path, text_column: str | None) -> pa.Table:
    schema = _schema(path)
    wanted = (text_column,) if text_column else TEXTS
    column = next((name for name in wanted if name in schema.names), None)
    if column is None:
        raise SourceError(
            f"{path} has none of the columns {', '.join(wanted)}; it has {', '.join(schema.names)}"
        )
    further = [name for name in (WRITER, PUBLISHED) if name in schema.names]
    return _read(path, ("id", column, *further)).rename_columns(["id", "text", *further])


def _schema(path: Path) -> pa.Schema:
    from pyarrow import parquet

    try:
        return parquet.read_schema(path)
    except (pa.ArrowException, OSError) as error:
        raise SourceError(f"{path} is neither an archive nor a Parquet table: {error}") from error


def _read(path: Path, columns: Sequence[str]) -> pa.Table:
    from pyarrow import parquet

    names = _schema(path).names
    missing = [name for name in columns if name not in names]
    if missing:
        raise SourceError(f"{path} has no column {missing[0]!r}; it has {', '.join(names)}")
    try:
        return parquet.read_table(path, columns=list(columns))
    except (pa.ArrowException, OSError) as error:
        raise SourceError(f"cannot read {path}: {error}") from error
