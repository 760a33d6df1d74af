"""One request of a client to have hits re-ranked, and how far it is."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from skylore.app.failures import Failure
from skylore.search.results import Results

if TYPE_CHECKING:
    from skylore.archive.table import Archive
    from skylore.search.query import Query
    from skylore.search.reranking.forecast import Forecast
    from skylore.search.reranking.request import RerankRequest

__all__ = ["Job", "Standing", "State"]

State = Literal["waiting", "asking", "told", "done", "failed"]
"""Waiting for others; being asked about; its cost told, and not agreed to yet; over."""


@dataclass(frozen=True)
class Standing:
    """How far a job is, all of one moment.

    Attributes
    ----------
    state
        What goes on.
    results
        The answer so far: by similarity at first.
    forecast
        What it will cost, once that is known.
    failure
        Why it failed.
    """

    state: State
    results: Results
    forecast: Forecast | None = None
    failure: Failure | None = None

    @property
    def is_settled(self) -> bool:
        """Whether nothing more comes by itself."""
        return self.state in ("told", "done", "failed")


class Job:
    """A re-ranking on behalf of a client; one thread works on it, and others look at it.

    Parameters
    ----------
    archive
        At the version that all of it is answered on.
    query, request
        What the client asks.
    first
        All hits that the answer is made of, by similarity.
    confirmed
        Whether the client agrees to the cost before it is told.
    """

    def __init__(
        self,
        archive: Archive,
        query: Query,
        request: RerankRequest,
        first: Results,
        *,
        confirmed: bool,
    ) -> None:
        self.id = secrets.token_urlsafe(12)
        self.archive = archive
        self.query = query
        self.request = request
        self.confirmed = confirmed
        self.standing = Standing("waiting", first)

    def stand(self, **changes: Any) -> None:  # noqa: ANN401 - fields of Standing
        """Go on to another standing."""
        self.standing = replace(self.standing, **changes)

    def agrees(self, forecast: Forecast) -> bool:
        """Note what it will cost; the client has not agreed to it yet."""
        self.stand(forecast=forecast)
        return False

    def page(self, offset: int, *, standing: Standing | None = None) -> Results:
        """Give the hits after ``offset``, as many as the query asks for."""
        results = (standing or self.standing).results
        query = self.query.model_copy(update={"offset": offset})
        return replace(results, query=query, table=results.table.slice(offset, query.k))

    def to_json(self, budget: dict[str, str | None]) -> dict[str, Any]:
        """Give its standing as JSON values; ``answer`` is as of a search."""
        now = self.standing
        told = now.forecast
        return {
            "job": self.id,
            "state": now.state,
            "address": f"/api/rerank/{self.id}",
            "forecast": told.to_json() if told else None,
            "budget": budget,
            "error": now.failure.to_json()["error"] if now.failure else None,
            "answer": self.page(self.query.offset, standing=now).to_json(),
        }
