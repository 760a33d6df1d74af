"""From the engine's SQL to a tree, or None for what only the engine itself can answer.

What is taken is what NumPy answers bit by bit as Lance does: comparisons of numeric columns with
numbers, and arithmetic in 64-bit floating point. All else is left to Lance, its errors included.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from sqlglot import exp
from sqlglot.errors import SqlglotError

from skylore.archive.schema import PIXEL
from skylore.search.masks.tree import (
    All,
    Among,
    Call,
    Cells,
    Column,
    Compare,
    Either,
    Flag,
    IsNull,
    IsTruth,
    Not,
    Number,
    Predicate,
    Term,
)
from skylore.search.predicate import MAX_EXACT, parse_trusted
from skylore.search.regions.predicate import CELLS, read_cells

__all__ = ["translate"]

_RELATIONS: dict[type[exp.Expr], str] = {
    exp.LT: "<",
    exp.LTE: "<=",
    exp.GT: ">",
    exp.GTE: ">=",
    exp.EQ: "=",
    exp.NEQ: "!=",
}
_TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "=", "!=": "!="}
_OPERATORS: dict[type[exp.Expr], str] = {
    exp.Add: "+",
    exp.Sub: "-",
    exp.Mul: "*",
    exp.Div: "/",
    exp.Pow: "power",
}
_FUNCTIONS: dict[type[exp.Expr], str] = {
    exp.Sin: "sin",
    exp.Cos: "cos",
    exp.Radians: "radians",
    exp.Sqrt: "sqrt",
    exp.Abs: "abs",
    exp.Neg: "negative",
}
_LONGEST = 1_000_000
_SET = "__cells_"


class _OtherwiseError(Exception):
    """Leave it to the engine."""


def translate(where: str, types: Mapping[str, pa.DataType]) -> Predicate | None:
    """Translate a predicate that the engine would accept.

    Parameters
    ----------
    where
        SQL as :func:`skylore.search.filters.predicate_for` writes it.
    types
        The columns that can be read, and their types: numbers and booleans.

    Returns
    -------
    Predicate or None
        None where it holds something that the engine alone can answer.
    """
    if len(where) > _LONGEST:
        return None
    ranges = [] if _SET in where else [read_cells(found) for found in CELLS.findall(where)]
    number = iter(range(len(ranges)))
    shortened = CELLS.sub(lambda _: f"{_SET}{next(number)}", where) if ranges else where
    try:
        tree = parse_trusted(shortened)
        sets = [c for c in tree.find_all(exp.Column) if c.name.startswith(_SET)]
        # Text that only looks like ranges, inside quotes, became no column.
        if len(sets) != len(ranges) or (ranges and PIXEL not in types):
            return None
        return _Translation(types, ranges).predicate(tree)
    except (SqlglotError, RecursionError, _OtherwiseError, ValueError, OverflowError):
        return None


class _Translation:
    def __init__(
        self, types: Mapping[str, pa.DataType], ranges: list[list[tuple[int, int]]]
    ) -> None:
        self._types = types
        self._ranges = ranges
        self._inside = 0

    def _within(self, node: exp.Expr) -> Predicate:
        self._inside += 1
        found = self.predicate(node)
        self._inside -= 1
        return found

    def predicate(self, node: exp.Expr) -> Predicate:
        """Translate what is true, false or unknown."""
        if isinstance(node, exp.Paren):
            return self.predicate(node.this)
        if isinstance(node, exp.And | exp.Or):
            parts = tuple(self.predicate(part) for part in node.flatten())
            return All(parts) if isinstance(node, exp.And) else Either(parts)
        if isinstance(node, exp.Not):
            return Not(self._within(node.this))
        if isinstance(node, exp.Column | exp.Is):
            return self._flag(node) if isinstance(node, exp.Column) else self._is(node)
        return self._comparison(node)

    def _comparison(self, node: exp.Expr) -> Predicate:
        if isinstance(node, exp.Between):
            low = self._compare(node.this, ">=", node.args["low"])
            return All((low, self._compare(node.this, "<=", node.args["high"])))
        if isinstance(node, exp.In) and not (set(node.args) - {"this", "expressions"}):
            term = self._subject(node.this)
            return Among(term, tuple(self._number(e, self._kind(term)) for e in node.expressions))
        if type(node) in _RELATIONS:
            return self._compare(node.this, _RELATIONS[type(node)], node.expression)
        raise _OtherwiseError

    def _flag(self, node: exp.Column) -> Predicate:
        if node.name.startswith(_SET):
            bounds = np.array(self._ranges[int(node.name.removeprefix(_SET))], np.int64)
            order = np.argsort(bounds[:, 0])
            return Cells(PIXEL, bounds[order, 0], np.maximum.accumulate(bounds[order, 1]))
        if not pa.types.is_boolean(self._types.get(node.name, pa.null())):
            raise _OtherwiseError
        return Flag(node.name)

    def _is(self, node: exp.Is) -> Predicate:
        other = node.expression
        if isinstance(other, exp.Boolean):
            return IsTruth(self._within(node.this), bool(other.this))
        column = node.this
        if not isinstance(other, exp.Null) or not isinstance(column, exp.Column):
            raise _OtherwiseError
        if column.name not in self._types:
            raise _OtherwiseError
        return IsNull(column.name)

    def _compare(self, left: exp.Expr, relation: str, right: exp.Expr) -> Predicate:
        if isinstance(right, exp.Boolean) and relation in ("=", "!="):
            flag = self._within(left)
            return flag if (relation == "=") == bool(right.this) else Not(flag)
        if _literal(left) is not None:
            left, relation, right = right, _TURNED[relation], left
        term = self._subject(left)
        return Compare(term, relation, self._number(right, self._kind(term)))

    def _subject(self, node: exp.Expr) -> Column | Call:
        if isinstance(node, exp.Column):
            self._numeric(node)
            return Column(node.name)
        term = self._term(node)
        if isinstance(term, Number):
            raise _OtherwiseError
        return Call("+0", (term,)) if isinstance(term, Column) else term

    def _kind(self, term: Column | Call) -> np.dtype[Any]:
        if isinstance(term, Call):
            return np.dtype(np.float64)
        kind: np.dtype[Any] = np.dtype(self._types[term.name].to_pandas_dtype())
        return kind

    def _numeric(self, node: exp.Column) -> pa.DataType:
        kind = self._types.get(node.name, pa.null())
        if not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
            raise _OtherwiseError
        return kind

    def _term(self, node: exp.Expr) -> Term:
        """Translate what is computed in 64-bit floating point."""
        number = _literal(node)
        if number is not None:
            return Number(float(_exact(number)))
        if isinstance(node, exp.Paren):
            return self._term(node.this)
        if isinstance(node, exp.Column) and self._numeric(node) == pa.float64():
            return Column(node.name)
        return self._call(node)

    def _call(self, node: exp.Expr) -> Call:
        if isinstance(node, exp.Cast) and node.to.this == exp.DataType.Type.DOUBLE:
            return Call("double", (self._subject(node.this),))
        if type(node) in _OPERATORS:
            terms = (self._term(node.this), self._term(node.expression))
            if all(isinstance(term, Number) for term in terms):
                raise _OtherwiseError  # integers divide as integers
            return Call(_OPERATORS[type(node)], terms)
        if type(node) in _FUNCTIONS and isinstance(node.this, exp.Expr):
            return Call(_FUNCTIONS[type(node)], (self._term(node.this),))
        raise _OtherwiseError

    def _number(self, node: exp.Expr, kind: np.dtype[Any]) -> Any:  # noqa: ANN401 - of that type
        """Give a number as the engine converts it to the type of a column."""
        number = _literal(node)
        if number is None:
            raise _OtherwiseError
        if kind.kind in "iu":
            bounds = np.iinfo(kind)
            if isinstance(number, float) or not bounds.min <= number <= bounds.max:
                raise _OtherwiseError
            return kind.type(number)
        if abs(number) > np.finfo(kind).max:
            raise _OtherwiseError
        converted = kind.type(_exact(number))
        # Under NOT the engine widens the column, where elsewhere it rounds the number.
        if self._inside and float(converted) != number:
            raise _OtherwiseError
        return converted


def _literal(node: exp.Expr) -> int | float | None:
    """Give the value of a number with its sign."""
    while isinstance(node, exp.Paren):
        node = node.this
    if isinstance(node, exp.Neg):
        inner = _literal(node.this)
        return None if inner is None else -inner
    if not isinstance(node, exp.Literal) or node.is_string:
        return None
    return int(node.this) if node.is_int else float(node.this)


def _exact(number: int | float) -> int | float:
    if not math.isfinite(number) or (isinstance(number, int) and abs(number) > MAX_EXACT):
        raise _OtherwiseError
    return number
