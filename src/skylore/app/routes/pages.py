"""The pages that people read."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from skylore.app.failures import failure_of
from skylore.app.objects import info_of, known_words, neighbours_of, object_of
from skylore.app.parameters import SearchParameters, url_query
from skylore.app.reference import operations_of
from skylore.app.reranking.offer import offer_of
from skylore.app.state import Shared, State
from skylore.app.views import image_path, like_path, object_path, show, tiles
from skylore.archive.schema import ID
from skylore.errors import SkyloreError
from skylore.search.origin import describe
from skylore.search.query import ObjectTerm, Query

__all__ = ["router"]

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)


@router.get("/")
def search(request: Request, state: Shared) -> Response:
    """Show the search form, and hits: of the query, or the first objects of the archive."""
    items = request.query_params.multi_items()
    form: dict[str, list[str]] = {}
    for name, text in items:
        form.setdefault(name, []).append(text)
    try:
        parameters = SearchParameters.read(items)
        if any(not text.strip() for _, text in items):
            return RedirectResponse(str(request.url.replace(query=_joined(parameters))), 303)
        shown = _answered(state, parameters, landing=not items)
    except SkyloreError as error:
        failure = failure_of(error)
        text = state.render("search.html", form=form, failure=failure, title="Search")
        return HTMLResponse(text, failure.status, failure.headers)
    return HTMLResponse(state.render("search.html", form=form, failure=None, **shown))


def _joined(parameters: SearchParameters) -> str:
    return urlencode(parameters.pairs())


def _answered(state: State, parameters: SearchParameters, *, landing: bool) -> dict[str, Any]:
    query = parameters.to_query(state.uploads.get)
    archive = state.searcher.at(parameters.version)
    offer = offer_of(state, archive, query)
    query = query.model_copy(update={"rerank": None})
    started = time.perf_counter()
    results = state.searcher.answer(archive, query)
    answer = show(state.searcher, archive, results, time.perf_counter() - started)
    words = known_words(archive)
    return {
        "answer": answer,
        "offer": offer if answer.tiles else None,
        "asked": describe(query),
        "title": "Search" if landing else describe(query),
        "info": info_of(archive) if landing else None,
        "words": words,
        "examples": [(text, f"/?{url_query(Query.build(text))}") for text in _examples(state)]
        if words
        else [],
    }


def _examples(state: State) -> tuple[str, ...]:
    return state.settings.examples


@router.get("/object/{identifier:path}")
def one_object(identifier: str, state: Shared) -> str:
    """Show all that is known of an object, and others like it."""
    archive = state.searcher.current()
    known = object_of(archive, identifier)
    similar, why_not = [], ""
    try:
        query = Query(terms=(ObjectTerm(id=known[ID]),), k=state.settings.similar)
        similar = tiles(state.searcher.answer(archive, query))
    except SkyloreError as error:
        why_not = str(error)
    near = neighbours_of(archive, known, state.settings.neighbour_arcsec)
    return state.render(
        "object.html",
        title=f"Object {known[ID]}",
        known=known,
        columns=archive.columns,
        caption=known.get("caption") or "",
        captions=known.get("captions") or [],
        image=image_path(known[ID]) if known.get("image_width") else None,
        like=like_path(known[ID]),
        similar=similar,
        why_not=why_not,
        near=[(n.id, object_path(n.id), image_path(n.id), n.arcsec) for n in near],
        radius=state.settings.neighbour_arcsec,
    )


@router.get("/about")
def about(state: Shared) -> str:
    """Show what the archive holds and where it comes from."""
    archive = state.searcher.current()
    failures = archive.quarantine.read().slice(0, 100).to_pylist()
    return state.render(
        "about.html", title="About this archive", info=info_of(archive), failures=failures
    )


@router.get("/docs")
def docs(request: Request, state: Shared) -> str:
    """Show the reference of the API."""
    return state.render(
        "docs.html", title="API reference", operations=operations_of(request.app.openapi())
    )
