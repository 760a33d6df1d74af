"""The answer to a query: hits in order, and how they were found."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from skylore.search.planner import Plan
from skylore.search.query import Query

if TYPE_CHECKING:
    import pandas as pd
    from astropy.table import Table

    from skylore.archive.table import Archive
    from skylore.search.codes.searching import Work
    from skylore.search.reranking.settings import Reranked

__all__ = ["Hit", "Results"]


@dataclass(frozen=True)
class Hit:
    """One object of an answer.

    Attributes
    ----------
    rank
        1 for the best.
    id
        The object.
    score
        Cosine similarity, BM25 or fused score by the query's mode; None in a plain list.
    columns
        The columns asked for; None where a value is missing.
    """

    rank: int
    id: str | int
    score: float | None
    columns: dict[str, Any]


@dataclass(frozen=True, repr=False)
class Results:
    """Hits in order, best first; ties by id.

    Attributes
    ----------
    query, plan
        What was asked, and how it was answered.
    table
        ``rank``, ``id``, ``score`` and the columns asked for.
    archive
        Where the images are.
    reranked
        What a judge made of it; None if none was asked.
    work
        What the search took, where it was measured; no part of the answer.
    """

    query: Query
    plan: Plan
    table: pa.Table
    archive: Archive
    reranked: Reranked | None = None
    work: Work | None = None

    def __repr__(self) -> str:
        """Show the hits as a table."""
        from skylore.search.export import dumps

        return str(dumps(self, "table")).rstrip()

    def __len__(self) -> int:
        """Count the hits."""
        return int(self.table.num_rows)

    def __iter__(self) -> Iterator[Hit]:
        """Go through the hits, best first."""
        for row in self.table.to_pylist():
            yield Hit(row.pop("rank"), row.pop("id"), row.pop("score"), row)

    @property
    def message(self) -> str | None:
        """Say so where fewer than ``k`` hits exist, or a judge could not judge all."""
        parts = (self._shortage(), self.reranked.message if self.reranked else None)
        return "; ".join(part for part in parts if part) or None

    @property
    def explanation(self) -> str:
        """Say how it was answered, what that was expected to take, and what it took."""
        plan = self.plan
        passing = "" if plan.matching is None else f", {plan.matching} pass the filters"
        lines = [f"{plan.method}: {plan.reason}", f"{plan.rows} objects{passing}"]
        if plan.estimate_ms is not None:
            lines.append(f"expected {plan.estimate_ms:.1f} ms besides the filters")
        if self.work is not None:
            lines.append(f"took {self.work}")
        return "\n".join(lines)

    def _shortage(self) -> str | None:
        if len(self) >= self.query.k:
            return None
        total = self.query.offset + len(self)
        if self.query.offset and not len(self):
            return f"there is no hit {total + 1}: fewer objects can be hits"
        if self.plan.method == "full text":
            return f"only {total} caption{'s' * (total != 1)} have these words"
        return f"only {total} object{'s' * (total != 1)} can be hits"

    def top(self, count: int) -> Results:
        """Give the first hits alone, as if the query had asked for so many."""
        query = self.query.model_copy(update={"k": count})
        return replace(self, query=query, table=self.table.slice(0, count))

    def images(self) -> dict[str | int, bytes | None]:
        """Give the encoded display image of each hit, by id."""
        return self.archive.images([hit.id for hit in self])

    def to_arrow(self) -> pa.Table:
        """Give the table."""
        return self.table

    def to_pandas(self) -> pd.DataFrame:
        """Give a pandas frame."""
        return self.table.to_pandas()

    def to_astropy(self) -> Table:
        """Give an astropy table with units and descriptions, and the query in its metadata."""
        from skylore.search.export import to_astropy

        return to_astropy(self)

    def to_json(self) -> dict[str, Any]:
        """Give ``version``, ``query``, ``plan``, ``hits`` and ``message`` as JSON values.

        A re-ranked answer has ``rerank`` too.
        """
        hits = [
            {name: _json(value) for name, value in row.items()} for row in self.table.to_pylist()
        ]
        return {
            "version": self.archive.version,
            "query": self.query.model_dump(mode="json"),
            "plan": self.plan.model_dump(mode="json"),
            "hits": hits,
            "message": self.message,
        } | ({"rerank": self.reranked.to_json()} if self.reranked else {})

    def write(self, path: str | Path) -> None:
        """Write to a file: CSV, Parquet, FITS, VOTable (``.vot``), JSON or HTML by its suffix.

        Raises
        ------
        QueryError
            The suffix is none of these.
        """
        from skylore.search.export import write

        write(self, Path(path))

    def _repr_html_(self) -> str:
        """Show thumbnails in a notebook."""
        from skylore.search.page import grid

        return grid(self)


def _json(value: object) -> object:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, str | int | bool | list):
        return value
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return str(value)
