"""Drawings of calibration."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from skylore.density.calibration import COVERAGES
from skylore.density.plots.axes import check_format, save
from skylore.errors import ModelError
from skylore.scaling.drawing import COLOURS, GREY, INK, styled_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_calibration"]

Floats = NDArray[np.float64]

_BINS = 20
_CHANCE = "95 % of perfect densities"


def plot_calibration(pits: Mapping[str, Floats], out: Path) -> list[Path]:
    """Draw PIT histogram and coverage of each column; give the files.

    Grey bands hold 95 % of what perfect densities would show by chance.

    Parameters
    ----------
    pits : mapping of str to ndarray
        Of each column.
    out : Path
        A folder, or of one column a .png, .pdf or .svg.

    Raises
    ------
    ModelError
        A file is given for several columns, or it cannot be written.
    DependencyMissingError
        If matplotlib is not installed.
    """
    if not out.suffix or out.is_dir():
        files = {name: out / f"{_plain(name)}_calibration.png" for name in pits}
        return [_draw(name, pit, files[name]) for name, pit in pits.items()]
    check_format(out)
    if len(pits) != 1:
        raise ModelError(f"calibration draws a file a column, {len(pits)} here: give a folder")
    return [_draw(name, pit, out) for name, pit in pits.items()]


def _draw(name: str, pit: Floats, file: Path) -> Path:
    with styled_figure(7.6, 3.6) as figure:
        left, right = figure.subplots(1, 2)
        _histogram(left, pit)
        _coverage(right, pit)
        figure.suptitle(f"{name}, {len(pit):,} rows", fontsize=11)
        return save(figure, file)


def _plain(name: str) -> str:
    return "".join(c if c.isalnum() or c in "-_" else "_" for c in name)


def _histogram(axes: Axes, pit: Floats) -> None:
    chance = 1.96 * np.sqrt((1 / _BINS) * (1 - 1 / _BINS) / len(pit)) * _BINS
    axes.axhspan(1 - chance, 1 + chance, color=GREY, alpha=0.3, linewidth=0, label=_CHANCE)
    heights, edges = np.histogram(pit, _BINS, (0, 1), density=True)
    axes.stairs(heights, edges, color=COLOURS[0], linewidth=1.8, baseline=None)
    axes.axhline(1, color=INK, linewidth=0.9)
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.15 * max(heights.max(), 1 + chance))
    axes.set_xlabel("probability integral transform")
    axes.set_ylabel("density")
    axes.legend(loc="lower center", fontsize=9)


def _coverage(axes: Axes, pit: Floats) -> None:
    wanted = np.linspace(0.01, 0.99, 99)
    found = np.array([np.mean(np.abs(pit - 0.5) <= share / 2) for share in wanted])
    chance = 1.96 * np.sqrt(wanted * (1 - wanted) / len(pit))
    axes.fill_between(wanted, wanted - chance, wanted + chance, color=GREY, alpha=0.3, linewidth=0)
    axes.plot(wanted, wanted, color=INK, linewidth=0.9)
    axes.plot(wanted, found, color=COLOURS[1], linewidth=1.8)
    marked = [np.mean(np.abs(pit - 0.5) <= share / 2) for share in COVERAGES]
    axes.scatter(COVERAGES, marked, color=COLOURS[1], zorder=3)
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    axes.set_xlabel("nominal coverage of the central interval")
    axes.set_ylabel("observed coverage")
