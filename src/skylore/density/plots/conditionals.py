"""What a column could be in single rows, with the value that it has."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from skylore.density.column_spec import ColumnSpec
from skylore.density.emulator import DensityEmulator
from skylore.density.plots.axes import (
    Scale,
    density_curve,
    label_of,
    legend,
    name_ticks,
    save,
    scale_of,
    shape_of_grid,
)
from skylore.density.predictive import Predictive
from skylore.density.tables import read_table
from skylore.errors import ModelError
from skylore.scaling.drawing import COLOURS, GREY, INK, styled_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from skylore.density.tables import Readable

__all__ = ["plot_conditionals"]

Floats = NDArray[np.float64]

_MOST = 12
_SHOWN = 0.02
_SHADES = ((0.95, 0.16), (0.68, 0.32))


def plot_conditionals(
    emulator: DensityEmulator,
    table: Readable,
    file: Path,
    target: str,
    *,
    given: Sequence[str] | None = None,
    rows: Sequence[int] = (0,),
) -> Path:
    """Draw a column's density in single rows, given others: a panel a row.

    Shades are the central 68 % and 95 %; a line marks the row's own value, and a dotted curve what
    the density is with nothing given.

    Parameters
    ----------
    emulator : DensityEmulator
    table
    file : Path
        .png, .pdf or .svg.
    target : str
    given : sequence of str, optional
        All other columns by default.
    rows : sequence of int
        Counted from 0; twelve at most.

    Raises
    ------
    ModelError
        A row or column does not exist, there are too many, or the file cannot be written.
    DependencyMissingError
        Matplotlib is not installed.
    """
    read = read_table(table)
    chosen = _rows(read, rows)
    column = emulator.place(target)
    high, abreast = shape_of_grid(len(rows))
    with styled_figure(3.6 * abreast, 2.9 * high + 0.3) as figure:
        panels = list(figure.subplots(high, abreast, squeeze=False).flat)
        if emulator.columns[column].is_categorical:
            _categories(panels, emulator, chosen, target, given)
        else:
            _numbers(panels, emulator, chosen, target, given)
        for number, axes in enumerate(panels):
            if number >= len(rows):
                axes.remove()
                continue
            axes.set_title(f"row {rows[number]}", fontsize=10)
            axes.set_xlabel(label_of(read, target))
        legend(figure)
        return save(figure, file)


def _rows(table: pa.Table, rows: Sequence[int]) -> pa.Table:
    if not 1 <= len(rows) <= _MOST:
        raise ModelError(f"one to {_MOST} rows can be drawn at once, not {len(rows)}")
    for row in rows:
        if not 0 <= row < table.num_rows:
            raise ModelError(f"there is no row {row}: the table has rows 0 to {table.num_rows - 1}")
    return table.take(list(rows))


def _numbers(
    panels: list[Axes],
    emulator: DensityEmulator,
    table: pa.Table,
    target: str,
    given: Sequence[str] | None,
) -> None:
    column = emulator.place(target)
    spec = emulator.columns[column]
    coded, seen = emulator.code(table, [], given, target)
    part = next(emulator.predict(coded, seen, column))[1]
    free, nothing = emulator.code(table.slice(0, 1), [], [], target)
    prior = next(emulator.predict(free, nothing, column))[1]
    own = np.where(coded.present[:, column], coded.x[:, column], np.nan)
    shown = part.quantiles(np.array([0.001, 0.999]))
    for number, axes in enumerate(panels[: len(own)]):
        scale = _around(spec, shown[number], own[number])
        _curves(axes, part, prior, number, scale)
        _points(axes, part, number)
        _mark(axes, own[number])
        scale.show(axes)
        axes.set_ylabel("density per decade" if scale.logarithmic else "density")


def _around(spec: ColumnSpec, ends: Floats, own: float) -> Scale:
    """Show the row's density and its value, with some room."""
    low, high = np.nanmin([*ends, own]), np.nanmax([*ends, own])
    room = 0.06 * max(high - low, 1e-12)
    found = scale_of(spec, np.array([low - room, high + room]))
    if found.logarithmic or low - room > 0 or low < 0:
        return found
    return Scale(min(low, 0.0) - 0.2 * room, found.high, logarithmic=False)


def _curves(axes: Axes, part: Predictive, prior: Predictive, row: int, scale: Scale) -> None:
    at, density = density_curve(part, scale)
    _, before = density_curve(prior, scale)
    for share, alpha in _SHADES:
        low, high = part.quantiles(np.array([(1 - share) / 2, (1 + share) / 2]))[row]
        axes.fill_between(
            at,
            density[row],
            where=(at >= low) & (at <= high),
            color=COLOURS[0],
            alpha=alpha,
            linewidth=0,
            label=f"central {share:.0%}",
        )
    axes.plot(at, density[row], color=COLOURS[0], linewidth=1.6, label="given what is known")
    axes.plot(at, before[0], ":", color=GREY, linewidth=1.4, label="given nothing")
    axes.set_ylim(0, 1.08 * density[row].max())


def _points(axes: Axes, part: Predictive, row: int) -> None:
    for number, atom in enumerate(part.spec.atoms):
        mass = float(np.exp(part.spread.log_atoms[row, number]))
        if mass < _SHOWN:
            continue
        top = axes.get_ylim()[1]
        axes.vlines(atom, 0, mass * top, color=COLOURS[2], linewidth=3)
        axes.annotate(
            f"{mass:.0%} at {atom:.6g}",
            (atom, max(mass, 0.3) * top),
            ha="right" if atom > np.mean(axes.get_xlim()) else "left",
            va="bottom",
            fontsize=8.5,
            color=COLOURS[2],
        )


def _mark(axes: Axes, own: float) -> None:
    if np.isfinite(own):
        axes.axvline(own, color=COLOURS[1], linewidth=1.6, label="its own value")


def _categories(
    panels: list[Axes],
    emulator: DensityEmulator,
    table: pa.Table,
    target: str,
    given: Sequence[str] | None,
) -> None:
    names = emulator.columns[emulator.place(target)].categories
    shares = emulator.probabilities(table, target, given)
    before = emulator.probabilities(table.slice(0, 1), target, [])[0]
    coded, _ = emulator.code(table, [], given, target)
    column = emulator.place(target)
    for number, axes in enumerate(panels[: len(shares)]):
        at = np.argsort(-shares[number])[:_MOST]
        own = int(coded.x[number, column]) if coded.present[number, column] else -1
        colours = [COLOURS[1] if i == own else COLOURS[0] for i in at]
        axes.bar(np.arange(len(at)), shares[number][at], color=colours, alpha=0.7)
        axes.plot(np.arange(len(at)), before[at], "_", color=INK, markersize=14)
        name_ticks(axes, [names[i] for i in at])
        axes.set_ylabel("probability")
        axes.plot([], [], "s", color=COLOURS[1], label="its own value")
        axes.plot([], [], "_", color=INK, label="given nothing")
