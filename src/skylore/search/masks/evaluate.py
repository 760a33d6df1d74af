"""Three-valued evaluation of predicates over arrays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

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

__all__ = ["Rows", "Truth", "in_cells", "truth_of"]

Bits = NDArray[np.bool_]
_FEW = 0.25
"""Where fewer rows than this are left, the rest of a conjunction is computed for them alone."""
_COARSE = 42
"""Cells of order 8, of which there are 786,432, are looked up in a table."""


class Rows(Protocol):
    """Columns of some rows."""

    def __len__(self) -> int:
        """Count the rows."""

    def column(self, name: str) -> tuple[NDArray[Any], Bits | None]:
        """Give the values of a column, and which of them are not null; None if all."""

    def take(self, places: NDArray[np.intp]) -> Rows:
        """Give some of the rows."""


@dataclass(frozen=True)
class Truth:
    """Where a predicate is true, and where it is known; None if everywhere."""

    true: Bits
    known: Bits | None = None

    @property
    def certain(self) -> Bits:
        """Where it is known to be true."""
        return self.true if self.known is None else self.true & self.known

    def maybe(self) -> Bits:
        """Where it is not known to be false."""
        return self.true if self.known is None else self.true | ~self.known


def truth_of(node: Predicate, rows: Rows) -> Truth:
    """Evaluate a predicate; NaN is greater than all numbers, as it is for the engine."""
    return _EVALUATORS[type(node)](node, rows)


def _compare(node: Compare, rows: Rows) -> Truth:
    values, known = _values(node.term, rows)
    number = node.number
    if node.relation == "<":
        true = values < number
    elif node.relation == "<=":
        true = values <= number
    elif node.relation == "=":
        true = values == number
    elif node.relation == "!=":
        true = values != number
    else:
        # NaN is not at most anything, so that it comes out greater.
        true = values <= number if node.relation == ">" else values < number
        np.logical_not(true, out=true)
    if isinstance(node.term, Call):
        _place_nan(node.relation, values, true)
    return Truth(true, known)


def _place_nan(relation: str, values: NDArray[np.float64], true: Bits) -> None:
    """Put NaN with its sign bit set, as invalid operations give it, below all numbers."""
    odd = np.flatnonzero(np.isnan(values))
    below = np.signbit(values[odd])
    if relation[0] in "<>":
        true[odd] = below if relation[0] == "<" else ~below


def _among(node: Among, rows: Rows) -> Truth:
    values, known = _values(node.term, rows)
    return Truth(np.isin(values, np.array(node.numbers, values.dtype)), known)


def _cells(node: Cells, rows: Rows) -> Truth:
    values, known = rows.column(node.name)
    return Truth(in_cells(values, node.first, node.last), known)


def in_cells(cells: NDArray[np.int64], first: NDArray[np.int64], last: NDArray[np.int64]) -> Bits:
    """Say which cells lie in one of the ranges, given in order."""
    if len(first) == 1:
        return np.asarray((cells >= first[0]) & (cells <= last[0]))
    table = np.zeros((12 << 16) + 2, np.uint8)
    for start, end in zip((first >> _COARSE).tolist(), (last >> _COARSE).tolist(), strict=True):
        table[start + 1 : end] = 2
        table[start], table[end] = max(table[start], 1), max(table[end], 1)
    # Whatever is no cell of the sky is compared one by one.
    table[-1] = 1
    coarse = np.clip(cells >> _COARSE, -1, 12 << 16)
    state = table[coarse]
    inside: Bits = state == 2
    unsure = np.flatnonzero(state == 1)
    place = np.searchsorted(first, cells[unsure], side="right") - 1
    inside[unsure] = (place >= 0) & (cells[unsure] <= last[np.maximum(place, 0)])
    return inside


def _flag(node: Flag, rows: Rows) -> Truth:
    return Truth(*rows.column(node.name))


def _is_null(node: IsNull, rows: Rows) -> Truth:
    values, known = rows.column(node.name)
    return Truth(np.zeros(len(values), bool) if known is None else ~known)


def _is_truth(node: IsTruth, rows: Rows) -> Truth:
    inner = truth_of(node.inner, rows)
    return Truth(inner.certain if node.truth else ~inner.maybe())


def _not(node: Not, rows: Rows) -> Truth:
    inner = truth_of(node.inner, rows)
    return Truth(~inner.true, inner.known)


def _all(node: All, rows: Rows) -> Truth:
    found = truth_of(node.parts[0], rows)
    for done, part in enumerate(node.parts[1:], start=1):
        left = np.flatnonzero(found.maybe())
        if len(left) < _FEW * len(rows):
            rest = _both(_taken(found, left), truth_of(All(node.parts[done:]), rows.take(left)))
            return _put(rest, left, len(rows))
        found = _both(found, truth_of(part, rows))
    return found


def _both(one: Truth, other: Truth) -> Truth:
    if one.known is None and other.known is None:
        return Truth(one.true & other.true)
    true = one.certain & other.certain
    false = ~one.maybe() | ~other.maybe()
    return Truth(true, true | false)


def _taken(truth: Truth, places: NDArray[np.intp]) -> Truth:
    return Truth(truth.true[places], None if truth.known is None else truth.known[places])


def _put(truth: Truth, places: NDArray[np.intp], count: int) -> Truth:
    """Put rows back among those that are false."""
    true, known = np.zeros(count, bool), np.ones(count, bool)
    true[places] = truth.true
    if truth.known is None:
        return Truth(true)
    known[places] = truth.known
    return Truth(true, known)


def _either(node: Either, rows: Rows) -> Truth:
    return _not(Not(All(tuple(Not(part) for part in node.parts))), rows)


_EVALUATORS: dict[type, Callable[[Any, Rows], Truth]] = {
    Compare: _compare,
    Among: _among,
    Cells: _cells,
    Flag: _flag,
    IsNull: _is_null,
    IsTruth: _is_truth,
    Not: _not,
    All: _all,
    Either: _either,
}


def _values(term: Term, rows: Rows) -> tuple[NDArray[Any], Bits | None]:
    if isinstance(term, Column):
        return rows.column(term.name)
    if isinstance(term, Number):
        return np.asarray(term.value), None
    found = [_values(each, rows) for each in term.terms]
    known = [valid for _, valid in found if valid is not None]
    with np.errstate(all="ignore"):
        value = _CALLS[term.name](*(values for values, _ in found))
    return value, np.logical_and.reduce(known) if known else None


def _by_arrow(name: str) -> Callable[..., NDArray[np.float64]]:
    """Use the C library's functions, as the engine does; NumPy's differ in the last bit."""

    def call(*values: NDArray[np.float64]) -> NDArray[np.float64]:
        arrays = [pa.scalar(float(v)) if v.ndim == 0 else pa.array(v) for v in values]
        return np.asarray(pc.call_function(name, arrays).to_numpy(zero_copy_only=False))

    return call


_CALLS: dict[str, Callable[..., NDArray[np.float64]]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "power": _by_arrow("power"),
    "sin": _by_arrow("sin"),
    "cos": _by_arrow("cos"),
    "radians": lambda values: values * (np.pi / 180),
    "sqrt": np.sqrt,
    "abs": np.abs,
    "negative": np.negative,
    "double": lambda values: values.astype(np.float64),
    "+0": lambda values: values,
}
