"""An archive shared by the threads of a server."""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from typing import TYPE_CHECKING

from skylore.app.failures import VersionGoneError
from skylore.app.room import Room, Shares, bytes_of
from skylore.archive.schema import VECTORS
from skylore.errors import SkyloreError
from skylore.search.codes.view import view_of
from skylore.search.masks.service import look_for_masks
from skylore.search.query import Query, TextTerm
from skylore.search.space import words_column

if TYPE_CHECKING:
    from skylore.app.settings import ServerSettings
    from skylore.archive.table import Archive
    from skylore.search.results import Results

__all__ = ["Searcher"]

LOG = logging.getLogger(__name__)


class Searcher:
    """The archive at its latest version, and at a few earlier ones, for many threads.

    A request reads one version from beginning to end: when there is a newer one, later requests are
    lent another handle. Models are loaded by the first search that needs them; others wait for it.

    Attributes
    ----------
    room
        Memory for the requests under way.
    """

    def __init__(self, archive: Archive, settings: ServerSettings) -> None:
        self._archive = archive
        self._settings = settings
        self._looked = time.monotonic()
        self._looking = threading.Lock()
        self._loading = threading.Lock()
        self._loaded: set[str] = set()
        self._earlier: OrderedDict[int, Archive] = OrderedDict()
        self.room = Room(Shares.of(settings.memory).requests, settings.patience_seconds)

    def current(self) -> Archive:
        """Lend the archive, at its latest version, for the reads of one request."""
        with self._looking:
            if time.monotonic() - self._looked >= self._settings.refresh_seconds:
                self._look()
            return self._archive

    def at(self, version: int | None) -> Archive:
        """Lend the archive at a version, so that pages of one answer fit each other.

        Another process may have seen a later version first: then it is looked for.

        Raises
        ------
        VersionGoneError
            It was removed, or never was.
        """
        if version is None:
            return self.current()
        with self._looking:
            if version > self._archive.version:
                self._look()
            if version == self._archive.version:
                return self._archive
            if version not in self._earlier:
                self._keep(self._opened(version))
            self._earlier.move_to_end(version)
            return self._earlier[version]

    def _look(self) -> None:
        self._looked = time.monotonic()
        latest = self._archive.latest()
        if latest is not self._archive:
            self._keep(self._archive)
            self._archive = latest

    def _opened(self, version: int) -> Archive:
        try:
            return self._archive.at(version)
        except (ValueError, OSError) as error:
            raise VersionGoneError(
                f"version {version} of the archive is not here; the latest is "
                f"{self._archive.version}"
            ) from error

    def _keep(self, archive: Archive) -> None:
        self._earlier[archive.version] = archive
        while len(self._earlier) > self._settings.versions:
            self._earlier.popitem(last=False)

    def answer(self, archive: Archive, query: Query) -> Results:
        """Answer a query on the lent archive, once there is room for it.

        Raises
        ------
        OverloadedError
            Other requests take all memory.
        """
        with self.room.held(bytes_of(archive, query)):
            kinds = {term.kind for term in query.terms} - self._loaded
            if not kinds:
                return archive.answer(query)
            with self._loading:
                results = archive.answer(query)
                self._loaded |= kinds
            return results

    def warm_up(self) -> None:
        """Prepare what first requests need: counts, copies, codes, and models of words."""
        try:
            archive = self.current()
            for name in archive.schema.names:
                archive.filled(name)
            look_for_masks(archive)
            for name in VECTORS:
                if name in archive.schema.names:
                    view_of(archive, name)
            if words_column(archive) is not None:
                self.answer(archive, Query(terms=(TextTerm(text="galaxy"),), k=1))
        except SkyloreError as error:
            LOG.warning("searches in words will fail: %s", error)
