"""Joint draws of several columns beside the data."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from skylore.density.chain import sample
from skylore.density.emulator import DensityEmulator
from skylore.density.plots.axes import Scale, check_format, label_of, save, scale_of
from skylore.density.plots.panels import check_rows, in_words, title_of
from skylore.density.tables import read_table
from skylore.errors import ModelError
from skylore.scaling.drawing import COLOURS, GREY, styled_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from skylore.density.tables import Readable

__all__ = ["plot_corner"]

Floats = NDArray[np.float64]

_DRAWS = 6000
_CELLS = 44
_LEVELS = (0.95, 0.68)
_MOST = 8


def plot_corner(
    emulator: DensityEmulator,
    table: Readable,
    file: Path,
    targets: Sequence[str],
    *,
    given: Sequence[str] | None = None,
    row: int | None = None,
    seed: int = 0,
) -> Path:
    """Draw joint draws of columns: as a table's own rows are, or of what one row could be.

    Parameters
    ----------
    emulator : DensityEmulator
    table
    file : Path
        .png, .pdf or .svg.
    targets : sequence of str
        Two to eight numeric columns.
    given : sequence of str, optional
        Nothing by default without a row, else all other columns.
    row : int, optional
        Draws are of this row alone, and its own values are marked. Without it there is one draw
        for each row, given what that row knows of ``given``, and the draws are to look like the
        data in grey. Above each column of one row are the median of its draws, and how far the
        central 68 % reach.
    seed : int

    Raises
    ------
    ModelError
        A column or row does not exist, is no number, or there are too few or too many.
    DependencyMissingError
        Matplotlib is not installed.
    """
    check_format(file)
    read = read_table(table, ids=True)
    _check(emulator, read, targets, row)
    known = [] if given is None and row is None else given
    drawn = _draws(emulator, read, targets, known, row=row, seed=seed)
    coded, _ = emulator.code(read, targets, [])
    places = [emulator.place(name) for name in targets]
    data = np.where(coded.present[:, places], coded.x[:, places], np.nan)
    specs = [emulator.columns[place] for place in places]
    shown = data if row is None else drawn
    scales = [scale_of(s, drawn[:, k], shown[:, k]) for k, s in enumerate(specs)]
    labels = [label_of(read, name) for name in targets]
    size = len(targets)
    with styled_figure(2.1 * size + 0.6, 2.1 * size + 0.6) as figure:
        grid = figure.subplots(size, size, squeeze=False)
        for i in range(size):
            for j in range(size):
                if j > i:
                    grid[i, j].remove()
                    continue
                if i == j:
                    _along(grid[i, i], drawn[:, i], data[:, i], scales[i], row)
                else:
                    pair = (drawn[:, [j, i]], data[:, [j, i]])
                    _across(grid[i, j], pair, (scales[j], scales[i]), row)
                _name(grid[i, j], labels, i, j)
            if row is not None:
                grid[i, i].set_title(_interval(drawn[:, i]), fontsize=9.5)
        if row is not None:
            figure.suptitle(f"{title_of(read, row)}, {in_words(known)}", fontsize=11)
        kinds = dict(zip(*grid[0, 0].get_legend_handles_labels()[::-1], strict=True))
        figure.legend(
            list(kinds.values()), list(kinds), loc="upper right", bbox_to_anchor=(1, 0.96)
        )
        return save(figure, file)


def _check(
    emulator: DensityEmulator, table: pa.Table, targets: Sequence[str], row: int | None
) -> None:
    if not 2 <= len(targets) <= _MOST:
        raise ModelError(f"name two to {_MOST} columns to draw, not {len(targets)}")
    for name in targets:
        if emulator.columns[emulator.place(name)].is_categorical:
            raise ModelError(f'"{name}" has categories, and no place on an axis; leave it out')
    check_rows(table, [] if row is None else [row])


def _draws(
    emulator: DensityEmulator,
    table: pa.Table,
    targets: Sequence[str],
    given: Sequence[str] | None,
    *,
    row: int | None,
    seed: int,
) -> Floats:
    if row is not None:
        found = sample(emulator, table.slice(row, 1), targets, given, _DRAWS, seed=seed)
    else:
        chosen = np.random.default_rng(seed).permutation(table.num_rows)[:_DRAWS]
        each = max(1, _DRAWS // len(chosen))
        found = sample(emulator, table.take(chosen), targets, given, each, seed=seed)
    return np.stack([np.asarray(found[name], np.float64).ravel() for name in targets], 1)


def _across(
    axes: Axes, pair: tuple[Floats, Floats], scales: tuple[Scale, Scale], row: int | None
) -> None:
    drawn, data = pair
    if row is None:
        there = np.isfinite(data).all(axis=1)
        axes.plot(*data[there].T, ".", color=GREY, markersize=1.6, alpha=0.25, rasterized=True)
    _contours(axes, drawn, scales)
    if row is not None and np.isfinite(data[row]).all():
        axes.plot(*data[row], "*", color=COLOURS[1], markersize=11)
    scales[0].show(axes)
    scales[1].show(axes, across=False)


def _along(axes: Axes, drawn: Floats, data: Floats, scale: Scale, row: int | None) -> None:
    edges = scale.steps(_CELLS).tolist()
    if row is None:
        there = data[np.isfinite(data)]
        weights = np.full(len(there), 1 / max(1, len(there)))
        axes.hist(there, edges, weights=weights, color=GREY, alpha=0.45, label="data")
    weights = np.full(len(drawn), 1 / len(drawn))
    axes.hist(drawn, edges, weights=weights, histtype="step", color=COLOURS[0], linewidth=1.5,
              label="draws (68 %, 95 %)")  # fmt: skip
    if row is not None and np.isfinite(data[row]):
        axes.axvline(data[row], color=COLOURS[1], label="its own value")
    scale.show(axes)
    axes.set_yticks([])


def _interval(drawn: Floats) -> str:
    """Write the median and the ends of the central 68 %, to two digits of these."""
    low, middle, high = np.quantile(drawn, [0.16, 0.5, 0.84])
    width = max(high - middle, middle - low, 1e-300)
    digits = int(np.clip(1 - np.floor(np.log10(width)), 0, 6))
    up, down = f"{high - middle:.{digits}f}", f"{middle - low:.{digits}f}"
    return f"${middle:.{digits}f}^{{+{up}}}_{{-{down}}}$"


def _contours(axes: Axes, drawn: Floats, scales: tuple[Scale, Scale]) -> None:
    """Draw the smallest regions that hold 68 % and 95 % of the draws."""
    from scipy.ndimage import gaussian_filter

    edges = [scale.steps(_CELLS + 1) for scale in scales]
    counts, _, _ = np.histogram2d(drawn[:, 0], drawn[:, 1], bins=edges)
    smooth = gaussian_filter(counts, 1.0)
    ordered = np.sort(smooth.ravel())[::-1]
    held = np.cumsum(ordered) / max(ordered.sum(), 1e-300)
    levels = sorted({float(ordered[np.searchsorted(held, share)]) for share in _LEVELS})
    centres = [0.5 * (e[1:] + e[:-1]) for e in edges]
    if levels and levels[0] > 0:
        axes.contour(*centres, smooth.T, levels=levels, colors=COLOURS[0], linewidths=(1.0, 1.6))


def _name(axes: Axes, labels: list[str], i: int, j: int) -> None:
    """Label the outer panels, and leave the ticks of the inner ones bare."""
    if i == len(labels) - 1:
        axes.set_xlabel(labels[j])
        axes.tick_params(axis="x", labelrotation=30)
    else:
        axes.tick_params(labelbottom=False)
    if j == 0 and i > 0:
        axes.set_ylabel(labels[i])
    elif i != j:
        axes.tick_params(labelleft=False)
