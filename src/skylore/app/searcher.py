"""An archive shared by the threads of a server."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from skylore.errors import SkyloreError
from skylore.search.query import Query, TextTerm
from skylore.search.space import words_column

if TYPE_CHECKING:
    from skylore.archive.table import Archive
    from skylore.search.results import Results

__all__ = ["Searcher"]

LOG = logging.getLogger(__name__)


class Searcher:
    """The archive at its latest version, for many threads.

    A request reads one version from beginning to end: when there is a newer one, later requests are
    lent another handle. Models are loaded by the first search that needs them; others wait for it.
    """

    def __init__(self, archive: Archive, refresh_seconds: float) -> None:
        self._archive = archive
        self._every = refresh_seconds
        self._looked = time.monotonic()
        self._looking = threading.Lock()
        self._loading = threading.Lock()
        self._loaded: set[str] = set()

    def current(self) -> Archive:
        """Lend the archive, at its latest version, for the reads of one request."""
        with self._looking:
            if time.monotonic() - self._looked >= self._every:
                self._looked = time.monotonic()
                self._archive = self._archive.latest()
            return self._archive

    def answer(self, archive: Archive, query: Query) -> Results:
        """Answer a query on the lent archive."""
        kinds = {term.kind for term in query.terms} - self._loaded
        if not kinds:
            return archive.answer(query)
        with self._loading:
            results = archive.answer(query)
            self._loaded |= kinds
        return results

    def warm_up(self) -> None:
        """Load what a search in words needs, so that the first one is quick."""
        try:
            archive = self.current()
            if words_column(archive) is not None:
                self.answer(archive, Query(terms=(TextTerm(text="galaxy"),), k=1))
        except SkyloreError as error:
            LOG.warning("searches in words will fail: %s", error)
