"""The classifier as users hold it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from skylore.archive.fill import FillOptions, FillReport
from skylore.classification.evaluate import evaluate_classifier
from skylore.classification.model import ClassifierModel
from skylore.classification.report import EvaluationReport
from skylore.classification.separation import Separation
from skylore.classification.service import fit_classifier
from skylore.classification.settings import ClassifierSettings
from skylore.classification.steps import Classify, features_of
from skylore.classification.ways import Way
from skylore.encoders.base import Pixels, Vectors
from skylore.encoders.pixels import check_pixels
from skylore.errors import ColumnError

if TYPE_CHECKING:
    from skylore.archive.table import Archive
    from skylore.classification.figures.drawing import FigureReport

__all__ = ["GalaxAlign"]


class GalaxAlign:
    """Tells classes of images apart, and finds images of the same class.

    Learns images, schematic symbols and words together (Wang, Wang & Luo 2024, arXiv 2411.19475),
    by default with all of a class for positives. Made by :meth:`fit` and :meth:`load`.

    Parameters
    ----------
    folder : path
        Of the model.

    Examples
    --------
    >>> model = GalaxAlign.fit(archive, "morphology", "types")  # doctest: +SKIP
    >>> model.fill(archive)  # doctest: +SKIP
    >>> archive.search("dust lane", where="galaxalign_class = 'edge-on'")  # doctest: +SKIP
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self._model = ClassifierModel.load(self.folder)

    @classmethod
    def load(cls, folder: str | Path) -> GalaxAlign:
        """Read a model.

        Raises
        ------
        ModelError
            There is none, or it is damaged.
        """
        return cls(folder)

    @classmethod
    def fit(
        cls,
        archive: Archive,
        labels: str,
        folder: str | Path,
        *,
        where: str | None = None,
        group: str | None = None,
        separation: Separation = "cutout",
        progress: bool = True,
        **settings: Any,  # noqa: ANN401 - as ClassifierSettings takes them
    ) -> GalaxAlign:
        """Train on a column of classes; goes on where an interrupted training stopped.

        Parameters
        ----------
        archive : Archive
        labels : str
            The column.
        folder : path
            Where the model goes.
        where : str, optional
            Which objects may be seen, as in a search.
        group : str, optional
            A column; objects of one value are never split between training and validation.
        separation : float or "cutout", optional
            Arcseconds; objects nearer than that are not split either. By default the width of a
            cutout where the archive knows it, and 60″ where not.
        progress : bool
        **settings
            As :class:`skylore.classification.settings.ClassifierSettings` takes them.

        Raises
        ------
        pydantic.ValidationError
            A setting is not one.
        ColumnError, FilterError, ModelError
            As :func:`skylore.classification.service.fit_classifier`.
        """
        fit_classifier(
            archive,
            labels,
            folder,
            ClassifierSettings(**settings),
            where=where,
            group=group,
            separation=separation,
            progress=progress,
        )
        return cls(folder)

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes, in the order of the probabilities."""
        return self._model.config.classes

    def predict(self, images: Sequence[Pixels], way: Way | None = None) -> NDArray[np.float32]:
        """Give the probability of each class, ``(N, C)``.

        Parameters
        ----------
        images : sequence of ndarray, shape (H, W, 3), uint8
        way : {"text", "symbol", "both", "neighbours", "linear", "combined"}, optional
            The one chosen on the validation objects by default.

        Raises
        ------
        ImageError
            An image is not 8-bit RGB.
        ModelError
            The model does not have this way.
        """
        features = torch.from_numpy(self._features(images))
        with torch.inference_mode():
            found: NDArray[np.float32] = self._model.probabilities(features, way).numpy()
        return found

    def encode(self, images: Sequence[Pixels]) -> Vectors:
        """Give unit vectors ``(N, D)``, near each other for images of a class.

        Raises
        ------
        ImageError
            An image is not 8-bit RGB.
        """
        features = torch.from_numpy(self._features(images))
        with torch.inference_mode():
            found: Vectors = self._model.vectors(features).numpy()
        return found

    def fill(
        self,
        archive: Archive,
        options: FillOptions | None = None,
        *,
        prefix: str = "galaxalign",
        way: Way | None = None,
    ) -> FillReport:
        """Fill the columns ``PREFIX_class``, ``PREFIX_probability`` and one a class.

        Raises
        ------
        ColumnError
            Columns of this prefix were made by another model.
        """
        try:
            return archive.fill(Classify(str(self.folder), prefix, way), options)
        except ColumnError as error:
            if f"{prefix}_class" not in archive.schema.names:
                raise
            raise ColumnError(f"{error}; or keep both, under another prefix (--prefix)") from error

    def evaluate(self, archive: Archive, labels: str, **how: Any) -> EvaluationReport:  # noqa: ANN401 - as evaluate_classifier takes them
        """Measure it; see :func:`skylore.classification.evaluate.evaluate_classifier`."""
        return evaluate_classifier(archive, labels, self.folder, **how)

    def figures(
        self,
        archive: Archive,
        labels: str,
        out: str | Path,
        **how: Any,  # noqa: ANN401 - as draw_figures takes them
    ) -> FigureReport:
        """Draw it; see :func:`skylore.classification.figures.drawing.draw_figures`."""
        from skylore.classification.figures.drawing import draw_figures

        return draw_figures(archive, labels, self.folder, out, **how)

    def _features(self, images: Sequence[Pixels]) -> NDArray[np.float32]:
        for number, image in enumerate(images):
            check_pixels(image, number)
        return features_of(self._model, list(images))
