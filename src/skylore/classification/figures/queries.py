"""One query of each class with the images that are most alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skylore.classification.figures.shown import Shown
from skylore.classification.figures.style import readable
from skylore.scaling.drawing import COLOURS, INK, styled_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot_queries"]

_MATCHES = 8
_RIGHT, _WRONG = COLOURS[2], COLOURS[1]


def plot_queries(shown: Shown, seed: int = 0) -> Figure:
    """Draw a query of each class, by chance, and its eight most similar images.

    A frame says whether a match has the class of the query; one that has not is named.
    """
    present = [i for i in range(len(shown.classes)) if (shown.labels == i).any()]
    rng = np.random.default_rng(seed)
    matches = min(_MATCHES, len(shown.labels) - 1)
    with styled_figure(1.18 * (matches + 1) + 1.6, 1.28 * len(present) + 0.5) as figure:
        grid = figure.subplots(
            len(present), matches + 1, squeeze=False, gridspec_kw={"wspace": 0.04, "hspace": 0.04}
        )
        for line, place in zip(grid, present, strict=True):
            query = int(rng.choice(np.flatnonzero(shown.labels == place)))
            _picture(line[0], shown, query, INK)
            line[0].set_ylabel(
                readable(shown.classes[place]).replace(" ", "\n", 1), rotation=0, ha="right",
                va="center", fontsize=10, labelpad=8,
            )  # fmt: skip
            for axes, row in zip(line[1:], _nearest(shown, query, matches), strict=True):
                same = shown.labels[row] == place
                _picture(axes, shown, row, _RIGHT if same else _WRONG)
                if not same:
                    _name(axes, readable(shown.classes[shown.labels[row]]))
        grid[0][0].set_title("query", fontsize=10.5)
        grid[0][1].set_title("most alike", fontsize=10.5, loc="left")
    return figure


def _nearest(shown: Shown, query: int, count: int) -> list[int]:
    cosines = shown.vectors @ shown.vectors[query]
    cosines[query] = -np.inf
    order: list[int] = np.argsort(-cosines, kind="stable")[:count].tolist()
    return order


def _picture(axes: Axes, shown: Shown, row: int, frame: str) -> None:
    axes.imshow(shown.images[row], interpolation="lanczos")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set(visible=True, color=frame, linewidth=2.6)


def _name(axes: Axes, text: str) -> None:
    axes.text(
        0.5, 0.03, text, transform=axes.transAxes, ha="center", va="bottom", fontsize=7,
        color="white", bbox={"facecolor": _WRONG, "edgecolor": "none", "pad": 1.2},
        clip_on=True,
    )  # fmt: skip
