"""Images on a regular grid, near those that are alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from skylore.classification.figures.maps import principal_plane
from skylore.classification.figures.shown import THUMBNAIL, Shown
from skylore.classification.figures.style import colour, legend_of_classes
from skylore.scaling.drawing import styled_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["arrange", "plot_image_grid"]

_MOST = 24
"""Images along a side."""
_FRAME = 3
_GAP = 2


def arrange(places: NDArray[np.float64], side: int) -> NDArray[np.int64]:
    """Put ``side²`` points into the cells of a square grid, each near its place.

    The assignment with the least sum of squared distances (Hungarian method; Kuhn 1955), once
    both coordinates are spread evenly by rank.

    Parameters
    ----------
    places : ndarray, shape (side², 2)
    side : int

    Returns
    -------
    ndarray, shape (side, side), int64
        Which point is in each cell; the first row is at the bottom.

    Raises
    ------
    ValueError
        There are not ``side²`` points.
    """
    from scipy.optimize import linear_sum_assignment
    from scipy.spatial.distance import cdist
    from scipy.stats import rankdata

    if places.shape != (side**2, 2):
        raise ValueError(f"a grid of {side} × {side} holds {side**2} points, not {places.shape}")
    even = (rankdata(places, axis=0) - 0.5) / side**2
    y, x = np.divmod(np.arange(side**2), side)
    cells = (np.stack([x, y], axis=1) + 0.5) / side
    _, points = linear_sum_assignment(cdist(cells, even, "sqeuclidean"))
    return np.asarray(points, np.int64).reshape(side, side)


def plot_image_grid(shown: Shown, seed: int = 0) -> Figure:
    """Draw images by the first two principal components of the classifier's space.

    Up to 24 × 24 of them, drawn by chance, each in the colour of its class.
    """
    side = min(_MOST, int(np.sqrt(len(shown.labels))))
    rows = np.random.default_rng(seed).choice(len(shown.labels), side**2, replace=False)
    plane = principal_plane(shown.vectors)
    cells = rows[arrange(plane[rows], side)][::-1]
    tiles = np.array([[_framed(shown, int(row)) for row in line] for line in cells])
    sheet = tiles.transpose(0, 2, 1, 3, 4).reshape(side * tiles.shape[2], -1, 3)
    inches = max(5.5, 0.42 * side)
    with styled_figure(inches, inches + 0.9) as figure:
        axes = figure.subplots()
        axes.imshow(sheet, interpolation="lanczos")
        axes.set_axis_off()
        said = f"{side**2} images{shown.caveat}, by the first two principal components"
        axes.set_title(said, fontsize=11.5)
        legend_of_classes(figure, shown.classes, columns=max(2, round(inches / 2.2)), marks=False)
    return figure


def _framed(shown: Shown, row: int) -> NDArray[np.uint8]:
    from matplotlib.colors import to_rgb

    whole = THUMBNAIL + 2 * (_FRAME + _GAP)
    tile = np.full((whole, whole, 3), 255, np.uint8)
    inside = slice(_GAP, whole - _GAP)
    tile[inside, inside] = np.round(255 * np.array(to_rgb(colour(int(shown.labels[row])))))
    picture = slice(_GAP + _FRAME, whole - _GAP - _FRAME)
    tile[picture, picture] = shown.images[row]
    return tile
