"""Marginal densities beside the data."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from skylore.density.coding import Coded
from skylore.density.emulator import DensityEmulator
from skylore.density.plots.axes import (
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
from skylore.scaling.drawing import COLOURS, GREY, INK, styled_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from skylore.density.tables import Readable

__all__ = ["plot_marginals"]

Floats = NDArray[np.float64]

_NAMED = 12


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
        A column is not known, or the file cannot be written.
    DependencyMissingError
        Matplotlib is not installed.
    """
    read = read_table(table)
    names = list(targets or [c.name for c in emulator.columns if c.name in read.column_names])
    coded, _ = emulator.code(read, names, [])
    rows, abreast = shape_of_grid(len(names))
    with styled_figure(3.1 * abreast, 2.7 * rows + 0.4) as figure:
        grid = figure.subplots(rows, abreast, squeeze=False)
        for axes, name in zip(grid.flat, names, strict=False):
            _panel(axes, emulator, read, coded, name)
        for axes in grid.flat[len(names) :]:
            axes.remove()
        legend(figure)
        return save(figure, file)


def _panel(axes: Axes, emulator: DensityEmulator, table: pa.Table, coded: Coded, name: str) -> None:
    column = emulator.place(name)
    spec = emulator.columns[column]
    axes.set_xlabel(label_of(table, name))
    there = coded.present[:, column]
    x = coded.x[there, column]
    one = table.slice(0, 1)
    if spec.is_categorical:
        shares = emulator.probabilities(one, name, [])[0]
        found = np.bincount(x.astype(np.int64), minlength=len(shares)) / max(1, len(x))
        _categories(axes, list(spec.categories), shares, found)
        return
    first, seen = emulator.code(one, [], [], name)
    part = next(emulator.predict(first, seen, column))[1]
    _number(axes, part, x)


def _categories(axes: Axes, names: list[str], shares: Floats, found: Floats) -> None:
    shown = np.argsort(-found)[:_NAMED]
    at = np.arange(len(shown))
    axes.bar(at, found[shown], color=GREY, alpha=0.45, label="data")
    axes.plot(at, shares[shown], "o", color=COLOURS[0], label="model")
    name_ticks(axes, [names[i] for i in shown])
    axes.set_ylabel("probability")


def _number(axes: Axes, part: Predictive, x: Floats) -> None:
    spec = part.spec
    scale = scale_of(spec, x, part.draw(2000, 0)[0])
    edges = scale.bins(spec)
    whole = spec.kind == "integer" and bool(np.diff(edges).max() <= 1)
    spread = x if whole else x[~np.isin(x, spec.atoms)]
    counts, _ = np.histogram(spread, edges)
    heights = counts / np.diff(scale.along(edges)) / max(1, len(x))
    axes.stairs(heights, edges, fill=True, color=GREY, alpha=0.45, label="data")
    if whole:
        numbers = np.rint(0.5 * (edges[1:] + edges[:-1]))
        masses = np.diff(part.cdf(np.concatenate([[numbers[0] - 1], numbers])[None]))[0]
        axes.plot(numbers, masses, "o", markersize=3.5, color=COLOURS[0], label="model")
        axes.set_ylabel("probability")
    else:
        at, density = density_curve(part, scale)
        axes.plot(at, density[0], color=COLOURS[0], linewidth=1.6, label="model")
        axes.set_ylabel("density per decade" if scale.logarithmic else "density")
        _points(axes, part, x)
    axes.set_ylim(bottom=0)
    scale.show(axes)


def _points(axes: Axes, part: Predictive, x: Floats) -> None:
    """Draw point masses as stems on an axis of probability."""
    if not part.spec.atoms:
        return
    other = axes.twinx()
    other.spines["right"].set_visible(True)
    other.set_ylabel("point masses", color=COLOURS[1])
    other.tick_params(axis="y", colors=COLOURS[1])
    shares = [float(np.mean(x == a)) for a in part.spec.atoms]
    masses = np.exp(part.spread.log_atoms[0].numpy())
    other.vlines(part.spec.atoms, 0, masses, color=COLOURS[1], linewidth=2.2)
    other.plot(part.spec.atoms, masses, "o", color=COLOURS[1], label="model, point mass")
    other.plot(part.spec.atoms, shares, "_", color=INK, markersize=13, label="data, point mass")
    other.set_ylim(0, 1.25 * max([*masses, *shares]))
