"""Drawing all figures of a classifier into a folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from skylore.classification.figures.answers import plot_confusion, plot_reliability
from skylore.classification.figures.image_grid import plot_image_grid
from skylore.classification.figures.maps import MapMethod, chosen_method, plot_maps
from skylore.classification.figures.queries import plot_queries
from skylore.classification.figures.shown import Shown, show
from skylore.classification.judged import Asked, objects_to_judge
from skylore.classification.model import ClassifierModel
from skylore.classification.networks import TrainableNetwork, load_trainable
from skylore.classification.separation import Separation
from skylore.errors import ModelError
from skylore.scaling.drawing import styled_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from skylore.archive.table import Archive

__all__ = ["FigureReport", "draw_figures"]

_DOTS = 160


@dataclass(frozen=True)
class FigureReport:
    """The figures that were drawn, of how many objects, and what a reader should know."""

    files: tuple[Path, ...]
    objects: int
    remarks: tuple[str, ...]

    def __str__(self) -> str:
        """Say it in one line, and a line a remark."""
        names = ", ".join(file.name for file in self.files)
        line = f"{self.objects} objects in {len(self.files)} figures: {names}"
        return "\n".join([line, *(f"note: {remark}" for remark in self.remarks)])


def draw_figures(
    archive: Archive,
    column: str,
    folder: str | Path,
    out: str | Path,
    *,
    where: str | None = None,
    seen_too: bool = False,
    separation: Separation = "cutout",
    method: MapMethod | None = None,
    most: int = 2000,
    seed: int = 0,
    progress: bool = True,
) -> FigureReport:
    """Draw a classifier's space, images, queries, confusion and reliability.

    Parameters
    ----------
    archive : Archive
    column : str
        Of the labels.
    folder : path
        Of the model.
    out : path
        Where ``map.png``, ``grid.png``, ``queries.png``, ``confusion.png`` and
        ``reliability.png`` go.
    where, seen_too, separation
        Which objects, as :func:`skylore.classification.evaluate.evaluate_classifier` takes them.
    method : {"t-sne", "umap", "pca"}, optional
        t-SNE where scikit-learn is installed.
    most : int
        Objects, drawn by chance from more.
    seed : int
    progress : bool

    Raises
    ------
    DependencyMissingError
        matplotlib is missing, or scikit-learn or umap-learn where their map was asked for.
    ColumnError, FilterError, ModelError
        As for evaluating.
    """
    method = chosen_method(method)
    with styled_figure(1, 1):
        pass  # without matplotlib it fails here, before the images are encoded
    model = ClassifierModel.load(Path(folder))
    asked = objects_to_judge(
        archive, column, model, where=where, seen_too=seen_too, separation=separation
    )
    asked, remarks = _some(asked, most, seed)
    start, missing = _start(model)
    if seen_too and asked.seen_in_training:
        remarks.append(f"{asked.seen_in_training} objects were seen in training, which flatters")
    shown = show(archive, asked, model, start, progress=progress)
    if shown.unusable:
        remarks.append(f"{shown.unusable} images cannot be decoded, and are not shown")
    figures: dict[str, Callable[[Shown], Figure]] = {
        "map": lambda s: plot_maps(s, model.config.started_from, method, seed),
        "grid": lambda s: plot_image_grid(s, seed),
        "queries": lambda s: plot_queries(s, seed),
        "confusion": plot_confusion,
        "reliability": lambda s: plot_reliability(s, model.config.way),
    }
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    files = []
    for name, draw in figures.items():
        files.append(out / f"{name}.png")
        draw(shown).savefig(files[-1], dpi=_DOTS, bbox_inches="tight", pad_inches=0.12)
    return FigureReport(tuple(files), len(shown.labels), (*remarks, *missing))


def _some(asked: Asked, most: int, seed: int) -> tuple[Asked, list[str]]:
    count = len(asked.labels)
    if count <= most:
        return asked, []
    rows = np.sort(np.random.default_rng(seed).choice(count, most, replace=False))
    return asked.take(rows), [f"{most:,} of {count:,} objects were drawn by chance; see --most"]


def _start(model: ClassifierModel) -> tuple[TrainableNetwork | None, list[str]]:
    name = model.config.started_from
    try:
        return load_trainable(name).eval(), []
    except ModelError as error:
        return None, [f"the space before training is not drawn: {name} is not there ({error})"]
