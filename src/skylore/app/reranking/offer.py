"""What the page of a search says of re-ranking, and what the page of a job shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from skylore.app.parameters import parameters_of
from skylore.app.views import tiles
from skylore.errors import QueryError
from skylore.search.origin import describe
from skylore.search.reranking.request import RerankRequest

if TYPE_CHECKING:
    from skylore.app.reranking.job import Job, Standing
    from skylore.app.reranking.reranker import Reranker
    from skylore.app.state import State
    from skylore.archive.table import Archive
    from skylore.search.query import Query

__all__ = ["Offer", "offer_of", "shown_job"]


@dataclass(frozen=True)
class Offer:
    """A model that may look at the hits of a search.

    Attributes
    ----------
    model, budget
        Who, and how much is spent.
    candidates, most
        How many hits to begin with, and at most.
    pairs
        The search as parameters.
    """

    model: str
    budget: str
    candidates: int
    most: int
    pairs: Sequence[tuple[str, str]]


def offer_of(state: State, archive: Archive, query: Query) -> Offer | None:
    """Offer re-ranking where there is a model, an image, and words to judge by."""
    reranker = state.offered
    request = query.rerank or RerankRequest()
    if reranker is None or not archive.filled("image"):
        return None
    try:
        request.words(query)
    except QueryError:
        return None
    most = state.settings.rerank_candidates
    return Offer(
        model=reranker.name,
        budget=budget_line(reranker),
        candidates=min(request.candidates, most),
        most=most,
        pairs=parameters_of(query.model_copy(update={"rerank": None})).pairs(),
    )


def budget_line(reranker: Reranker) -> str:
    """Say what was spent, and of how much."""
    told = reranker.budget
    of = f" of {told['limit']}" if told["limit"] else ""
    return f"Spent since the server was started: {told['spent']}{of}."


def shown_job(reranker: Reranker, job: Job, offset: int) -> dict[str, Any]:
    """Give what the page of a job shows, all of one moment."""
    now = job.standing
    results = job.page(offset, standing=now)
    whole, k = len(now.results), job.query.k
    address = f"/rerank/{job.id}"
    before, after = max(offset - k, 0), offset + k
    return {
        "job": address,
        "state": now.state,
        "is_settled": now.is_settled,
        "asked": describe(job.query),
        "status": status_line(now, reranker.name),
        "forecast": told_lines(now) if now.state == "told" else "",
        "failure": now.failure.message if now.failure else "",
        "budget": budget_line(reranker),
        "tiles": tiles(results),
        "total": f"{offset + 1}–{offset + len(results)} of the first {whole}" if results else "",
        "previous": f"{address}?offset={before}" if offset else None,
        "next": f"{address}?offset={after}" if after < whole else None,
        "json": f"/api{address}",
        "offset": offset,
    }


def told_lines(now: Standing) -> str:
    """Say what it will cost, each line as a sentence begins."""
    lines = str(now.forecast).splitlines()
    return "\n".join(line[:1].upper() + line[1:] for line in lines)


def status_line(now: Standing, model: str) -> str:
    """Say in a line how far it is."""
    done = now.results.reranked
    if now.state == "waiting":
        return f"Waiting for {model}; the hits are in order of similarity."
    if done is None or now.state == "failed":
        return "The hits are in order of similarity, as far as they were not judged."
    progress = f"{done.judged} of {done.candidates} judged by {model}, {done.answers} answers"
    if now.state == "done":
        return f"{progress}. {(done.message or '').capitalize()}".strip()
    return f"{progress} so far."
