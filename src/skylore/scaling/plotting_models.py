"""Drawing the laws of several models beside each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from skylore.scaling.drawing import COLOURS, GREY, plain_ticks, require_curves, styled_figure
from skylore.scaling.fitted import Fit

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot_models"]

_POINTS = 60
_SPREAD = 0.03
"""Runs of different models are set apart by this share of a factor of e, to be seen."""


def plot_models(
    fits: Mapping[str, Fit],
    *,
    floor: float | None = None,
    reach: float = 4.0,
    confidence: float = 0.9,
    unit: str = "labels",
    quantity: str = "loss",
) -> Figure:
    """Draw runs, laws and bands of up to four models, on logarithmic axes.

    Parameters
    ----------
    fits : dict of str to Fit
        By the name of the model, smallest first; none of them joint.
    floor : float, optional
        A loss that no model can beat, drawn as a line.
    reach : float
        How far beyond the largest size to draw, as a factor.
    confidence : float
        Of the bands; a broken law has none.
    unit, quantity : str
        What the axes count.

    Returns
    -------
    matplotlib.figure.Figure
        Not shown, and known to no window.

    Raises
    ------
    DependencyMissingError
        If matplotlib is not installed.
    ModelError
        If there is no model, there are more than four, or a law is joint.
    """
    require_curves(fits.values())
    with styled_figure(6.4, 4.6) as figure:
        axes = figure.subplots()
        axes.set(xscale="log", yscale="log", xlabel=f"training {unit}, D", ylabel=quantity)
        for place, (name, fit) in enumerate(fits.items()):
            shift = np.exp(_SPREAD * (place - (len(fits) - 1) / 2))
            _model(axes, name, fit, COLOURS[place], (reach, float(shift), confidence))
        if floor is not None:
            axes.axhline(floor, color=GREY, linewidth=0.9, linestyle=(0, (1, 2)))
        sizes = np.concatenate([fit.runs.data for fit in fits.values()])
        axes.set_xlim(sizes.min() / 1.25, sizes.max() * reach)
        axes.axvspan(sizes.max() * 1.1, sizes.max() * reach, color=GREY, alpha=0.07, lw=0)
        axes.legend(loc="upper right", fontsize=9.5, handlelength=1.8)
        plain_ticks(axes.xaxis, axes.get_xlim())
        plain_ticks(axes.yaxis, axes.get_ylim())
    return figure


def _model(axes: Axes, name: str, fit: Fit, colour: str, how: tuple[float, float, float]) -> None:
    reach, shift, confidence = how
    D = np.geomspace(fit.runs.data.min() / 1.25, fit.runs.data.max() * reach, _POINTS)
    if fit.form != "broken":
        band = fit.prediction_interval(D, confidence=confidence)
        # A band may reach down to no loss at all, which a logarithmic axis has no place for.
        low = np.maximum(band.low, 0.5 * fit.predict(D).min())
        axes.fill_between(D, low, band.high, color=colour, alpha=0.14, linewidth=0)
    axes.plot(D, fit.predict(D), color=colour, linewidth=1.8, label=name)
    axes.scatter(fit.runs.data * shift, fit.runs.loss, s=16, color=colour, zorder=4)
