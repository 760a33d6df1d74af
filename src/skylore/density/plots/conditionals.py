"""What a column could be in single rows, with the value that it has."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
    density_label,
    label_of,
    masses_of,
    name_ticks,
    scale_of,
    whole_steps,
)
from skylore.density.plots.panels import alone, check_rows, draw_panels, in_words, title_of
from skylore.density.predictive import Predictive
from skylore.density.tables import read_table
from skylore.errors import ModelError
from skylore.scaling.drawing import COLOURS, GREY, INK

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from skylore.density.tables import Readable

__all__ = ["plot_conditionals"]

Floats = NDArray[np.float64]

_MOST = 12
_SIZE = (3.6, 2.9)
_SHOWN = 0.02
_ENDS = np.array([0.005, 0.995])
_SHADES = ((0.95, 0.16), (0.68, 0.32))
_PRIOR = 1.6


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
    the density is with nothing given. Whole numbers and categories have bars.

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
    read = read_table(table, ids=True)
    if not 1 <= len(rows) <= _MOST:
        raise ModelError(f"one to {_MOST} rows can be drawn at once, not {len(rows)}")
    check_rows(read, rows)
    chosen = read.take(list(rows))
    categorical = emulator.columns[emulator.place(target)].is_categorical
    panel = (_categories if categorical else _numbers)(emulator, chosen, target, given)

    def draw(number: int, axes: Axes) -> None:
        panel(number, axes)
        axes.set_title(title_of(read, rows[number]), fontsize=10)
        axes.set_xlabel(label_of(read, target))

    return draw_panels(len(rows), _SIZE, file, draw)


def _numbers(
    emulator: DensityEmulator, table: pa.Table, target: str, given: Sequence[str] | None
) -> Callable[[int, Axes], None]:
    column = emulator.place(target)
    coded, seen = emulator.code(table, [], given, target)
    part = next(emulator.predict(coded, seen, column))[1]
    prior = alone(emulator, table, target)
    own = np.where(coded.present[:, column], coded.x[:, column], np.nan)
    scales = _around(part.spec, part.quantiles(_ENDS), own)
    words = in_words(given)

    def draw(row: int, axes: Axes) -> None:
        scale = scales[row]
        edges = scale.bins(part.spec)
        if whole_steps(part.spec, edges):
            _bars(axes, (part, prior), row, edges, words)
            axes.set_ylabel("probability")
        else:
            _curves(axes, (part, prior), row, scale, words)
            _points(axes, part, row)
            axes.set_ylabel(density_label(table, target, scale))
        if np.isfinite(own[row]):
            axes.axvline(own[row], color=COLOURS[1], linewidth=1.6, label="its own value")
        scale.show(axes)

    return draw


def _around(spec: ColumnSpec, ends: Floats, own: Floats) -> list[Scale]:
    """Show each row's density and value with some room, in decades if all rows need them."""
    both = np.column_stack([ends, own])
    low, high = np.nanmin(both, axis=1), np.nanmax(both, axis=1)
    room = 0.06 * np.maximum(high - low, 1e-12)
    least = np.where((low >= 0) & (low < room), -0.2 * room, low - room)
    limits = [np.array(pair) for pair in zip(low - room, high + room, strict=True)]
    found = [scale_of(spec, pair) for pair in limits]
    if all(scale.logarithmic for scale in found):
        return found
    return [
        Scale(float(start), scale.high, logarithmic=False)
        if scale.logarithmic or start < 0 <= first
        else scale
        for scale, start, first in zip(found, least, low, strict=True)
    ]


def _within(part: Predictive, row: int, share: float) -> tuple[float, float]:
    """Give the ends of the central interval of a row."""
    low, high = part.quantiles(np.array([(1 - share) / 2, (1 + share) / 2]))[row]
    return float(low), float(high)


def _central(share: float) -> str:
    return f"central {share * 100:.0f} %"


def _curves(
    axes: Axes, both: tuple[Predictive, Predictive], row: int, scale: Scale, words: str
) -> None:
    part, prior = both
    at, densities = density_curve(part, scale)
    density, before = densities[row], density_curve(prior, scale)[1][0]
    for share, alpha in _SHADES:
        low, high = _within(part, row, share)
        axes.fill_between(
            at,
            density,
            where=(at >= low) & (at <= high),
            color=COLOURS[0],
            alpha=alpha,
            linewidth=0,
            label=_central(share),
        )
    axes.plot(at, density, color=COLOURS[0], linewidth=1.6, label=words)
    axes.plot(at, before, ":", color=GREY, linewidth=1.4, label="given nothing")
    axes.set_ylim(0, 1.08 * max(density.max(), min(before.max(), _PRIOR * density.max())))


def _bars(
    axes: Axes, both: tuple[Predictive, Predictive], row: int, edges: Floats, words: str
) -> None:
    """Draw probabilities of whole numbers, shaded as curves are."""
    part, prior = both
    numbers, masses = masses_of(part, edges)
    axes.bar(numbers, masses[row], 0.85, color="none", edgecolor=COLOURS[0], label=words)
    for share, alpha in _SHADES:
        low, high = _within(part, row, share)
        heights = np.where((numbers >= low) & (numbers <= high), masses[row], 0.0)
        axes.bar(numbers, heights, 0.85, color=COLOURS[0], alpha=alpha, label=_central(share))
    axes.plot(
        numbers, masses_of(prior, edges)[1][0], ".", color=GREY, markersize=4, label="given nothing"
    )


def _points(axes: Axes, part: Predictive, row: int) -> None:
    for number, atom in enumerate(part.spec.atoms):
        mass = float(np.exp(part.spread.log_atoms[row, number]))
        if mass < _SHOWN:
            continue
        top = axes.get_ylim()[1]
        axes.vlines(atom, 0, mass * top, color=COLOURS[2], linewidth=3)
        axes.annotate(
            f"{mass * 100:.0f} % at {atom:.6g}",
            (atom, max(mass, 0.3) * top),
            ha="right" if atom > np.mean(axes.get_xlim()) else "left",
            va="bottom",
            fontsize=8.5,
            color=COLOURS[2],
        )


def _categories(
    emulator: DensityEmulator, table: pa.Table, target: str, given: Sequence[str] | None
) -> Callable[[int, Axes], None]:
    column = emulator.place(target)
    names = emulator.columns[column].categories
    shares = emulator.probabilities(table, target, given)
    before = emulator.probabilities(table.slice(0, 1), target, [])[0]
    coded, _ = emulator.code(table, [], given, target)
    own = np.where(coded.present[:, column], coded.x[:, column], -1).astype(np.int64)
    # The same order in all panels, so that they can be compared.
    shown = np.argsort(-shares.max(axis=0), kind="stable")[:_MOST]

    def draw(row: int, axes: Axes) -> None:
        at = np.arange(len(shown))
        for mine, colour, label in (
            (False, COLOURS[0], in_words(given)),
            (True, COLOURS[1], "its own value"),
        ):
            heights = np.where((shown == own[row]) == mine, shares[row][shown], 0.0)
            axes.bar(at, heights, color=colour, alpha=0.7, label=label)
        axes.plot(at, before[shown], "_", color=INK, markersize=14, label="given nothing")
        name_ticks(axes, [names[i] for i in shown])
        axes.set_ylabel("probability")

    return draw
