"""The archive: one table of objects, and all that has been worked out about them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import lance
import pyarrow as pa
import pyarrow.compute as pc

from skylore.archive.columns import Column, Version, column_of, without_nan
from skylore.archive.conflicts import retried
from skylore.archive.fill import FillOptions, FillReport, fill
from skylore.archive.location import Location
from skylore.archive.lock import locked
from skylore.archive.quarantine import Quarantine
from skylore.archive.schema import ID, base_schema
from skylore.archive.staging import ROW, fold
from skylore.archive.step import Step
from skylore.errors import (
    ArchiveError,
    ArchiveExistsError,
    ArchiveNotFoundError,
    ColumnError,
)

if TYPE_CHECKING:
    from skylore.search.query import Query
    from skylore.search.reranking.settings import Reranking
    from skylore.search.results import Results

__all__ = ["Archive"]

T = TypeVar("T")

OBJECTS = "objects"
FORMAT = "skylore:format"
CURRENT_FORMAT = "1"
ROWS_A_FILE = 131_072
"""Filling part of a column rewrites that column of a file; this bounds how much."""


class Archive:
    """An archive of objects, in a folder or an object store.

    Made by :meth:`create` and :meth:`open`.

    Examples
    --------
    >>> archive = Archive.open("hdf.skylore")  # doctest: +SKIP
    >>> archive.read(["id", "gini"], where="ellipticity > 0.6")  # doctest: +SKIP
    """

    def __init__(self, location: Location, objects: lance.LanceDataset) -> None:
        self._location = location
        self._objects = objects
        self._largest_image: int | None = None
        self._kept: dict[Hashable, Any] = {}
        self._kept_for_version: dict[Hashable, Any] = {}

    @classmethod
    def create(
        cls,
        path: str | Path,
        *,
        id_type: pa.DataType | None = None,
        storage_options: Mapping[str, str] | None = None,
    ) -> Archive:
        """Make an empty archive.

        Parameters
        ----------
        path
            A folder that is missing or empty, or an object-store URL with nothing below it.
        id_type
            ``pyarrow.string()`` (default) or ``pyarrow.int64()``.
        storage_options
            Keys, endpoint and region of the object store, if not in the environment.

        Raises
        ------
        ArchiveExistsError
            Something is there already.
        """
        location = Location(str(path), storage_options or {})
        if not location.is_free():
            raise ArchiveExistsError(f"{location} is not empty; choose another path")
        schema = base_schema(id_type or pa.string()).with_metadata({FORMAT: CURRENT_FORMAT})
        try:
            objects = lance.write_dataset(
                schema.empty_table(),
                location.table(OBJECTS),
                storage_options=dict(location.storage_options) or None,
                enable_stable_row_ids=True,
                data_storage_version="2.1",
            )
        except OSError as error:
            if "No space left" in str(error):
                raise
            reason = str(error).split(", /")[0]
            raise ArchiveError(f"cannot write an archive to {location}: {reason}") from error
        return cls(location, objects)

    @classmethod
    def open(
        cls,
        path: str | Path,
        *,
        version: int | None = None,
        storage_options: Mapping[str, str] | None = None,
    ) -> Archive:
        """Open an archive, at its latest version or an earlier one.

        Raises
        ------
        ArchiveNotFoundError
            No archive is there, or not that version.
        ArchiveError
            It was made by a newer Skylore.
        """
        location = Location(str(path), storage_options or {})
        try:
            objects = location.open_table(OBJECTS, version)
        except (ValueError, OSError) as error:
            raise ArchiveNotFoundError(
                f"no archive at {location}"
                + (f" with version {version}" if version is not None else "")
                + "; make one with `skylore ingest ARCHIVE SOURCE`"
            ) from error
        made = (objects.schema.metadata or {}).get(FORMAT.encode(), b"").decode()
        if made != CURRENT_FORMAT:
            raise ArchiveError(
                f"{location} has format {made or 'unknown'}, this Skylore reads {CURRENT_FORMAT}; "
                "use the Skylore that made it"
            )
        return cls(location, objects)

    def __repr__(self) -> str:
        """Show place and size."""
        return f"<Archive {self._location}: {len(self)} objects>"

    def __str__(self) -> str:
        """Show the place."""
        return str(self._location)

    def __len__(self) -> int:
        """Count the objects."""
        return int(self._objects.count_rows())

    @property
    def location(self) -> Location:
        """Where the archive lies."""
        return self._location

    @property
    def objects(self) -> lance.LanceDataset:
        """The Lance table, for what this class does not offer; treat it as read-only."""
        return self._objects

    @property
    def schema(self) -> pa.Schema:
        """The columns as Arrow fields."""
        return self._objects.schema

    @property
    def columns(self) -> dict[str, Column]:
        """The columns by name."""
        return {f.name: column_of(f) for f in self.schema}

    @property
    def version(self) -> int:
        """The number of the version in hand."""
        return int(self._objects.version)

    @property
    def versions(self) -> list[Version]:
        """The versions that can be opened, oldest first."""
        return [Version(v["version"], v["timestamp"]) for v in self._objects.versions()]

    @property
    def quarantine(self) -> Quarantine:
        """The rows that steps have set aside."""
        return Quarantine(self._location)

    @property
    def largest_image(self) -> int:
        """Pixels in the largest display image."""
        if self._largest_image is None:
            sizes = self._objects.to_table(columns=["image_width", "image_height"])
            pixels = pc.multiply(sizes["image_width"], sizes["image_height"])
            self._largest_image = pc.max(pixels).as_py() or 0
        return self._largest_image

    def cached(self, key: Hashable, make: Callable[[], T]) -> T:
        """Give what was made for this key before, or make it; lives as long as the archive."""
        return _kept(self._kept, key, make)

    def cached_for_version(self, key: Hashable, make: Callable[[], T]) -> T:
        """Do as :meth:`cached`, until the archive changes."""
        return _kept(self._kept_for_version, (key, self.version), make)

    def images(self, ids: Sequence[str | int]) -> dict[str | int, bytes | None]:
        """Give the encoded display images of objects, by id."""
        found = self.rows_of(ids)
        if found.num_rows == 0:
            return {}
        images = self.take(found["_rowid"], [ID, "image"])
        return dict(zip(images[ID].to_pylist(), images["image"].to_pylist(), strict=True))

    def refresh(self) -> None:
        """See what others have written since."""
        self._objects = self.latest().objects
        self._kept_for_version.clear()

    def latest(self) -> Archive:
        """Give this archive at its latest version: itself, if nothing is newer.

        The one in hand stays at its version, for threads that still read by it.
        """
        if self._objects.latest_version == self._objects.version:
            return self
        session = self._objects.session()
        return Archive(self._location, self._location.open_table(OBJECTS, session=session))

    def count(self, where: str | None = None) -> int:
        """Count the objects that satisfy a predicate.

        Parameters
        ----------
        where
            SQL over the columns, trusted: check what users write with
            :func:`skylore.search.predicate.compile_predicate`.
        """
        return int(self._objects.count_rows(where))

    def filled(self, column: str) -> int:
        """Count the objects that have a value in a column."""
        return self.cached_for_version(
            ("filled", column), lambda: self.count(f"`{column}` IS NOT NULL")
        )

    def read(
        self,
        columns: Sequence[str] | None = None,
        *,
        where: str | None = None,
        limit: int | None = None,
        row_ids: bool = False,
    ) -> pa.Table:
        """Read columns of all objects, or of those that satisfy a predicate.

        Parameters
        ----------
        columns
            Their names; all of them if not given.
        where
            SQL over the columns, trusted: check what users write with
            :func:`skylore.search.predicate.compile_predicate`.
        limit
            Rows at most.
        row_ids
            Whether to add the column ``_rowid``, by which :meth:`take` reads.

        Raises
        ------
        ColumnError
            A column does not exist.
        """
        self.require(columns or [])
        return self._objects.to_table(
            columns=None if columns is None else list(columns),
            filter=where,
            limit=limit,
            with_row_id=row_ids,
        )

    def take(self, rows: pa.Array | pa.ChunkedArray, columns: Sequence[str]) -> pa.Table:
        """Read rows by row id, in the order given, with ``_rowid`` as the last column."""
        rows = rows.combine_chunks() if isinstance(rows, pa.ChunkedArray) else rows
        table = self._objects._take_rows(rows, columns=list(dict.fromkeys(columns)))  # noqa: SLF001 - the only read by stable row id that Lance offers
        return table.append_column(ROW, rows)

    def rows_of(self, ids: Sequence[str | int]) -> pa.Table:
        """Find ids: a table of ``id`` and ``_rowid``, without those that do not exist."""
        wanted = pa.array(list(ids), self.schema.field(ID).type)
        return self._objects.to_table(
            columns=[ID], filter=pc.field(ID).isin(wanted), with_row_id=True
        )

    def ids_of(self, rows: pa.ChunkedArray) -> pa.ChunkedArray:
        """Give the ids of rows, in their order."""
        return self.take(rows, [ID])[ID]

    def require(self, columns: Sequence[str]) -> None:
        """Raise ColumnError for the first column that does not exist."""
        for name in columns:
            if name not in self.schema.names:
                close = ", ".join(self.schema.names)
                raise ColumnError(f"no column {name!r} in {self}; it has {close}")

    def append(self, objects: pa.Table) -> None:
        """Add objects, in one commit. Columns that ``objects`` lacks are null.

        Ids must be new: ask :func:`skylore.intake.ingest.ingest` to see to it.
        """
        schema = pa.schema([self.schema.field(name) for name in objects.column_names])
        aligned = without_nan(objects.cast(schema))

        def insert() -> None:
            self._objects.insert(aligned, mode="append", max_rows_per_file=ROWS_A_FILE)

        retried(insert)
        self._largest_image = None

    def add_columns(self, fields: Sequence[pa.Field]) -> None:
        """Add empty columns, with the metadata of their fields, where there are none yet."""

        def add() -> None:
            self.refresh()
            new = [field for field in fields if field.name not in self.schema.names]
            if new:
                self._objects.add_columns(pa.schema(new))

        retried(add)

    def drop_columns(self, names: Sequence[str]) -> None:
        """Drop columns and the indexes on them."""

        def drop() -> None:
            self.refresh()
            self._objects.drop_columns([name for name in names if name in self.schema.names])

        retried(drop)

    def write(self, values: pa.Table) -> None:
        """Write values into existing columns, by ``_rowid``, in one commit."""
        values = without_nan(values)

        def write() -> None:
            self.refresh()
            self._objects = fold(self._objects, values)

        retried(write)

    def fill(self, step: Step, options: FillOptions | None = None) -> FillReport:
        """Fill the columns of a step where they are empty; see :mod:`skylore.archive.fill`."""
        self.refresh()
        return fill(self, step, options or FillOptions())

    def search(
        self,
        text: str | Sequence[str] | None = None,
        *,
        rerank: Reranking | None = None,
        **asked: Any,  # noqa: ANN401 - as Query.build
    ) -> Results:
        """Search in words, by image, object or vector, under filters.

        Parameters
        ----------
        text
            What hits look like.
        rerank
            Who looks at the first hits, and puts them into order.
        **asked
            As :meth:`skylore.Query.build` takes them: ``image``, ``like``, ``vector``, ``minus``,
            ``cone``, ``where``, ``k``, ``mode`` …

        Examples
        --------
        >>> archive.search("edge-on disk", where="gini > 0.5", k=5)  # doctest: +SKIP
        """
        from skylore.search.query import Query

        return self.answer(Query.build(text, **asked), rerank=rerank)

    def answer(self, query: Query, *, rerank: Reranking | None = None) -> Results:
        """Answer a query, re-ranked if so asked."""
        from skylore.search.reranking.service import rerank as answer_reranked
        from skylore.search.service import answer

        if rerank is not None:
            return answer_reranked(self, query, rerank)

        return answer(self, query)

    def compact(self) -> None:
        """Join small files; row ids, indexes and earlier versions stay."""
        self._objects.optimize.compact_files(target_rows_per_fragment=ROWS_A_FILE)
        self.refresh()

    def lock(self, step: str) -> AbstractContextManager[None]:
        """Keep other processes of this machine from running the same step.

        Raises
        ------
        ArchiveBusyError
            One is running it.
        """
        return locked(self._location, step)


def _kept(kept: dict[Hashable, Any], key: Hashable, make: Callable[[], T]) -> T:
    if key not in kept:
        kept[key] = make()
    value: T = kept[key]
    return value
