"""The archive: one table of objects, and all that has been worked out about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import lance
import pyarrow as pa

from skylore.archive.disk import full_disk_said
from skylore.archive.fill import FillOptions, FillReport, fill
from skylore.archive.location import Location
from skylore.archive.maintaining import Maintaining
from skylore.archive.reading import OBJECTS, read_ahead
from skylore.archive.schema import base_schema
from skylore.archive.step import Step
from skylore.errors import ArchiveError, ArchiveExistsError, ArchiveNotFoundError

if TYPE_CHECKING:
    from skylore.search.query import Query
    from skylore.search.reranking.settings import Reranking
    from skylore.search.results import Results

__all__ = ["Archive"]

FORMAT = "skylore:format"
CURRENT_FORMAT = "1"


class Archive(Maintaining):
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
        cache_bytes: int | None = None,
    ) -> Archive:
        """Open an archive, at its latest version or an earlier one.

        Parameters
        ----------
        path
            A folder, or an object-store URL.
        version
            Its number.
        storage_options
            Keys, endpoint and region of the object store, if not in the environment.
        cache_bytes
            What may be kept in memory between queries: a quarter each for the table's metadata and
            its indexes, for answers of filters, and for sets of rows. By default as much as
            helps, up to 7 GB where an archive is large enough.

        Raises
        ------
        ArchiveNotFoundError
            No archive is there, or not that version.
        ArchiveError
            It was made by a newer Skylore.
        """
        location = Location(str(path), storage_options or {})
        try:
            session, ahead = _session(cache_bytes), read_ahead(cache_bytes)
            objects = location.open_table(OBJECTS, version, session, ahead)
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
        return cls(location, objects, cache_bytes)

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


def _session(cache_bytes: int | None) -> lance.Session | None:
    """Bound the engine's own caches, which would take up to 7 GB."""
    if cache_bytes is None:
        return None
    quarter = cache_bytes // 4
    return lance.Session(index_cache_size_bytes=quarter, metadata_cache_size_bytes=quarter)
