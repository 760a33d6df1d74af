"""What all drawings of densities share: labels with units, scales, bins, and density curves."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from skylore.density.column_spec import ColumnSpec
from skylore.density.predictive import Predictive
from skylore.errors import ModelError

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

__all__ = [
    "Scale",
    "check_format",
    "density_curve",
    "density_label",
    "label_of",
    "legend",
    "masses_of",
    "name_ticks",
    "save",
    "scale_of",
    "whole_steps",
]

Floats = NDArray[np.float64]

_SUFFIXES = (".png", ".pdf", ".svg")
_ENDS = (0.002, 0.998)
_DECADES = 1.5
_WHOLE = 20
_LETTERS = 18
_TICKS = 4
_WRITTEN = 3
_LEGEND_INCHES = 1.75


@dataclass(frozen=True)
class Scale:
    """The visible range of a column.

    Attributes
    ----------
    low, high : float
    logarithmic : bool
    """

    low: float
    high: float
    logarithmic: bool

    def steps(self, count: int) -> Floats:
        """Give ``count`` even steps on the axis."""
        if self.logarithmic:
            return np.geomspace(self.low, self.high, count)
        return np.linspace(self.low, self.high, count)

    def along(self, x: Floats) -> Floats:
        """Give where values lie on the axis: decades, if it is logarithmic."""
        return np.log10(x) if self.logarithmic else x

    def bins(self, spec: ColumnSpec, most: int = 40) -> Floats:
        """Give edges of bins; around whole numbers, if these are few."""
        if spec.kind == "integer" and self.high - self.low <= 2 * most:
            return np.arange(np.floor(self.low) - 0.5, np.ceil(self.high) + 1)
        return self.steps(most + 1)

    def show(self, axes: Axes, *, across: bool = True) -> None:
        """Set limits and scale of an axis."""
        if across:
            axes.set_xscale("log" if self.logarithmic else "linear")
            axes.set_xlim(self.low, self.high)
            if not self.logarithmic:
                axes.locator_params(axis="x", nbins=_TICKS, min_n_ticks=2)
            else:
                self._name_decades(axes.xaxis)
        else:
            axes.set_yscale("log" if self.logarithmic else "linear")
            axes.set_ylim(self.low, self.high)
            if self.logarithmic:
                self._name_decades(axes.yaxis)

    def _name_decades(self, axis: Axis) -> None:
        """Write numbers of a few decades out, at ones and threes; else leave powers of ten."""
        from matplotlib.ticker import NullFormatter

        axis.set_minor_formatter(NullFormatter())
        first, last = np.floor(np.log10(self.low)), np.ceil(np.log10(self.high))
        if last - first <= _WRITTEN and first >= -_WRITTEN and last <= _WRITTEN + 1:
            ticks = [d * 10.0**e for e in np.arange(first, last + 1) for d in (1, 3)]
            shown = [tick for tick in ticks if self.low <= tick <= self.high]
            axis.set_ticks(shown, [f"{tick:.6g}" for tick in shown])


def scale_of(spec: ColumnSpec, *values: Floats) -> Scale:
    """Show all but the outermost 0.4 % of values, in decades where they are modelled so."""
    there = np.concatenate([v[np.isfinite(v)].ravel() for v in values])
    low, high = (float(v) for v in np.quantile(there, _ENDS))
    if spec.kind == "integer":
        low, high = np.floor(low) - 0.5, np.ceil(high) + 0.5
    if high <= low:
        low, high = low - 0.5, high + 0.5
    log = spec.warp is not None and spec.warp.base == "log" and low > 0
    if log and spec.kind != "integer" and np.log10(high / low) > _DECADES:
        return Scale(low, high, logarithmic=True)
    edge = 0.03 * (high - low)
    return Scale(low - edge, high + edge, logarithmic=False)


def label_of(table: pa.Table, name: str) -> str:
    """Give a column's name, with its unit where the table knows it."""
    unit = _unit_of(table, name)
    return f"{name} [{unit}]" if unit else name


def density_label(table: pa.Table, name: str, scale: Scale) -> str:
    """Say what a density is of: a decade, or the column's unit where the table knows it."""
    unit = "decade" if scale.logarithmic else _unit_of(table, name)
    return f"density per {unit}" if unit else "density"


def _unit_of(table: pa.Table, name: str) -> str:
    if name not in table.column_names:
        return ""
    known: dict[bytes, bytes] = table.schema.field(name).metadata or {}
    return known.get(b"unit", b"").decode()


def density_curve(part: Predictive, scale: Scale, count: int = 400) -> tuple[Floats, Floats]:
    """Give places and the densities of rows there, ``(count,)`` and ``(N, count)``.

    By differences of the distribution function, so that nothing between two places is missed; of
    a logarithmic axis a decade. Point masses are left out.
    """
    if part.spec.kind == "integer":
        # Steps over several numbers each, as the distribution function itself goes in steps.
        count = int(np.clip((scale.high - scale.low) / _WHOLE, 8, count))
    edges = scale.steps(count + 1)
    points = sum(
        np.where(edges >= a, np.exp(part.spread.log_atoms[:, k].numpy())[:, None], 0.0)
        for k, a in enumerate(part.spec.atoms)
    )
    spread = part.cdf(np.broadcast_to(edges, (len(part.spread.log_rest), count + 1))) - points
    at = scale.along(edges)
    return 0.5 * (edges[1:] + edges[:-1]), np.diff(spread, axis=1).clip(min=0) / np.diff(at)


def whole_steps(spec: ColumnSpec, edges: Floats) -> bool:
    """Whether bins hold one whole number each, of which each has a probability to draw."""
    return spec.kind == "integer" and bool(np.diff(edges).max() <= 1)


def masses_of(part: Predictive, edges: Floats) -> tuple[Floats, Floats]:
    """Give whole numbers between edges and their probabilities, ``(K,)`` and ``(N, K)``."""
    numbers = np.rint(0.5 * (edges[1:] + edges[:-1]))
    ends = np.concatenate([[numbers[0] - 1], numbers])
    below = part.cdf(np.broadcast_to(ends, (len(part.spread.log_rest), len(ends))))
    return numbers, np.diff(below, axis=1).clip(min=0)


def legend(figure: Figure) -> None:
    """Say above the panels what is drawn in them, each kind once."""
    kinds: dict[str, Artist] = {}
    for axes in figure.axes:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            kinds.setdefault(label, handle)
    most = max(1, int(figure.get_figwidth() / _LEGEND_INCHES))
    rows = -(-len(kinds) // most)
    abreast = -(-len(kinds) // rows)
    figure.legend(list(kinds.values()), list(kinds), loc="outside upper center", ncols=abreast)


def name_ticks(axes: Axes, names: list[str]) -> None:
    """Write categories under an axis, aslant where they are many or long."""
    aslant = len("".join(names)) > _LETTERS
    axes.set_xticks(
        range(len(names)), names, rotation=30 if aslant else 0, ha="right" if aslant else "center"
    )


def check_format(file: Path) -> None:
    """Raise ModelError unless the suffix is one that is drawn."""
    if file.suffix.lower() not in _SUFFIXES:
        raise ModelError(f"cannot draw {file.name!r}; end it in {', '.join(_SUFFIXES)}")


def save(figure: Figure, file: Path) -> Path:
    """Write a figure; its suffix chooses the format.

    Raises
    ------
    ModelError
        The suffix is none of .png, .pdf and .svg, or the file cannot be written.
    """
    check_format(file)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(file, dpi=200)
    except OSError as error:
        raise ModelError(f"cannot write {file}: {error.strerror or error}") from error
    return file
