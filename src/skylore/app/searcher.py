"""An archive shared by the threads of a server."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from skylore.errors import SkyloreError
from skylore.search.query import Query, TextTerm

if TYPE_CHECKING:
    from skylore.archive.table import Archive
    from skylore.search.results import Results

__all__ = ["Searcher"]

PATIENCE = 2.0
"""Seconds that a refresh waits for searches in flight before it is put off to the next request."""
LOG = logging.getLogger(__name__)


class Searcher:
    """Reads of many threads and, alone, the step to a newer version.

    Lance tables may be read from many threads, but not moved to another version meanwhile. Models
    are loaded by the first search that needs them; others wait for it.
    """

    def __init__(self, archive: Archive, refresh_seconds: float) -> None:
        self._archive = archive
        self._every = refresh_seconds
        self._looked = time.monotonic()
        self._readers = 0
        self._moving = False
        self._state = threading.Condition()
        self._loading = threading.Lock()
        self._loaded: set[tuple[int, str]] = set()

    @contextmanager
    def reading(self) -> Iterator[Archive]:
        """Lend the archive, at its latest version, for reads."""
        self._refresh_if_due()
        with self._state:
            self._state.wait_for(lambda: not self._moving)
            self._readers += 1
        try:
            yield self._archive
        finally:
            with self._state:
                self._readers -= 1
                self._state.notify_all()

    def _refresh_if_due(self) -> None:
        with self._state:
            if self._moving or time.monotonic() - self._looked < self._every:
                return
            self._looked = time.monotonic()
            if self._archive.objects.latest_version == self._archive.version:
                return
            self._moving = True
            try:
                if self._state.wait_for(lambda: self._readers == 0, PATIENCE):
                    self._archive.refresh()
            finally:
                self._moving = False
                self._state.notify_all()

    def answer(self, archive: Archive, query: Query) -> Results:
        """Answer a query on the lent archive."""
        kinds = {(archive.version, term.kind) for term in query.terms} - self._loaded
        if not kinds:
            return archive.answer(query)
        with self._loading:
            results = archive.answer(query)
            self._loaded |= kinds
        return results

    def warm_up(self) -> None:
        """Load what a search in words needs, so that the first one is quick."""
        try:
            with self.reading() as archive:
                if "vector" in archive.schema.names:
                    self.answer(archive, Query(terms=(TextTerm(text="galaxy"),), k=1))
        except SkyloreError as error:
            LOG.warning("searches in words will fail: %s", error)
