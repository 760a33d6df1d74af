"""Re-ranking: jobs that a model works on, as pages and as JSON."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from skylore.app.parameters import SearchParameters
from skylore.app.reranking.job import Job
from skylore.app.reranking.offer import shown_job
from skylore.app.reranking.waiting import settled
from skylore.app.state import Shared, State
from skylore.search.query import MAX_K
from skylore.search.query import Query as Asked

__all__ = ["router"]

router = APIRouter(tags=["Re-ranking"])

Offset = Annotated[int, Query(ge=0, le=MAX_K)]


async def _job(
    identifier: str,
    state: Shared,
    wait: Annotated[bool, Query(description="Answer once nothing more comes by itself.")] = False,
) -> Job:
    job = state.reranker.get(identifier)
    return await settled(job) if wait else job


Found = Annotated[Job, Depends(_job)]


@router.post("/rerank", include_in_schema=False)
async def begin(request: Request, state: Shared) -> Response:
    """Begin to re-rank a search that is given as a form, and lead to the page that shows it."""
    form = [(name, str(text)) for name, text in (await request.form()).multi_items()]

    def start() -> Job:
        query = SearchParameters.read(form).to_query(state.uploads.get)
        return state.reranker.start(state.searcher, query)

    return _to(await to_thread.run_sync(start))


@router.get("/rerank/{identifier}", include_in_schema=False, response_class=HTMLResponse)
def page(job: Found, state: Shared, offset: Offset = 0) -> str:
    """Show the hits, in the best order known so far, and what is to be decided."""
    return _drawn("rerank.html", state, job, offset)


@router.get("/rerank/{identifier}/hits", include_in_schema=False, response_class=HTMLResponse)
def hits(job: Found, state: Shared, offset: Offset = 0) -> str:
    """Give that part of the page which changes."""
    return _drawn("rerank_hits.html", state, job, offset)


@router.post("/rerank/{identifier}/confirm", include_in_schema=False)
def agree(identifier: str, state: Shared) -> Response:
    """Agree to the cost, and go on."""
    return _to(state.reranker.confirm(identifier))


@router.post("/api/rerank", status_code=202, summary="Begin to re-rank a query")
async def begin_by_json(asked: Asked, state: Shared) -> dict[str, Any]:
    """Begin; the query's ``rerank`` says how. Gives ``job``, ``state`` and the answer so far.

    A few questions are asked first; then ``state`` is ``told``, and ``forecast`` says what all
    will cost. Confirm it to go on.
    """
    start = partial(state.reranker.start, state.searcher, asked)
    return await to_thread.run_sync(_told, state, await to_thread.run_sync(start))


@router.get("/api/rerank/{identifier}", summary="How far a re-ranking is")
def standing(job: Found, state: Shared) -> dict[str, Any]:
    """Give ``state`` (waiting, asking, told, done, failed), ``forecast`` and ``answer`` so far."""
    return _told(state, job)


@router.post("/api/rerank/{identifier}/confirm", summary="Agree to what a re-ranking costs")
def agree_by_json(identifier: str, state: Shared) -> dict[str, Any]:
    """Let it go on."""
    return _told(state, state.reranker.confirm(identifier))


def _told(state: State, job: Job) -> dict[str, Any]:
    return job.to_json(state.reranker.budget)


def _to(job: Job) -> Response:
    return RedirectResponse(f"/rerank/{job.id}?offset={job.query.offset}", 303)


def _drawn(template: str, state: State, job: Job, offset: int) -> str:
    shown = shown_job(state.reranker, job, offset)
    return state.render(template, title=f"{shown['asked']}, re-ranked", **shown)
