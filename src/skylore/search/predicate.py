"""SQL predicates over columns: read, checked, and written out again.

What users write is never handed to the engine. It is parsed, every node must be on a short list,
every column must exist, and the predicate that runs is written anew from the checked tree.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache

import pyarrow as pa
import sqlglot
from sqlglot import exp
from sqlglot.dialects.duckdb import DuckDB
from sqlglot.errors import ParseError, SqlglotError

from skylore.density.posterior_columns import expand_probabilities
from skylore.errors import FilterError
from skylore.near_names import hint_of

__all__ = [
    "MAX_EXACT",
    "compile_for",
    "compile_predicate",
    "parse_trusted",
    "quote_name",
    "quote_text",
]

MAX_LENGTH = 10_000
MAX_NODES = 2_000
REMEMBERED = 512
"""Predicates of late, which are not parsed again."""

ALLOWED = (
    exp.And,
    exp.Or,
    exp.Not,
    exp.Paren,
    exp.EQ,
    exp.NEQ,
    exp.GT,
    exp.GTE,
    exp.LT,
    exp.LTE,
    exp.Between,
    exp.In,
    exp.Is,
    exp.Like,
    exp.Null,
    exp.Boolean,
    exp.Literal,
    exp.Column,
    exp.Identifier,
    exp.Add,
    exp.Sub,
    exp.Mul,
    exp.Div,
    exp.Neg,
    exp.Abs,
    exp.Sqrt,
    exp.Pow,
    exp.Ln,
    exp.Lower,
    exp.Upper,
)
"""Logic, comparison, arithmetic and a few functions; no subquery, cast or anything that writes."""


COMPARISONS = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Between, exp.In)
MAX_EXACT = 2**53


class _Dialect(DuckDB):
    """Names in backticks or double quotes, texts in single quotes."""

    class Tokenizer(DuckDB.Tokenizer):
        IDENTIFIERS = ["`", '"']  # noqa: RUF012 - a setting of the base class


def compile_for(schema: pa.Schema, text: str) -> str:
    """Check a predicate over the columns of an archive, as :func:`compile_predicate` does."""
    whole = [field.name for field in schema if pa.types.is_integer(field.type)]
    return compile_predicate(text, schema.names, whole)


def compile_predicate(text: str, columns: Iterable[str], whole: Collection[str] = ()) -> str:
    """Check a predicate and write it in the engine's SQL.

    Parameters
    ----------
    text
        For example ``ellipticity > 0.6 AND survey = 'DR10'``. Names with other characters than
        letters, digits and ``_`` go in backticks or double quotes. ``p(z > 0.3) > 0.9`` is a
        condition on the posterior columns that ``skylore infer fill`` wrote.
    columns
        Names that may occur. Letter case matters only where two names differ by nothing else.
    whole
        Those of them that hold integers, which the engine compares with no fraction as they are.

    Raises
    ------
    FilterError
        It does not parse, is not a predicate, uses something that is not allowed, or names a
        column that does not exist.

    Examples
    --------
    >>> compile_predicate("Mag < 19 and not flag", ["mag", "flag"])
    '`mag` < 19 AND NOT `flag`'
    """
    return _compiled(text, tuple(columns), frozenset(whole))


@lru_cache(REMEMBERED)
def _compiled(text: str, names: tuple[str, ...], whole: frozenset[str]) -> str:
    tree = _parsed(expand_probabilities(_bounded(text), names))
    for node in tree.walk():
        if not isinstance(node, ALLOWED):
            raise FilterError(
                f"{type(node).__name__.upper()} is not allowed in a filter; use "
                "comparisons, AND, OR, NOT, BETWEEN, IN, LIKE, IS NULL, arithmetic, abs, sqrt, "
                "power, ln, lower, upper"
            )
        if isinstance(node, exp.Column):
            _resolve(node, names)
        if isinstance(node, exp.Literal) and not node.is_string:
            _shorten(node)
    for comparison in list(tree.find_all(*COMPARISONS)):
        _widen(comparison, whole)
    compiled = tree.sql(dialect=_Dialect, comments=False)
    # The parser lets functions pass that lack their argument; what they become it does not read.
    _statements(compiled)
    return compiled


def _statements(text: str) -> list[exp.Expr | None]:
    try:
        return sqlglot.parse(f"SELECT 1 WHERE (\n{text}\n)", dialect=_Dialect)
    except (SqlglotError, RecursionError) as error:
        reason = _fault(error, text)
        raise FilterError(f"cannot read the filter {text[:200]!r}: {reason}") from error


def _fault(error: SqlglotError | RecursionError, text: str) -> str:
    """Say what the parser stumbled over, in terms of what was typed and not of its classes."""
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if not isinstance(error, ParseError) or not error.errors:
        return "a quotation mark is not closed"
    at, last = error.errors[0], text.count("\n") + 2
    if at["line"] > last:
        return "something is missing, or a bracket is one too many"
    return f"it is not understood at {at['highlight']!r}"


def _bounded(text: str) -> str:
    if len(text) > MAX_LENGTH:
        raise FilterError(f"the filter has {len(text)} characters; at most {MAX_LENGTH} are read")
    return text


def _parsed(text: str) -> exp.Expression:
    statements = _statements(text)
    select = statements[0] if len(statements) == 1 else None
    where = select.args.get("where") if isinstance(select, exp.Select) else None
    others = {name for name, value in (select.args if select else {}).items() if value}
    if (
        where is None
        or not isinstance(where.this, exp.Paren)
        or others - {"expressions", "where", "kind"}
    ):
        raise FilterError(f"{text!r} is not one condition")
    tree: exp.Expression = where.this.this
    if sum(1 for _ in tree.walk()) > MAX_NODES:
        raise FilterError(f"the filter has more than {MAX_NODES} parts; simplify it")
    return tree


def _resolve(column: exp.Column, names: Sequence[str]) -> None:
    if len(column.parts) != 1 or not isinstance(column.this, exp.Identifier):
        raise FilterError(f"{column.sql()!r} is not a column name; quote names with dots: `a.b`")
    asked = column.name
    found = [asked] if asked in names else [n for n in names if n.lower() == asked.lower()]
    if len(found) != 1:
        raise FilterError(f"no column {asked!r} in this archive; {hint_of(asked, names)}")
    column.this.set("this", found[0])
    column.this.set("quoted", True)


def _shorten(number: exp.Literal) -> None:
    """Write ``2.0`` and ``1e2`` as integers, which every numeric column can be compared with."""
    value = float(number.this)
    if not math.isfinite(value):
        raise FilterError(f"the number {number.this[:20]} is too large for a filter")
    if value.is_integer() and abs(value) < MAX_EXACT:
        number.set("this", str(int(value)))


def _widen(comparison: exp.Condition, whole: Collection[str]) -> None:
    """Read integer columns as floating point where they are compared with a fraction."""
    parts = list(comparison.iter_expressions())
    numbers = [p.this if isinstance(p, exp.Neg) else p for p in parts]
    if not any(isinstance(n, exp.Literal) and n.is_number and not n.is_int for n in numbers):
        return
    for part in parts:
        if isinstance(part, exp.Column) and part.name in whole:
            part.replace(exp.cast(part.copy(), "double"))


def parse_trusted(text: str) -> exp.Expr:
    """Read a predicate that was checked or written here; SqlglotError where that fails."""
    return sqlglot.parse_one(text, dialect=_Dialect)


def quote_name(name: str) -> str:
    """Quote a column name for the engine."""
    return exp.to_identifier(name, quoted=True).sql(dialect=_Dialect)


def quote_text(text: str) -> str:
    """Quote a text for the engine."""
    return exp.Literal.string(text).sql(dialect=_Dialect)
