"""From a table's units to those of the network, and back."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from skylore.errors import ModelError

__all__ = ["LinearScaling", "QuantileScaling", "Scaling", "scaling_from_dict"]

Values = NDArray[np.float64]


class Scaling(Protocol):
    """An increasing map of each column, known by the column's number."""

    def forward(self, values: Values, column: int) -> Values:
        """Give standardised values of any shape; NaN stays NaN."""

    def inverse(self, standard: Values, column: int) -> Values:
        """Give values in the column's units."""

    def log_slope(self, values: Values, column: int) -> Values:
        """Give ``log ds/dx``, by which a log density in the network's units becomes one in x."""

    def to_dict(self) -> dict[str, list[list[float]]]:
        """Give what the map is made of."""


class LinearScaling:
    """``(x − median) / (1.4826 median|x − median|)``, as published.

    Where more than half of a column is one value, the published code divides by zero; here the
    standard deviation takes the place of the spread.
    """

    def __init__(self, centres: Values, spreads: Values) -> None:
        self._centres, self._spreads = centres, spreads

    @classmethod
    def fit(cls, table: Values) -> LinearScaling:
        """Take medians and spreads of the columns of ``(N, V)``; NaN is left out.

        Raises
        ------
        ModelError
            A column has a single value.
        """
        centres = np.nanmedian(table, axis=0)
        spreads = 1.4826 * np.nanmedian(np.abs(table - centres), axis=0)
        spreads = np.where(spreads > 0, spreads, np.nanstd(table, axis=0))
        if not (spreads > 0).all():
            single = np.flatnonzero(~(spreads > 0)).tolist()
            raise ModelError(f"columns {single} have a single value; leave them out")
        return cls(centres, spreads)

    def forward(self, values: Values, column: int) -> Values:
        """Give standardised values."""
        standard: Values = (values - self._centres[column]) / self._spreads[column]
        return standard

    def inverse(self, standard: Values, column: int) -> Values:
        """Give values in the column's units."""
        values: Values = standard * self._spreads[column] + self._centres[column]
        return values

    def log_slope(self, values: Values, column: int) -> Values:
        """Give the constant ``−log spread``."""
        return np.full(values.shape, -np.log(self._spreads[column]))

    def to_dict(self) -> dict[str, list[list[float]]]:
        """Give medians and spreads."""
        return {"linear": [self._centres.tolist(), self._spreads.tolist()]}


class QuantileScaling:
    """Quantiles of the training rows become standard normal ones, straight lines in between."""

    def __init__(self, knots: list[Values], scores: list[Values]) -> None:
        self._knots, self._scores = knots, scores

    @classmethod
    def fit(cls, table: Values, count: int = 100) -> QuantileScaling:
        """Take ``count`` quantiles and both ends of each column of ``(N, V)``; equal ones are one.

        Raises
        ------
        ModelError
            A column has a single value.
        """
        from scipy.special import ndtri

        knots, scores = [], []
        for j, column in enumerate(table.T):
            known = column[np.isfinite(column)]
            end = 0.5 / max(len(known), count)
            shares = np.array([end, *(np.arange(1, count) / count), 1 - end])
            places, index = np.unique(
                np.quantile(known, [0, *shares[1:-1], 1]), return_inverse=True
            )
            if len(places) < 2:
                raise ModelError(f"column {j} has a single value; leave it out")
            means = np.bincount(index, weights=ndtri(shares)) / np.bincount(index)
            knots.append(places)
            scores.append(means)
        return cls(knots, scores)

    def forward(self, values: Values, column: int) -> Values:
        """Give standardised values."""
        piece, slopes = self._pieces(values, self._knots[column], column)
        return self._scores[column][piece] + slopes * (values - self._knots[column][piece])

    def inverse(self, standard: Values, column: int) -> Values:
        """Give values in the column's units."""
        piece, slopes = self._pieces(standard, self._scores[column], column)
        return self._knots[column][piece] + (standard - self._scores[column][piece]) / slopes

    def log_slope(self, values: Values, column: int) -> Values:
        """Give the log of the slope of the piece."""
        return np.log(self._pieces(values, self._knots[column], column)[1])

    def to_dict(self) -> dict[str, list[list[float]]]:
        """Give knots and scores, of one column after the other."""
        return {
            "knots": [part.tolist() for part in self._knots],
            "scores": [part.tolist() for part in self._scores],
        }

    def _pieces(
        self, values: Values, places: Values, column: int
    ) -> tuple[NDArray[np.intp], Values]:
        knots, scores = self._knots[column], self._scores[column]
        piece = np.clip(np.searchsorted(places, values, side="right") - 1, 0, len(knots) - 2)
        return piece, (np.diff(scores) / np.diff(knots))[piece]


def scaling_from_dict(parts: dict[str, list[list[float]]]) -> Scaling:
    """Make a scaling of what :meth:`Scaling.to_dict` gave."""
    if "linear" in parts:
        centres, spreads = (np.array(part) for part in parts["linear"])
        return LinearScaling(centres, spreads)
    knots, scores = ([np.array(part) for part in parts[name]] for name in ("knots", "scores"))
    return QuantileScaling(knots, scores)
