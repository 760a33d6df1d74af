"""The web application over one archive."""

from __future__ import annotations

import logging
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import anyio.to_thread
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from skylore import __version__
from skylore.app.failures import failure_of
from skylore.app.routes import api, files, pages, reranking
from skylore.app.searcher import Searcher
from skylore.app.security import Guard
from skylore.app.settings import ServerSettings
from skylore.app.state import State, make_templates
from skylore.app.uploads import Uploads
from skylore.errors import SkyloreError

if TYPE_CHECKING:
    from skylore.app.reranking.reranker import Reranker
    from skylore.archive.table import Archive

__all__ = ["create_app"]

LOG = logging.getLogger(__name__)


def create_app(archive: Archive, settings: ServerSettings | None = None) -> FastAPI:
    """Make the application: pages for people, JSON under ``/api``, images under ``/image``.

    Parameters
    ----------
    archive
        Read only; newer versions are seen as they come.
    settings
        Limits and habits.
    """
    settings = settings or ServerSettings()
    state = State(
        searcher=Searcher(archive, settings),
        settings=settings,
        uploads=Uploads(settings),
        templates=make_templates(),
        offered=_reranker(settings),
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        anyio.to_thread.current_default_thread_limiter().total_tokens = settings.threads
        threading.Thread(target=state.searcher.warm_up, daemon=True).start()
        yield
        if state.offered is not None:
            state.offered.close()

    app = FastAPI(
        title="Skylore",
        version=__version__,
        description="Search an archive of science images.",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.skylore = state
    for router in (api.router, files.router, reranking.router, pages.router):
        app.include_router(router)
    app.mount("/static", StaticFiles(directory=Path(__file__).parent / "static"), name="static")
    for kind in (SkyloreError, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, _failed)
    app.add_middleware(Guard, settings=settings)
    return app


def _reranker(settings: ServerSettings) -> Reranker | None:
    if settings.rerank is None:
        return None
    from skylore.app.reranking.reranker import Reranker

    return Reranker(settings.rerank, settings)


def _failed(request: Request, error: Exception) -> Response:
    """Answer with a page where a browser asks for one, else with JSON."""
    failure = failure_of(error)
    if failure.status >= 500 and not failure.headers:
        LOG.error("%s %s", request.method, request.url.path, exc_info=error)
    wants_page = "text/html" in request.headers.get("accept", "")
    if wants_page and not request.url.path.startswith("/api"):
        state: State = request.app.state.skylore
        text = state.render("error.html", title="No answer", failure=failure)
        return HTMLResponse(text, failure.status, failure.headers)
    return JSONResponse(failure.to_json(), failure.status, failure.headers)
