"""Among which objects a question is asked, and how right each of them is."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from skylore.archive.schema import ID
from skylore.errors import ArchiveError, DuplicateIdError, FilterError, QueryError
from skylore.search.filters import predicate_for
from skylore.search.predicate import compile_for, quote_name
from skylore.search.query import Query

if TYPE_CHECKING:
    from skylore.archive.table import Archive
    from skylore.evaluation.metrics import Gain
    from skylore.evaluation.questions import Question

__all__ = ["Population", "read_population"]

_RELEVANCE = "relevance"
_HIGHEST = 10.0
"""A grade of 10 is worth a thousand of 1 by the exponential gain; more is a count, no grade."""


@dataclass(frozen=True)
class Population:
    """The objects that a question is asked of.

    Attributes
    ----------
    ids
        ``(N,)``, unique.
    grades
        ``(N,)``, from 0.
    relevant
        ``(N,)``, bool: the grade reaches the question's threshold.
    where
        The filter that search is given, as users write it; None for all objects. Objects that were
        dropped for other reasons pass it too.
    """

    ids: pa.Array
    grades: NDArray[np.float64]
    relevant: NDArray[np.bool_]
    where: str | None

    def __len__(self) -> int:
        """Count the objects."""
        return len(self.ids)

    def places(self, ids: pa.Array | pa.ChunkedArray) -> NDArray[np.int64]:
        """Give the position of each id, and −1 for one that is not among the objects."""
        found = pc.index_in(ids, value_set=self.ids)
        return np.asarray(found.fill_null(-1).to_numpy(zero_copy_only=False)).astype(np.int64)


def read_population(
    archive: Archive,
    question: Question,
    *,
    where: str | None = None,
    dropped: Collection[str | int] = (),
    gain: Gain = "exponential",
) -> Population:
    """Read the relevance of each object that a question is asked of.

    Parameters
    ----------
    archive, question
        Where, and what.
    where
        A further filter.
    dropped
        Ids to leave out.
    gain
        That will be used: the exponential one refuses grades that are no grades.

    Raises
    ------
    ArchiveError
        The archive, or what the filters leave of it, is empty.
    FilterError
        The relevance or a filter cannot be read or computed, or a column does not exist.
    QueryError
        An object has no relevance, or a negative one, or the relevance is no number, or all or
        none of the objects are relevant.
    DuplicateIdError
        An id occurs twice.
    """
    if len(archive) == 0:
        raise ArchiveError(f"{archive} is empty; ingest objects first")
    filters = [part for part in (question.where, where) if part]
    joined = " AND ".join(f"({part})" for part in filters) or None
    table = _read(archive, question, joined)
    if dropped:
        gone = pa.array(list(dropped), table[ID].type)
        table = table.filter(pc.invert(pc.is_in(table[ID], value_set=gone)))
    if table.num_rows == 0:
        raise ArchiveError(f"no object of {archive} is left to ask {question.name!r} of")
    ids = table[ID].combine_chunks()
    _check_ids(ids)
    grades = _grades(table[_RELEVANCE], question, gain)
    relevant = grades >= question.threshold
    _check_both_sides(relevant, grades, question)
    return Population(ids, grades, relevant, joined)


def _read(archive: Archive, question: Question, where: str | None) -> pa.Table:
    names = archive.schema.names
    given = question.relevance
    expression = quote_name(given) if given in names else _compiled(given, archive.schema)
    predicate = predicate_for(Query.build(where=where), archive.schema)
    try:
        return archive.objects.to_table(columns={ID: ID, _RELEVANCE: expression}, filter=predicate)
    except (OSError, ValueError) as error:
        reason = str(error).split(", /")[0]
        raise FilterError(
            f"the relevance {given!r} of {question.name!r}, or its filter, cannot be computed: "
            f"{reason}"
        ) from error


def _compiled(expression: str, schema: pa.Schema) -> str:
    try:
        return compile_for(schema, expression)
    except FilterError as error:
        if re.fullmatch(r"[A-Za-z][\w-]*-[\w-]*", expression):
            # Read as a difference, the message would name a part of what is one name.
            raise FilterError(f"no column {expression!r} in this archive ({error})") from error
        raise


def _check_ids(ids: pa.Array) -> None:
    counts = pc.value_counts(ids)
    twice = counts.filter(pc.greater(counts.field("counts"), 1))
    if len(twice):
        raise DuplicateIdError(
            f"{len(twice)} ids occur more than once, such as {twice[0]['values'].as_py()!r}; an "
            "object must count once"
        )


def _grades(column: pa.ChunkedArray, question: Question, gain: Gain) -> NDArray[np.float64]:
    kind = column.type
    if not (pa.types.is_boolean(kind) or pa.types.is_integer(kind) or pa.types.is_floating(kind)):
        raise QueryError(
            f"the relevance {question.relevance!r} has type {kind}; it must be a number or a "
            "truth value: compare texts, such as \"class = 'spiral'\""
        )
    values = column.cast(pa.float64())
    missing = values.null_count + int(np.isnan(values.drop_null().to_numpy()).sum())
    if missing:
        raise QueryError(
            f"{missing} of {len(values)} objects have no value of {question.relevance!r}, and "
            "whether they are right answers is not known; leave them out by a where such as "
            f'"{_known(question.relevance)}"'
        )
    grades = values.to_numpy()
    if not np.isfinite(grades).all() or (grades < 0).any():
        raise QueryError(f"the relevance {question.relevance!r} is negative or infinite somewhere")
    if gain == "exponential" and grades.max() > _HIGHEST:
        raise QueryError(
            f"the relevance {question.relevance!r} goes up to {grades.max():g}, which 2^rel − 1 "
            "cannot weigh; divide it so that it is a grade or a fraction, or use the linear gain"
        )
    return np.asarray(grades, np.float64)


def _known(relevance: str) -> str:
    simple = relevance.replace("-", "").replace("_", "").isalnum()
    return f"`{relevance}` IS NOT NULL" if simple else "COLUMN IS NOT NULL"


def _check_both_sides(
    relevant: NDArray[np.bool_], grades: NDArray[np.float64], question: Question
) -> None:
    if not relevant.any():
        raise QueryError(
            f"no object is relevant to {question.name!r}: none of {len(relevant)} reaches the "
            f"threshold {question.threshold:g}, the highest is {grades.max():g}"
        )
    if relevant.all():
        raise QueryError(
            f"all {len(relevant)} objects are relevant to {question.name!r}, so every ranking is "
            "as good; evaluate among objects that are right and objects that are wrong"
        )
