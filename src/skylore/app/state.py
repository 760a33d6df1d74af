"""What the routes of one application share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, cast

from fastapi import Depends, Request
from jinja2 import Environment, PackageLoader, StrictUndefined

from skylore.app.searcher import Searcher
from skylore.app.settings import ServerSettings
from skylore.app.uploads import Uploads
from skylore.errors import QueryError

if TYPE_CHECKING:
    from skylore.app.reranking.reranker import Reranker

__all__ = ["Shared", "State", "make_templates"]


@dataclass(frozen=True)
class State:
    """The archive, the settings, uploads, templates and the re-ranker of an application."""

    searcher: Searcher
    settings: ServerSettings
    uploads: Uploads
    templates: Environment
    offered: Reranker | None = None

    @property
    def reranker(self) -> Reranker:
        """Who re-ranks; raises QueryError where nobody does."""
        if self.offered is None:
            raise QueryError(
                "this server has no model that could look at hits; it is started with one by "
                "`skylore serve --rerank openai:MODEL`"
            )
        return self.offered

    def render(self, name: str, **values: object) -> str:
        """Draw a template."""
        return self.templates.get_template(name).render(values)


def make_templates() -> Environment:
    """Open the templates, with escaping on."""
    return Environment(
        loader=PackageLoader("skylore.app"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _state(request: Request) -> State:
    return cast(State, request.app.state.skylore)


Shared = Annotated[State, Depends(_state)]
