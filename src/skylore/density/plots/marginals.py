"""Marginal densities beside the data."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

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
from skylore.density.plots.panels import alone, draw_panels
from skylore.density.predictive import Predictive
from skylore.density.tables import read_table
from skylore.errors import ModelError
from skylore.scaling.drawing import COLOURS, GREY, INK

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from skylore.density.tables import Readable

__all__ = ["plot_marginals"]

Floats = NDArray[np.float64]

_NAMED = 12
_SIZE = (3.1, 2.7)


def plot_marginals(
    emulator: DensityEmulator, table: Readable, file: Path, targets: Sequence[str] | None = None
) -> Path:
    """Draw the density of each column, given nothing, over a histogram of a table's values.

    Measurement errors are left out of the curve: it is of true values, the histogram of measured
    ones. Point masses are drawn as stems with their probability, beside the share of the data.

    Parameters
    ----------
    emulator : DensityEmulator
    table
    file : Path
        .png, .pdf or .svg.
    targets : sequence of str, optional
        All columns by default.

    Raises
    ------
    ModelError
        A column is not known, the table has none, or the file cannot be written.
    DependencyMissingError
        Matplotlib is not installed.
    """
    read = read_table(table)
    names = list(targets or [c.name for c in emulator.columns if c.name in read.column_names])
    if not names:
        raise ModelError("the table has none of the model's columns")
    coded, _ = emulator.code(read, names, [])

    def draw(number: int, axes: Axes) -> None:
        name, column = names[number], emulator.place(names[number])
        x = coded.x[coded.present[:, column], column]
        axes.set_xlabel(label_of(read, name))
        if emulator.columns[column].is_categorical:
            shares = emulator.probabilities(read.slice(0, 1), name, [])[0]
            found = np.bincount(x.astype(np.int64), minlength=len(shares)) / max(1, len(x))
            _categories(axes, list(emulator.columns[column].categories), shares, found)
        else:
            _number(axes, alone(emulator, read, name), x, read)

    return draw_panels(len(names), _SIZE, file, draw)


def _categories(axes: Axes, names: list[str], shares: Floats, found: Floats) -> None:
    shown = np.argsort(-found, kind="stable")[:_NAMED]
    at = np.arange(len(shown))
    axes.bar(at, found[shown], color=GREY, alpha=0.45, label="data")
    axes.plot(at, shares[shown], "o", color=COLOURS[0], label="model")
    name_ticks(axes, [names[i] for i in shown])
    axes.set_ylabel("probability")


def _number(axes: Axes, part: Predictive, x: Floats, table: pa.Table) -> None:
    spec = part.spec
    scale = scale_of(spec, x, part.draw(2000, 0)[0])
    edges = scale.bins(spec)
    whole = whole_steps(spec, edges)
    spread = x if whole else x[~np.isin(x, spec.atoms)]
    counts, _ = np.histogram(spread, edges)
    heights = counts / np.diff(scale.along(edges)) / max(1, len(x))
    axes.stairs(heights, edges, fill=True, color=GREY, alpha=0.45, label="data")
    if whole:
        numbers, masses = masses_of(part, edges)
        axes.plot(numbers, masses[0], "o", markersize=3.5, color=COLOURS[0], label="model")
        axes.set_ylabel("probability")
    else:
        _curve(axes, part, scale)
        axes.set_ylabel(density_label(table, spec.name, scale))
        _points(axes, part, x)
    axes.set_ylim(bottom=0)
    scale.show(axes)


def _curve(axes: Axes, part: Predictive, scale: Scale) -> None:
    at, density = density_curve(part, scale)
    axes.plot(at, density[0], color=COLOURS[0], linewidth=1.6, label="model")


def _points(axes: Axes, part: Predictive, x: Floats) -> None:
    """Draw point masses as stems on an axis of probability."""
    if not part.spec.atoms:
        return
    other = axes.twinx()
    other.spines["right"].set_visible(True)
    other.set_ylabel("point masses", color=COLOURS[1])
    other.tick_params(axis="y", colors=COLOURS[1])
    shares = [float(np.mean(x == a)) if len(x) else 0.0 for a in part.spec.atoms]
    masses = np.exp(part.spread.log_atoms[0].numpy())
    other.vlines(part.spec.atoms, 0, masses, color=COLOURS[1], linewidth=2.2)
    other.plot(part.spec.atoms, masses, "o", color=COLOURS[1], label="model, point mass")
    other.plot(part.spec.atoms, shares, "_", color=INK, markersize=13, label="data, point mass")
    other.set_ylim(0, 1.25 * max([*masses, *shares]))
