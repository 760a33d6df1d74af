"""Drawing runs, laws and what the laws leave open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from skylore.scaling.drawing import COLOURS, GREY, INK, plain_ticks, require_curves, styled_figure
from skylore.scaling.fitted import Fit
from skylore.scaling.laws import Floats
from skylore.scaling.runs import Runs

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot_fits"]

_NAMES = {
    "power": "B·D$^{-β}$",
    "floor": "E + B·D$^{-β}$",
    "joint": "E + A·N$^{-α}$ + B·D$^{-β}$",
    "broken": "one break",
}
_POINTS = 80


def plot_fits(
    *fits: Fit,
    held_out: Runs | None = None,
    floor: float | None = None,
    reach: float = 4.0,
    confidence: float = 0.9,
    unit: str = "labels",
    quantity: str = "loss",
) -> Figure:
    """Draw the loss against data, and beside it the reducible loss on logarithmic axes.

    Parameters
    ----------
    *fits : Fit
        One to four laws of the same runs; each with its band, where it has intervals.
    held_out : Runs, optional
        Runs that were not fitted, drawn as open diamonds.
    floor : float, optional
        What to take off in the right panel: an oracle's floor. Where left out, that of the first
        fit. Without a floor there is one panel.
    reach : float
        How far beyond the largest size to draw, as a factor.
    confidence : float
        Of the bands.
    unit, quantity : str
        What the axes count.

    Returns
    -------
    matplotlib.figure.Figure
        Not shown, and known to no window: save it, or give it to a notebook.

    Raises
    ------
    DependencyMissingError
        If matplotlib is not installed.
    ModelError
        If there is no fit, or more than four, or one is of runs with several models.
    """
    require_curves(fits)
    floor = fits[0].law.E if floor is None else floor
    panels = 2 if floor > 0 else 1
    with styled_figure(5.4 * panels, 4.4) as figure:
        axes = figure.subplots(1, panels, squeeze=False)[0]
        for panel, below in zip(axes, (0.0, floor), strict=False):
            _panel(panel, _Scene(fits, held_out, reach, confidence), below)
            panel.set_xlabel(f"training {unit}, D")
        axes[0].set_ylabel(quantity)
        if panels == 2:
            axes[1].set_ylabel(f"{quantity} above the floor of {floor:.4g}")
            axes[0].axhline(floor, color=GREY, linewidth=0.9, linestyle=(0, (1, 2)), zorder=1)
            _note(axes[0], f"floor {floor:.4g}", floor)
        axes[0].legend(loc="upper right", fontsize=9.5, handlelength=1.8)
        for panel in axes:
            plain_ticks(panel.xaxis, panel.get_xlim())
    return figure


@dataclass(frozen=True)
class _Scene:
    """What both panels show."""

    fits: tuple[Fit, ...]
    held_out: Runs | None
    reach: float
    confidence: float

    @property
    def runs(self) -> Runs:
        return self.fits[0].runs

    @property
    def seen(self) -> tuple[Floats, Floats]:
        """Sizes and losses of all runs that are drawn."""
        drawn = [self.runs] if self.held_out is None else [self.runs, self.held_out]
        data, loss = zip(*((runs.data, runs.loss) for runs in drawn), strict=True)
        return np.concatenate(data), np.concatenate(loss)

    @property
    def sizes(self) -> Floats:
        data, _ = self.seen
        return np.geomspace(data.min() / 1.25, data.max() * self.reach, _POINTS)


def _panel(axes: Axes, scene: _Scene, below: float) -> None:
    D, fitted = scene.sizes, scene.runs.data.max()
    axes.set_xscale("log")
    for fit, colour in zip(scene.fits, COLOURS, strict=False):
        _curve(axes, fit, D, below, colour)
        if fit.form != "broken":
            band = fit.prediction_interval(D, confidence=scene.confidence)
            low, high = _above(band.low, below, least=True), _above(band.high, below)
            axes.fill_between(D, low, high, color=colour, alpha=0.16, linewidth=0, zorder=2)
    _runs(axes, scene.runs, below, held_out=False)
    if scene.held_out is not None:
        _runs(axes, scene.held_out, below, held_out=True)
    axes.axvspan(fitted, D[-1], color=GREY, alpha=0.07, linewidth=0, zorder=0)
    axes.annotate(
        "beyond the fit", (fitted, 0.0), xycoords=("data", "axes fraction"), xytext=(5, 5),
        textcoords="offset points", fontsize=9, color=GREY,
    )  # fmt: skip
    axes.set_xlim(D[0], D[-1])
    if below > 0:
        # Fitted to points and the first curve, not to what falls to nothing.
        _log_axis(axes, np.concatenate([scene.seen[1], scene.fits[0].predict(D)]) - below)


def _curve(axes: Axes, fit: Fit, D: Floats, below: float, colour: str) -> None:
    largest = fit.runs.data.max()
    loss = _above(fit.predict(D), below)
    name = _NAMES[fit.form]
    if np.isfinite(fit.region.problem.upper).any():
        name += ", floor bounded"
    inside, outside = largest >= D, largest / 1.2 <= D
    axes.plot(D[inside], loss[inside], color=colour, linewidth=1.8, label=name, zorder=3)
    dashes = (0, (4, 2))
    axes.plot(D[outside], loss[outside], color=colour, linewidth=1.8, linestyle=dashes, zorder=3)


def _above(loss: Floats, below: float, *, least: bool = False) -> Floats:
    """Take the floor off; what is not above it is not drawn, or drawn to the panel's foot."""
    rest = loss - below
    if below == 0:
        return rest
    return np.where(rest > 0, rest, 1e-12 if least else np.nan)


def _runs(axes: Axes, runs: Runs, below: float, *, held_out: bool) -> None:
    axes.scatter(
        runs.data, _above(runs.loss, below), edgecolor=INK, linewidth=1.0, zorder=4,
        s=34 if held_out else 20, marker="D" if held_out else "o",
        facecolor="white" if held_out else INK, label="held out" if held_out else "runs",
    )  # fmt: skip


def _log_axis(axes: Axes, values: Floats) -> None:
    values = values[values > 0]
    axes.set_yscale("log")
    axes.set_ylim(float(values.min()) / 1.5, float(values.max()) * 1.15)
    plain_ticks(axes.yaxis, axes.get_ylim())


def _note(axes: Axes, text: str, height: float) -> None:
    axes.annotate(
        text, (0.015, height), xycoords=("axes fraction", "data"), xytext=(0, 3),
        textcoords="offset points", fontsize=9, color=GREY,
    )  # fmt: skip
