"""Drawings of calibration."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from skylore.density.calibration import COVERAGES
from skylore.scaling.drawing import COLOURS, GREY, INK, styled_figure

__all__ = ["plot_calibration"]

_BINS = 20


def plot_calibration(pits: Mapping[str, NDArray[np.float64]], folder: Path) -> list[Path]:
    """Draw PIT histogram and coverage of each column into ``folder``; give the files.

    Grey bands hold 95 % of what perfect densities would show by chance.

    Raises
    ------
    DependencyMissingError
        If matplotlib is not installed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for name, pit in pits.items():
        file = folder / f"{_plain(name)}_calibration.png"
        with styled_figure(8.4, 3.8) as figure:
            left, right = figure.subplots(1, 2)
            _histogram(left, pit)
            _coverage(right, pit)
            figure.suptitle(name)
            figure.savefig(file, dpi=150)
        files.append(file)
    return files


def _plain(name: str) -> str:
    return "".join(c if c.isalnum() or c in "-_" else "_" for c in name)


def _histogram(axes, pit: NDArray[np.float64]) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001 - matplotlib is not imported before it is used
    chance = 1.96 * np.sqrt((1 / _BINS) * (1 - 1 / _BINS) / len(pit)) * _BINS
    axes.hist(pit, bins=_BINS, range=(0, 1), density=True, color=COLOURS[0], alpha=0.75)
    axes.axhspan(1 - chance, 1 + chance, color=GREY, alpha=0.3, linewidth=0)
    axes.axhline(1, color=INK, linewidth=0.9)
    axes.set_xlabel("randomised PIT")
    axes.set_ylabel("density")


def _coverage(axes, pit: NDArray[np.float64]) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001 - as above
    wanted = np.linspace(0.01, 0.99, 99)
    found = np.array([np.mean(np.abs(pit - 0.5) <= share / 2) for share in wanted])
    chance = 1.96 * np.sqrt(wanted * (1 - wanted) / len(pit))
    axes.fill_between(wanted, wanted - chance, wanted + chance, color=GREY, alpha=0.3, linewidth=0)
    axes.plot(wanted, wanted, color=INK, linewidth=0.9)
    axes.plot(wanted, found, color=COLOURS[1], linewidth=1.8)
    marked = [np.mean(np.abs(pit - 0.5) <= share / 2) for share in COVERAGES]
    axes.scatter(COVERAGES, marked, color=COLOURS[1], zorder=3)
    axes.set_xlabel("central interval")
    axes.set_ylabel("share of values inside")
