"""What the templates show of an answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from skylore.app.parameters import parameters_of, url_query
from skylore.search.query import MAX_K, Query

if TYPE_CHECKING:
    from skylore.app.searcher import Searcher
    from skylore.archive.table import Archive
    from skylore.search.results import Hit, Results

__all__ = ["Answer", "Tile", "image_path", "like_path", "object_path", "show", "tiles"]


@dataclass(frozen=True)
class Tile:
    """A hit, with the addresses that it leads to."""

    rank: int
    id: str
    score: str
    caption: str
    certainty: str
    error: str
    extra: Sequence[tuple[str, object]]
    page: str
    image: str
    like: str


@dataclass(frozen=True)
class Answer:
    """An answer as a page shows it."""

    tiles: Sequence[Tile]
    total: str
    how: str
    previous: str | None
    next: str | None
    json: str


def object_path(identifier: str | int) -> str:
    """Give the address of an object's page."""
    return f"/object/{quote(str(identifier), safe='')}"


def image_path(identifier: str | int) -> str:
    """Give the address of an object's image."""
    return f"/image/{quote(str(identifier), safe='')}"


def like_path(identifier: str | int) -> str:
    """Give the address of the search for objects like this one."""
    return f"/?{urlencode({'like': str(identifier)})}"


def tiles(results: Results) -> list[Tile]:
    """Give the hits of an answer."""
    usual = ("caption", "ra", "dec", "rerank_certainty", "rerank_samples", "rerank_error")
    return [
        Tile(
            rank=hit.rank,
            id=str(hit.id),
            score="" if hit.score is None else f"{hit.score:.3f}",
            caption=str(hit.columns.get("caption") or ""),
            certainty=_certainty(hit),
            error=str(hit.columns.get("rerank_error") or ""),
            extra=[(name, value) for name, value in hit.columns.items() if name not in usual],
            page=object_path(hit.id),
            image=image_path(hit.id),
            like=like_path(hit.id),
        )
        for hit in results
    ]


def _certainty(hit: Hit) -> str:
    certainty, answers = (hit.columns.get(f"rerank_{name}") for name in ("certainty", "samples"))
    if certainty is None:
        return ""
    return f"{certainty:.1f} of 10, {answers} answer{'' if answers == 1 else 's'}"


def show(searcher: Searcher, archive: Archive, results: Results, seconds: float) -> Answer:
    """Prepare an answer for its page."""
    query, plan = results.query, results.plan
    before = max(query.offset - query.k, 0)
    after = query.offset + query.k
    more = after <= MAX_K and _has_more(searcher, archive, results)
    return Answer(
        tiles=tiles(results),
        total=_total(results),
        how=f"{plan.method}: {plan.reason} · {1e3 * seconds:.0f} ms",
        previous=f"/?{_address(query, before, archive)}" if query.offset else None,
        next=f"/?{_address(query, after, archive)}" if more else None,
        json=f"/api/search?{url_query(query)}",
    )


def _address(query: Query, offset: int, archive: Archive) -> str:
    """Give a page of the query, on the same version of the archive."""
    pairs = [*parameters_of(query.model_copy(update={"offset": offset})).pairs()]
    return urlencode([*pairs, ("version", str(archive.version))])


def _has_more(searcher: Searcher, archive: Archive, results: Results) -> bool:
    """Whether there is a hit after the last one shown, exactly."""
    query, plan = results.query, results.plan
    if len(results) < query.k:
        return False
    if plan.matching is not None and plan.method != "hybrid":
        return query.offset + query.k < plan.matching
    after = query.model_copy(update={"offset": query.offset + query.k, "k": 1})
    return len(searcher.answer(archive, after)) > 0


def _total(results: Results) -> str:
    query, plan, shown = results.query, results.plan, len(results)
    first, last = query.offset + 1, query.offset + shown
    if shown == 0:
        nothing = "No object can be a hit" if query.offset == 0 else "No hits are that far down"
        return f"{nothing}."
    if results.message and query.offset == 0:
        return f"{results.message.capitalize()}."
    counted = plan.matching is not None and plan.method != "hybrid"
    return f"{first}–{last} of {plan.matching}" if counted else f"{first}–{last}"
