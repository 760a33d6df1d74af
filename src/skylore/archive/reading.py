"""What can be asked of an archive without changing it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Self, TypeVar

import lance
import pyarrow as pa
import pyarrow.compute as pc

from skylore.archive.columns import Column, Version, column_of
from skylore.archive.counting import Counts
from skylore.archive.keeping import Kept
from skylore.archive.location import Location
from skylore.archive.quarantine import Quarantine
from skylore.archive.schema import ID
from skylore.archive.staging import ROW
from skylore.errors import ColumnError
from skylore.near_names import hint_of

__all__ = ["OBJECTS", "SCAN", "Reading", "read_ahead"]

T = TypeVar("T")

OBJECTS = "objects"
SCAN = 32 << 20
"""What a scan may read ahead where memory is bounded; the engine would take two GB."""


def read_ahead(cache_bytes: int | None) -> int | None:
    """Give the bytes that a scan may read ahead where memory is bounded."""
    return None if cache_bytes is None else SCAN


class Reading:
    """The table of objects at one version, and what is worked out from it once."""

    def __init__(
        self, location: Location, objects: lance.LanceDataset, cache_bytes: int | None = None
    ) -> None:
        self._location = location
        self._objects = objects
        self._cache_bytes = cache_bytes
        self._largest_image: int | None = None
        self._kept = Kept()
        self._kept_for_version = Kept()

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
    def caches_are_bounded(self) -> bool:
        """Whether a limit was set on what is kept in memory between queries."""
        return self._cache_bytes is not None

    def cache_share(self, usual: int) -> int:
        """Give the bytes that one of four caches may take: as usual, or a quarter of the limit."""
        return usual if self._cache_bytes is None else min(usual, self._cache_bytes // 4)

    @property
    def objects(self) -> lance.LanceDataset:
        """The Lance table, for what this class does not offer; treat it as read-only."""
        return self._objects

    @property
    def schema(self) -> pa.Schema:
        """The columns as Arrow fields."""
        return self.cached_for_version("schema", lambda: self._objects.schema)

    @property
    def columns(self) -> dict[str, Column]:
        """The columns by name."""
        made = self.cached_for_version(
            "columns", lambda: {field.name: column_of(field) for field in self.schema}
        )
        return dict(made)

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
            largest = 0
            for sizes in self._objects.to_batches(columns=["image_width", "image_height"]):
                pixels = pc.multiply(sizes["image_width"], sizes["image_height"])
                largest = max(largest, pc.max(pixels).as_py() or 0)
            self._largest_image = largest
        return self._largest_image

    def cached(self, key: Hashable, make: Callable[[], T]) -> T:
        """Give what was made for this key before, or make it.

        It lives as long as the archive, and :meth:`latest` hands it on: what holds for one version
        only must have the version in its key, and a bound on how many there are.
        """
        return self._kept.get(key, make)

    def cached_for_version(self, key: Hashable, make: Callable[[], T]) -> T:
        """Do as :meth:`cached`, until the archive changes."""
        return self._kept_for_version.get((key, self.version), make)

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
        self._kept_for_version = Kept()

    def latest(self) -> Self:
        """Give this archive at its latest version: itself, if nothing is newer.

        The one in hand stays at its version, for threads that still read by it.
        """
        if self._objects.latest_version == self._objects.version:
            return self
        return self.at(None)

    def at(self, version: int | None) -> Self:
        """Open a version, the latest if None; what does not depend on the version is shared.

        Raises
        ------
        ValueError
            It is no longer there, or not yet.
        """
        session = self._objects.session()
        ahead = read_ahead(self._cache_bytes)
        objects = self._location.open_table(OBJECTS, version, session, ahead)
        other = type(self)(self._location, objects, self._cache_bytes)
        other._kept = self._kept  # noqa: SLF001 - of the same class
        return other

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
        """Count the objects that have a value in a column; ColumnError if there is none."""
        self.require([column])
        return self.cached_for_version(
            ("filled", column), lambda: self._counts.filled(self._objects, column)
        )

    @property
    def _counts(self) -> Counts:
        options = dict(self._location.storage_options) or None
        return self.cached("counts", lambda: Counts(self._location.table(OBJECTS), options))

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
        """Read rows by row id, in the order given, with ``_rowid`` as the last column.

        Rows that have been deleted are left out.
        """
        rows = rows.combine_chunks() if isinstance(rows, pa.ChunkedArray) else rows
        names = [name for name in dict.fromkeys(columns) if name != ROW]
        return self._objects._take_rows(rows, columns=[*names, ROW])  # noqa: SLF001 - the only read by stable row id that Lance offers

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
                hint = hint_of(name, self.schema.names)
                raise ColumnError(f"no column {name!r} in {self}; {hint}")
