"""Rows as the network takes them: transformed values, what is there, atoms, errors."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from skylore.density.column_spec import ColumnSpec
from skylore.density.columns import is_text, numbers_of, texts_of
from skylore.density.transforms import Warp
from skylore.density.values import SENTINELS
from skylore.errors import ModelError

__all__ = ["Coded", "code_rows"]

Floats = NDArray[np.float64]

_FAR = 8.0


@dataclass(frozen=True)
class Coded:
    """``N`` rows of ``V`` columns.

    Attributes
    ----------
    x : ndarray, shape (N, V)
        Values in their own unit; for categories, their number.
    z, plain : ndarray, shape (N, V)
        Transformed, and standardised before the spline; 0 where nothing is.
    low, high : ndarray, shape (N, V)
        For integers, ``z`` half a unit below and above.
    atom : ndarray, shape (N, V), int64
        Which point mass the value is; −1 where it is none.
    error : ndarray, shape (N, V)
        Measurement error in units of ``z``; 0 where there is none.
    present : ndarray, shape (N, V), bool
    unknown : dict of str to int
        Rows with a category that was never seen, by column; they count as missing.
    void : dict of str to dict of str to int
        Infinities and numbers that stand for no value, and how many rows have them, by column.
    """

    x: Floats
    z: Floats
    plain: Floats
    low: Floats
    high: Floats
    atom: NDArray[np.int64]
    error: Floats
    present: NDArray[np.bool_]
    unknown: dict[str, int] = field(default_factory=dict)
    void: dict[str, dict[str, int]] = field(default_factory=dict)

    def __len__(self) -> int:
        """Count the rows."""
        return len(self.x)

    def rows(self, chosen: NDArray[np.intp] | slice) -> Coded:
        """Take some of the rows."""
        arrays = [f.name for f in fields(self) if f.name not in {"unknown", "void"}]
        return replace(self, **{name: getattr(self, name)[chosen] for name in arrays})

    @property
    def digest(self) -> str:
        """Of all values; a run goes on only with its own."""
        digest = hashlib.sha256(np.ascontiguousarray(self.x).tobytes())
        digest.update(np.ascontiguousarray(self.error).tobytes())
        return digest.hexdigest()[:16]


def code_rows(table: pa.Table, specs: Sequence[ColumnSpec]) -> Coded:
    """Code a table; a column that it lacks is missing in all rows.

    Raises
    ------
    ModelError
        A column holds something else than in training.
    """
    rows, width = table.num_rows, len(specs)
    arrays = {n: np.zeros((rows, width)) for n in ("x", "z", "plain", "low", "high", "error")}
    atom = np.full((rows, width), -1, np.int64)
    present = np.zeros((rows, width), bool)
    unknown: dict[str, int] = {}
    void: dict[str, dict[str, int]] = {}
    for j, spec in enumerate(specs):
        if spec.name not in table.column_names:
            continue
        column = table[spec.name]
        if spec.is_categorical:
            x, there, strange = _categories(column, spec)
            if strange:
                unknown[spec.name] = strange
            arrays["x"][:, j], present[:, j] = x, there
            continue
        x, dropped = _numbers(column, spec)
        if dropped:
            void[spec.name] = dropped
        present[:, j] = np.isfinite(x)
        _fill_number(arrays, atom, j, spec, x)
        if spec.error and spec.error in table.column_names:
            arrays["error"][:, j] = _errors(numbers_of(table[spec.error]), spec)
    return Coded(**arrays, atom=atom, present=present, unknown=unknown, void=void)


def _categories(column: pa.ChunkedArray, spec: ColumnSpec) -> tuple[Floats, NDArray[np.bool_], int]:
    place = {name: float(i) for i, name in enumerate(spec.categories)}
    texts = texts_of(column)
    codes = np.array([place.get(t, np.nan) if t is not None else np.nan for t in texts])
    there = np.isfinite(codes)
    given = np.array([t is not None for t in texts], bool)
    return np.where(there, codes, 0.0), there, int((given & ~there).sum() - _void(texts, spec))


def _void(texts: list[str | None], spec: ColumnSpec) -> int:
    return sum(t in spec.sentinels for t in texts)


def _numbers(column: pa.ChunkedArray, spec: ColumnSpec) -> tuple[Floats, dict[str, int]]:
    if is_text(column.type):
        raise ModelError(
            f'the column "{spec.name}" held numbers in training and holds {column.type} here'
        )
    raw = numbers_of(column)
    x = np.where(np.isfinite(raw), raw, np.nan)
    if spec.sentinels:
        x[np.isin(x, [float(v) for v in spec.sentinels])] = np.nan
    known = np.isin(x, SENTINELS)
    if known.any():
        # One that training did not hold is told from a value by lying far from all that it held.
        x[known & (np.abs(_warp_of(spec).forward(x)) > _FAR)] = np.nan
    values, counts = np.unique(raw[np.isnan(x) & ~np.isnan(raw)], return_counts=True)
    return x, {f"{v:.10g}": int(n) for v, n in zip(values, counts, strict=True)}


def _warp_of(spec: ColumnSpec) -> Warp:
    if spec.warp is None:
        raise ModelError(f'the column "{spec.name}" has no transform; train the model again')
    return spec.warp


def _fill_number(
    arrays: dict[str, Floats], atom: NDArray[np.int64], j: int, spec: ColumnSpec, x: Floats
) -> None:
    warp, there = _warp_of(spec), np.isfinite(x)
    known = np.where(there, x, warp.offset if warp.base != "log" else warp.unit)
    arrays["x"][:, j] = np.where(there, x, np.nan)
    arrays["z"][:, j] = np.where(there, warp.forward(known), 0.0)
    arrays["plain"][:, j] = np.where(there, warp.plain(known), 0.0)
    if spec.kind == "integer":
        arrays["low"][:, j] = warp.forward(known - 0.5)
        arrays["high"][:, j] = warp.forward(known + 0.5)
    for number, value in enumerate(spec.atoms):
        atom[:, j] = np.where(there & (x == value), number, atom[:, j])


def _errors(errors: Floats, spec: ColumnSpec) -> Floats:
    """Bring errors into units of ``z``; what is not positive is no error."""
    if spec.warp is None:
        return np.zeros_like(errors)
    known = np.isfinite(errors) & (errors > 0)
    scaled: Floats = np.where(known, errors, 0.0) / (spec.warp.unit * spec.warp.spread)
    return scaled
