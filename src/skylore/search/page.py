"""Answers as HTML that needs nothing beside itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined

from skylore.errors import ImageError
from skylore.search.origin import describe
from skylore.search.thumbnails import data_uri

if TYPE_CHECKING:
    from skylore.search.results import Results

__all__ = ["Card", "Section", "cards", "grid", "page"]

TEMPLATES = Environment(
    loader=PackageLoader("skylore.search"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass(frozen=True)
class Section:
    """One answer of a page, under a heading of its own and with a note in small print."""

    results: Results
    heading: str = ""
    note: str = ""

    @property
    def title(self) -> str:
        """The heading, or the query in words."""
        return self.heading or describe(self.results.query)


@dataclass(frozen=True)
class Card:
    """What is shown of a hit."""

    rank: int
    id: str
    score: str
    caption: str
    image: str | None


def cards(results: Results) -> list[Card]:
    """Give each hit with its image as a ``data:`` address; None where it has no readable one."""
    images = results.images()
    return [
        Card(
            rank=hit.rank,
            id=str(hit.id),
            score="" if hit.score is None else f"{hit.score:.3f}",
            caption=str(hit.columns.get("caption") or ""),
            image=_address(images.get(hit.id)),
        )
        for hit in results
    ]


def _address(data: bytes | None) -> str | None:
    try:
        return None if data is None else data_uri(data)
    except (ImageError, OSError):
        return None


def grid(results: Results) -> str:
    """Show an answer as thumbnails with rank, score, caption and id: an HTML fragment.

    For notebooks: styles are inside, nothing is loaded from elsewhere.
    """
    return TEMPLATES.get_template("grid.html").render(
        section=Section(results), cards=cards(results)
    )


def page(title: str, sections: Sequence[Results | Section]) -> str:
    """Show one or more answers on one page, as a whole HTML document.

    Parameters
    ----------
    title
        The heading of the page.
    sections
        Answers; a :class:`Section` gives one a heading and a note.
    """
    named = [s if isinstance(s, Section) else Section(s) for s in sections]
    return TEMPLATES.get_template("page.html").render(
        title=title, sections=[(section, cards(section.results)) for section in named]
    )
