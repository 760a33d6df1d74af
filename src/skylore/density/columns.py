"""What kind of column each column is, seen from its values."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from skylore.density.column_spec import ColumnSpec, Kind
from skylore.density.transforms import choose_base, learn_warp
from skylore.density.unfit import FEWEST, is_identifier, no_category, too_few
from skylore.density.values import find_atoms, find_sentinels
from skylore.errors import ModelError
from skylore.near_names import hint_of

__all__ = ["ColumnSpec", "Kind", "describe_columns", "is_text", "numbers_of", "texts_of"]

Floats = NDArray[np.float64]

_MOST_CATEGORIES = 100
_MOST_WHOLE = 256
_ERRORS = ("_err", "_error", "_ERR", "_Err")
_BOUNDS = ((0.0, 1.0), (0.0, 100.0), (-1.0, 1.0), (-90.0, 90.0), (0.0, 360.0), (-180.0, 180.0))
_NEAR = 0.02


def describe_columns(
    table: pa.Table, wanted: Sequence[str] | None = None
) -> tuple[list[ColumnSpec], dict[str, str]]:
    """Tell the kind of each column.

    Parameters
    ----------
    table : pyarrow.Table
    wanted : sequence of str, optional
        The columns to model; by default all that can be, those of errors taken as such.

    Returns
    -------
    specs : list of ColumnSpec
    left_out : dict of str to str
        Columns that cannot be modelled, with the reason.

    Raises
    ------
    ModelError
        A wanted column does not exist or cannot be modelled, or fewer than two can.
    """
    if table.num_rows < FEWEST:
        raise ModelError(f"{table.num_rows} rows are too few to learn a density; give 100")
    for name in wanted or ():
        if name not in table.column_names:
            raise ModelError(f'there is no column "{name}"; {hint_of(name, table.column_names)}')
    errors = _pair_errors(table.column_names)
    names = list(dict.fromkeys(wanted or table.column_names))
    is_error = {errors[name] for name in names if name in errors}
    specs, left_out = [], {}
    for name in names:
        if name in is_error:
            continue
        found = _describe(name, table[name], errors.get(name), table)
        if wanted is None and isinstance(found, ColumnSpec) and is_identifier(table[name]):
            found = "looks like numbers of objects: name it with --columns to learn it"
        if isinstance(found, ColumnSpec):
            specs.append(found)
        elif wanted is not None:
            raise ModelError(f'the column "{name}" cannot be modelled: {found}; leave it out')
        else:
            left_out[name] = found
    if len(specs) < 2:
        reasons = "; ".join(f"{name}: {why}" for name, why in left_out.items())
        there = "is one" if specs else "is none"
        raise ModelError(f"a density needs at least two columns, of which none is constant or "
                         f"empty; here there {there}. {reasons}".strip())  # fmt: skip
    return specs, left_out


def is_text(kind: pa.DataType) -> bool:
    """Whether a column holds categories by its type."""
    flat = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(
        pa.types.is_string(flat) or pa.types.is_large_string(flat) or pa.types.is_boolean(flat)
    )


def texts_of(column: pa.ChunkedArray) -> list[str | None]:
    """Give categories as text."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_floating(column.type):
        whole = column.cast(pa.float64()).to_pylist()
        return [None if v is None or v != v else f"{v:.10g}" for v in whole]  # noqa: PLR0124 - NaN
    found: list[str | None] = column.cast(pa.string()).to_pylist()
    return found


def numbers_of(column: pa.ChunkedArray) -> Floats:
    """Give numbers, NaN where there is none; ModelError where the column holds something else."""
    try:
        numbers = column.cast(pa.float64(), safe=False)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise ModelError(f"a column of {column.type} holds no numbers") from error
    return np.asarray(pc.fill_null(numbers, float("nan")).to_numpy(), np.float64).copy()


def _pair_errors(names: Sequence[str]) -> dict[str, str]:
    there = set(names)
    return {
        name: f"{name}{end}"
        for name in names
        for end in reversed(_ERRORS)
        if f"{name}{end}" in there
    }


def _describe(
    name: str, column: pa.ChunkedArray, error: str | None, table: pa.Table
) -> ColumnSpec | str:
    if is_text(column.type):
        return _describe_text(name, column)
    if not (
        pa.types.is_integer(column.type)
        or pa.types.is_floating(column.type)
        or pa.types.is_decimal(column.type)
    ):
        return f"neither a number nor text ({column.type})"
    return _describe_number(name, column, error if error and error in table.column_names else None)


def _describe_text(name: str, column: pa.ChunkedArray) -> ColumnSpec | str:
    values = [v for v in texts_of(column) if v is not None]
    categories = tuple(sorted(set(values)))
    if len(values) < FEWEST:
        return too_few(len(values))
    if len(categories) < 2:
        return "all rows have the same value"
    if len(categories) > min(_MOST_CATEGORIES, len(values) / 5):
        return no_category(categories)
    return ColumnSpec(
        name=name,
        kind="categorical",
        rows=len(values),
        missing=len(column) - len(values),
        categories=categories,
    )


def _describe_number(name: str, column: pa.ChunkedArray, error: str | None) -> ColumnSpec | str:
    raw = numbers_of(column)
    infinite = np.isinf(raw)
    finite = raw[np.isfinite(raw)]
    found = find_sentinels(finite) if len(finite) else ()
    x = finite[~np.isin(finite, found)]
    sentinels = {f"{v:.10g}": int((finite == v).sum()) for v in found}
    if len(x) < FEWEST:
        return too_few(len(x))
    distinct = len(np.unique(x))
    if distinct < 2:
        return f"all rows hold {x[0]:.10g}"
    counted = {
        "name": name,
        "rows": len(x),
        "missing": int(np.isnan(raw).sum()),
        "infinite": int(infinite.sum()),
        "sentinels": sentinels,
    }
    whole = bool((x == np.rint(x)).all())
    if whole and distinct == 2:
        names = tuple(sorted(f"{v:.10g}" for v in np.unique(x)))
        return ColumnSpec(kind="categorical", categories=names, **counted)
    integer = whole and (pa.types.is_integer(column.type) or distinct <= _MOST_WHOLE)
    return _numeric_spec(x, counted, integer=integer, error=None if integer else error)


def _numeric_spec(
    x: Floats, counted: dict[str, object], *, integer: bool, error: str | None
) -> ColumnSpec:
    atoms = find_atoms(x)
    rest = x[~np.isin(x, atoms)] if atoms else x
    if len(np.unique(rest)) < 2:
        rest, atoms = x, ()
    lower, upper, edged = (None, None, False) if error else _bounds(rest, atoms, integer=integer)
    base, heavy = choose_base(rest)
    if error:
        base = "linear"
    if base == "log" and integer and rest.min() - 0.5 <= 0:
        base = "asinh"
    kind: Kind = "integer" if integer else "heavy-tailed" if heavy else "continuous"
    if edged and kind == "continuous":
        kind = "bounded"
    if base == "linear" and len(rest) and np.quantile(rest, 0.75) == np.quantile(rest, 0.25):
        warp = learn_warp(rest, base, curved=False)
    else:
        warp = learn_warp(rest, base, curved=error is None)
    return ColumnSpec.model_validate(
        {**counted, "kind": kind, "atoms": atoms, "lower": lower, "upper": upper}
        | {"error": error, "warp": warp}
    )


def _bounds(
    x: Floats, atoms: tuple[float, ...], *, integer: bool
) -> tuple[float | None, float | None, bool]:
    """Find edges: caps, and natural ends of a scale that the values come near to."""
    low, high = float(x.min()), float(x.max())
    half = 0.5 if integer else 0.0
    lower = next((a for a in atoms if a <= low), None)
    upper = next((a for a in atoms if a >= high), None)
    near = _NEAR * (high - low)
    edged = False
    for a, b in _BOUNDS:
        inside = a <= low and high <= b
        if inside and low - a < near and b - high < near:
            lower, upper, edged = a if lower is None else lower, b if upper is None else upper, True
            break
    if lower is None and 0 <= low < near:
        lower, edged = 0.0, True
    return (
        None if lower is None else lower - half,
        None if upper is None else upper + half,
        edged,
    )
