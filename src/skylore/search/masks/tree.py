"""Predicates as small trees that NumPy evaluates as the engine would."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "All",
    "Among",
    "Call",
    "Cells",
    "Column",
    "Compare",
    "Either",
    "Flag",
    "IsNull",
    "IsTruth",
    "Not",
    "Number",
    "Predicate",
    "Term",
    "columns_of",
]


@dataclass(frozen=True)
class Column:
    """The values of a numeric column."""

    name: str


@dataclass(frozen=True)
class Number:
    """A number, as 64-bit floating point."""

    value: float


@dataclass(frozen=True)
class Call:
    """A function or operator of numbers, in 64-bit floating point."""

    name: str
    terms: tuple[Term, ...]


Term = Column | Number | Call


@dataclass(frozen=True)
class Compare:
    """A term beside a number of its own type: ``<``, ``<=``, ``>``, ``>=``, ``=`` or ``!=``."""

    term: Column | Call
    relation: str
    number: np.generic


@dataclass(frozen=True)
class Among:
    """A term that equals one of some numbers of its own type."""

    term: Column | Call
    numbers: tuple[np.generic, ...]


@dataclass(frozen=True, eq=False)
class Cells:
    """A column of cells that lie in one of many ranges, both ends included."""

    name: str
    first: NDArray[np.int64]
    last: NDArray[np.int64]


@dataclass(frozen=True)
class Flag:
    """A boolean column."""

    name: str


@dataclass(frozen=True)
class IsNull:
    """Whether a column has no value."""

    name: str


@dataclass(frozen=True)
class IsTruth:
    """Whether a predicate is certainly true, or certainly false."""

    inner: Predicate
    truth: bool


@dataclass(frozen=True)
class Not:
    """The contrary; of unknown it is unknown."""

    inner: Predicate


@dataclass(frozen=True)
class All:
    """All of them."""

    parts: tuple[Predicate, ...]


@dataclass(frozen=True)
class Either:
    """One of them or more."""

    parts: tuple[Predicate, ...]


Predicate = Compare | Among | Cells | Flag | IsNull | IsTruth | Not | All | Either


def columns_of(node: Predicate | Term) -> frozenset[str]:
    """Name the columns that a tree reads."""
    return frozenset(_names(node))


def _names(node: object) -> Iterator[str]:
    if isinstance(node, Column | Cells | Flag | IsNull):
        yield node.name
        return
    if not is_dataclass(node):
        return
    for value in (getattr(node, field.name) for field in fields(node)):
        for child in value if isinstance(value, tuple) else (value,):
            yield from _names(child)
