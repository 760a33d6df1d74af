"""The archive: one table of objects, and all that has been worked out about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import lance
import pyarrow as pa

from skylore.archive.disk import full_disk_said
from skylore.archive.fill import FillOptions, FillReport, fill
from skylore.archive.location import Location
from skylore.archive.reading import OBJECTS
from skylore.archive.schema import base_schema
from skylore.archive.step import Step
from skylore.archive.writing import Writing
from skylore.errors import ArchiveError, ArchiveExistsError, ArchiveNotFoundError

if TYPE_CHECKING:
    from skylore.archive.compacting import CompactReport
    from skylore.archive.updating import UpdateReport
    from skylore.search.query import Query
    from skylore.search.reranking.settings import Reranking
    from skylore.search.results import Results

__all__ = ["Archive"]

FORMAT = "skylore:format"
CURRENT_FORMAT = "1"


class Archive(Writing):
    """An archive of objects, in a folder or an object store.

    Made by :meth:`create` and :meth:`open`.

    Examples
    --------
    >>> archive = Archive.open("hdf.skylore")  # doctest: +SKIP
    >>> archive.read(["id", "gini"], where="ellipticity > 0.6")  # doctest: +SKIP
    """

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
            with full_disk_said(location):
                objects = lance.write_dataset(
                    schema.empty_table(),
                    location.table(OBJECTS),
                    storage_options=dict(location.storage_options) or None,
                    enable_stable_row_ids=True,
                    data_storage_version="2.1",
                )
        except OSError as error:
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

    def delete(self, *, where: str | None = None, ids: Sequence[str | int] | None = None) -> int:
        """Delete the objects that satisfy a predicate, or those of a list, in one commit.

        An object that is still in its source comes back when that is ingested again.

        Parameters
        ----------
        where
            SQL over the columns, trusted: check what users write with
            :func:`skylore.search.predicate.compile_predicate`.
        ids
            Ids; those that do not exist are passed over.

        Returns
        -------
        int
            How many there were.

        Raises
        ------
        ArchiveError
            Neither is given, or both, or the ids are of the wrong type.
        """
        from skylore.archive.deleting import delete

        return delete(self, where=where, ids=ids)

    def update(self, objects: pa.Table) -> UpdateReport:
        """Replace what changed in objects that are here, in one commit.

        What steps made from a changed value is emptied, however far back it was made from it, and
        filled again when the step runs. What is new in ``objects`` is not added.

        Parameters
        ----------
        objects
            ``id``, unique, and the columns to be compared and replaced, null included.

        Raises
        ------
        ColumnError
            A column does not exist.
        ArchiveBusyError
            A step is at work on this archive.
        """
        from skylore.archive.updating import update

        return update(self, objects)

    def compact(
        self,
        *,
        keep_versions: int | None = None,
        older_than: timedelta | None = None,
        memory: int = 1 << 30,
        progress: bool = False,
    ) -> CompactReport:
        """Join small files and leave out deleted rows; row ids and indexes stay.

        Readers and writers may be at work: readers stay at the version that they opened, unless
        that is removed.

        Parameters
        ----------
        keep_versions, older_than
            Which versions may be removed: all but the last so many, those older than this, or
            where both are given those that satisfy both. None of them if neither is given.
        memory
            Bytes that it may take.
        progress
            Show a progress bar on stderr.
        """
        from skylore.archive.compacting import compact

        return compact(
            self,
            keep_versions=keep_versions,
            older_than=older_than,
            memory=memory,
            progress=progress,
        )
