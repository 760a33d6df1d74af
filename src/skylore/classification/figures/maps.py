"""Maps of a space on paper: neighbours stay neighbours, or the two widest directions."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from skylore.classification.figures.shown import Shown
from skylore.classification.figures.style import colour, legend_of_classes, mark
from skylore.classification.scores import retrieval_precisions
from skylore.encoders.base import Vectors
from skylore.errors import DependencyMissingError
from skylore.scaling.drawing import styled_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["MapMethod", "chosen_method", "flatten", "plot_maps", "principal_plane"]

MapMethod = Literal["t-sne", "umap", "pca"]
Places = NDArray[np.float64]
_TITLES = {"t-sne": "t-SNE", "umap": "UMAP", "pca": "first two principal components"}
_NEEDED = {"t-sne": ("sklearn", "scikit-learn"), "umap": ("umap", "umap-learn")}
"""What is imported, and the name under which it is installed."""


def chosen_method(asked: MapMethod | None) -> MapMethod:
    """Choose t-SNE where scikit-learn is installed, and principal components where not.

    Raises
    ------
    DependencyMissingError
        t-SNE was asked for without scikit-learn, or UMAP without umap-learn.
    """
    if asked in _NEEDED:
        module, package = _NEEDED[asked]
        if find_spec(module) is None:
            raise DependencyMissingError(
                f"{_TITLES[asked]} needs {package}; install it with: pip install {package}, or "
                "draw principal components with --map pca"
            )
    return asked or ("t-sne" if find_spec("sklearn") is not None else "pca")


def principal_plane(vectors: Vectors) -> Places:
    """Project onto the two directions in which vectors differ most, ``(N, 2)``.

    The sign of each is such that its largest coefficient is positive, so that equal vectors give
    equal maps on every machine.
    """
    moved = np.asarray(vectors, float) - np.mean(vectors, axis=0, dtype=float)
    _, _, directions = np.linalg.svd(moved, full_matrices=False)
    plane = directions[:2]
    plane = plane * np.sign(plane[np.arange(len(plane)), np.abs(plane).argmax(axis=1)])[:, None]
    flat: Places = moved @ plane.T
    return np.pad(flat, ((0, 0), (0, 2 - flat.shape[1])))


def flatten(vectors: Vectors, method: MapMethod, seed: int = 0) -> Places:
    """Bring unit vectors ``(N, D)`` onto a plane, ``(N, 2)``.

    t-SNE (van der Maaten & Hinton 2008) of cosine distances, begun with principal components
    (Kobak & Berens 2019), which keeps the large arrangement; or UMAP (McInnes et al. 2018, arXiv
    1802.03426), likewise.
    """
    if method == "pca" or len(vectors) < 4:
        return principal_plane(vectors)
    if method == "umap":
        return _by_umap(vectors, seed)
    from sklearn.manifold import TSNE

    near = min(30.0, (len(vectors) - 1) / 3)
    model = TSNE(perplexity=near, metric="cosine", init="pca", random_state=seed, n_jobs=1)
    found: Places = model.fit_transform(np.asarray(vectors, np.float32)).astype(float)
    return found


def _by_umap(vectors: Vectors, seed: int) -> Places:
    near = min(15, len(vectors) - 1)
    start = principal_plane(vectors).astype(np.float32)
    # One thread is what it takes to draw the same map again.
    umap = import_module("umap")
    model = umap.UMAP(n_neighbors=near, metric="cosine", init=start, random_state=seed, n_jobs=1)
    return np.asarray(model.fit_transform(np.asarray(vectors, np.float32)), float)


def plot_maps(shown: Shown, started_from: str, method: MapMethod, seed: int = 0) -> Figure:
    """Draw the classifier's space, and beside it that of the network it began with.

    Each panel says the mAP of search by likeness among the same objects, which is measured in the
    whole space and not on paper.
    """
    panels = [("after training", shown.vectors)]
    if shown.before is not None:
        panels.insert(0, (f"{_short(started_from)} before training", shown.before))
    with styled_figure(5.2 * len(panels), 5.9) as figure:
        axes = figure.subplots(1, len(panels), squeeze=False)[0]
        for panel, (title, vectors) in zip(axes, panels, strict=True):
            precision = np.nanmean(retrieval_precisions(vectors, shown.labels)["ap"])
            _scatter(panel, flatten(vectors, method, seed), shown)
            panel.set_title(f"{title} · mAP {precision:.3f}", fontsize=11.5)
            panel.set_xlabel(_said(method, vectors, shown.caveat), fontsize=9.5)
        legend_of_classes(figure, shown.classes)
    return figure


def _said(method: MapMethod, vectors: Vectors, caveat: str) -> str:
    """Say what is drawn, and of principal components how much of the whole they show."""
    said = _TITLES[method]
    if method == "pca":
        spread = np.linalg.svd(vectors - vectors.mean(axis=0), compute_uv=False) ** 2
        said += f", {spread[:2].sum() / max(spread.sum(), 1e-12):.0%} of the variance"
    return f"{said}\n{len(vectors):,} objects{caveat}"


def _scatter(axes: Axes, places: Places, shown: Shown) -> None:
    size = float(np.clip(9000 / len(places), 5, 40))
    for i in range(len(shown.classes)):
        x, y = places[shown.labels == i].T
        axes.scatter(x, y, s=size, color=colour(i), marker=mark(i), alpha=0.75, linewidth=0)
    low, high = np.quantile(places, [0.002, 0.998], axis=0)
    middle, half = (low + high) / 2, 0.56 * max(*(high - low), 1e-9)
    axes.set_xlim(middle[0] - half, middle[0] + half)
    axes.set_ylim(middle[1] - half, middle[1] + half)
    # Distances mean the same across and up.
    axes.set_aspect("equal")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(True)


def _short(name: str) -> str:
    """Name a network without the folder that it lies in."""
    kind, _, place = name.rpartition(":")
    return place.rstrip("/").rsplit("/", 1)[-1] if kind else name
