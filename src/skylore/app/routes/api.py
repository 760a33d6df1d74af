"""The REST interface: JSON in and out."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Request
from fastapi import Query as Parameter

from skylore.app.objects import info_of, object_of
from skylore.app.parameters import SearchParameters
from skylore.app.reranking.waiting import answer_of, settled
from skylore.app.state import Shared, State
from skylore.errors import QueryError
from skylore.search.query import Query

__all__ = ["router"]

router = APIRouter(prefix="/api", tags=["API"])

AGREED = Parameter(description="Agree to what re-ranking costs, within the server's budget.")
VERSION = Parameter(gt=0, description="The version of the archive to answer on; else the latest.")
ERROR = {
    "description": "What is wrong, in one shape for all errors.",
    "content": {
        "application/json": {
            "example": {"error": {"kind": "filter", "message": "no column 'mga'; …"}}
        }
    },
}


def _listed() -> list[dict[str, Any]]:
    properties = SearchParameters.model_json_schema()["properties"]
    return [
        {"name": name, "in": "query", "description": p.pop("description", ""), "schema": p}
        for name, p in properties.items()
    ]


def _answered(state: State, query: Query, version: int | None) -> dict[str, Any]:
    if query.rerank is not None:
        raise QueryError("re-ranking may cost money: POST the query to /api/search")
    archive = state.searcher.at(version)
    return state.searcher.answer(archive, query).to_json()


@router.get(
    "/search",
    summary="Search by URL parameters",
    openapi_extra={"parameters": _listed()},
    responses={400: ERROR},
)
def search_by_url(request: Request, state: Shared) -> dict[str, Any]:
    """Give ``version``, ``query``, ``plan``, ``hits`` and ``message``."""
    parameters = SearchParameters.read(request.query_params.multi_items())
    return _answered(state, parameters.to_query(state.uploads.get), parameters.version)


@router.post("/search", summary="Search by a query as JSON", responses={400: ERROR, 402: ERROR})
async def search_by_json(
    query: Query,
    state: Shared,
    confirm: Annotated[bool, AGREED] = False,
    version: Annotated[int | None, VERSION] = None,
) -> dict[str, Any]:
    """Give ``version``, ``query``, ``plan``, ``hits``, ``message``, as ``Archive.answer`` does.

    With ``rerank`` in the query, hits are judged by the server's model, and the answer waits for
    it. Unless ``confirm`` is true, a few questions are asked first, and what all will cost is the
    error 402; nothing that was answered is paid for again.
    """
    if query.rerank is None:
        return await to_thread.run_sync(_answered, state, query, version)
    start = partial(state.reranker.start, state.searcher, query, confirmed=confirm)
    job = await to_thread.run_sync(start)
    return await to_thread.run_sync(answer_of, await settled(job))


@router.get("/object/{identifier:path}", summary="All columns of an object", responses={404: ERROR})
def one_object(identifier: str, state: Shared) -> dict[str, Any]:
    """Give every column but vectors and the image, which is at ``/image/{identifier}``."""
    archive = state.searcher.current()
    return object_of(archive, identifier)


@router.get("/info", summary="What the archive holds")
def info(state: Shared) -> dict[str, Any]:
    """Give number of objects, version, sources, columns with provenance, and rows set aside."""
    archive = state.searcher.current()
    return info_of(archive)
