"""The look that all drawings of laws have."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from skylore.errors import DependencyMissingError, ModelError
from skylore.scaling.fitted import Fit

if TYPE_CHECKING:
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

__all__ = ["COLOURS", "GREY", "INK", "plain_ticks", "require_curves", "styled_figure"]

# Okabe & Ito (2008): told apart by colour-blind readers too.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7")
INK, GREY = "#222222", "#8a8a8a"
_STYLE = {
    "font.size": 10.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "mathtext.default": "regular",
}


@contextmanager
def styled_figure(width: float, height: float) -> Iterator[Figure]:
    """Make an empty figure, so many inches large, to be drawn on within the context.

    Raises
    ------
    DependencyMissingError
        If matplotlib is not installed.
    """
    try:
        from matplotlib import rc_context
        from matplotlib.figure import Figure
    except ImportError as error:
        raise DependencyMissingError(
            "drawing needs matplotlib; install it with: pip install 'skylore[notebook]'"
        ) from error
    with rc_context(_STYLE):
        yield Figure(figsize=(width, height), layout="constrained")


def require_curves(fits: Collection[Fit]) -> None:
    """Refuse fits that are no curves, and more or fewer than there are colours for.

    Raises
    ------
    ModelError
        There is no fit, or more than four, or one is of runs with several models.
    """
    if not 1 <= len(fits) <= len(COLOURS):
        raise ModelError(f"one to four fits can be drawn together, not {len(fits)}")
    if any(fit.form == "joint" for fit in fits):
        raise ModelError("a joint law is a surface; draw the fit of one model's runs")


def plain_ticks(axis: Axis, limits: tuple[float, float]) -> None:
    """Label a logarithmic axis with plain numbers, the more of them the shorter it is."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter

    low, high = np.log10(limits)
    span = high - low
    digits = np.array([1, 2, 3, 4, 5, 6, 8] if span < 0.7 else [1, 2, 5] if span < 2 else [1])
    decades = 10.0 ** np.arange(np.floor(low), np.ceil(high) + 1)
    ticks = np.outer(decades, digits).ravel()
    axis.set_major_locator(FixedLocator([x for x in ticks.tolist() if limits[0] <= x <= limits[1]]))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
    axis.set_minor_formatter(NullFormatter())
