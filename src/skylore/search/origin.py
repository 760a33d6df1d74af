"""Where an answer comes from, in the form that an exported file carries along."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from skylore import __version__
from skylore.search.query import ImageTerm, Query

if TYPE_CHECKING:
    from skylore.search.results import Results

__all__ = ["describe", "origin_of", "query_json"]

LONGEST = 60_000
"""Query JSON with more characters names its images by digest: a header is no place for pixels."""


def origin_of(results: Results) -> dict[str, str]:
    """Give archive, version, query, plan and message of an answer as texts by name."""
    facts = {
        "archive": str(results.archive),
        "archive_version": str(results.archive.version),
        "query": query_json(results.query),
        "plan": results.plan.model_dump_json(),
        "message": results.message or "",
        "skylore_version": __version__,
    }
    return {name: text for name, text in facts.items() if text}


def query_json(query: Query) -> str:
    """Give the JSON of a query; images of a long one are named by their SHA-256."""
    text = query.model_dump_json(exclude_none=True)
    if len(text) <= LONGEST:
        return text
    value: dict[str, Any] = query.model_dump(mode="json", exclude_none=True)
    for given, term in zip(value.get("terms", ()), query.terms, strict=True):
        if isinstance(term, ImageTerm):
            given["data"] = f"sha256:{hashlib.sha256(term.data).hexdigest()}"
    return json.dumps(value)


def describe(query: Query) -> str:
    """Say in one line of words what a query asks for.

    Examples
    --------
    >>> describe(Query.build("edge-on disk", minus="star", where="gini > 0.5"))
    '“edge-on disk” − “star” where gini > 0.5'
    """
    terms = " ".join(
        _signed(term.weight, _named(term), first=i == 0) for i, term in enumerate(query.terms)
    )
    parts = [terms or "all objects"]
    parts += [f"within {c.radius:g}° of ({c.ra:g}, {c.dec:g})" for c in query.cones]
    parts += [f"{_bounds(r.minimum, r.column, r.maximum)}" for r in query.ranges]
    parts += [f"where {query.where}"] if query.where is not None else []
    parts += [f"by {query.sort}"] if query.sort is not None else []
    return " ".join(parts)


def _named(term: Any) -> str:  # noqa: ANN401 - one of the term types
    names = {
        "text": lambda: f"“{term.text}”",
        "image": lambda: f"like an image ({hashlib.sha256(term.data).hexdigest()[:8]})",
        "object": lambda: f"like {term.id}",
        "position": lambda: f"like the object at ({term.ra:g}, {term.dec:g})",
        "vector": lambda: f"a vector of {len(term.values)} dimensions",
    }
    return names[term.kind]()


def _signed(weight: float, name: str, *, first: bool) -> str:
    size = abs(weight)
    usual = 1.0 if weight > 0 else 0.5
    factor = "" if size == usual else f"{size:g} × "
    sign = "− " if weight < 0 else "" if first else "+ "
    return f"{sign}{factor}{name}"


def _bounds(minimum: float | None, name: str, maximum: float | None) -> str:
    low = "" if minimum is None else f"{minimum:g} ≤ "
    high = "" if maximum is None else f" ≤ {maximum:g}"
    return f"{low}{name}{high}"
