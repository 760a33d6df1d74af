"""Smooth monotone maps that bring a column near a normal distribution, with exact Jacobians."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from scipy.special import ndtri

__all__ = ["Base", "Warp", "choose_base", "learn_warp"]

Floats = NDArray[np.float64]
Base = Literal["linear", "log", "asinh"]

_KNOTS = 25
_REACH = 2.4
_NEAREST = 0.02
_TAIL = 8.0
_SKEW = 2.5


class Warp(BaseModel):
    """A monotone map ``z = s(b((x − offset) / unit))``.

    ``b`` is linear, logarithmic or asinh; ``s`` is a monotone rational-quadratic spline (Gregory &
    Delbourgo 1982) with linear tails, through quantiles of the training data.

    Attributes
    ----------
    base : {"linear", "log", "asinh"}
    offset, unit : float
        In the column's unit.
    centre, spread : float
        Of ``b`` over the training data, for :meth:`plain`.
    knots, values, slopes : tuple of float
        Of the spline: where, what and how steep. With no knots ``s`` only standardises.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    base: Base
    offset: float
    unit: float
    centre: float
    spread: float
    knots: tuple[float, ...] = ()
    values: tuple[float, ...] = ()
    slopes: tuple[float, ...] = ()

    def plain(self, x: Floats) -> Floats:
        """Give the standardised base map alone; differences of logarithms stay differences."""
        return (self._base(x) - self.centre) / self.spread

    def forward(self, x: Floats) -> Floats:
        """Map values to ``z``; below the range of a logarithm it is −∞."""
        y = self.plain(x)
        return _spline(y, *self._arrays) if self.knots else y

    def inverse(self, z: Floats) -> Floats:
        """Map ``z`` back to values."""
        y = _inverse_spline(z, *self._arrays) if self.knots else z
        y = y * self.spread + self.centre
        with np.errstate(over="ignore"):
            match self.base:
                case "log":
                    y = np.exp(y)
                case "asinh":
                    y = np.sinh(y)
        return y * self.unit + self.offset

    def log_slope(self, x: Floats) -> Floats:
        """Give ``log dz/dx``."""
        t = (x - self.offset) / self.unit
        with np.errstate(divide="ignore", invalid="ignore"):
            match self.base:
                case "log":
                    base = -np.log(t)
                case "asinh":
                    base = -0.5 * np.log1p(t * t)
                case _:
                    base = np.zeros_like(t)
        slope: Floats = base - np.log(self.unit * self.spread)
        if self.knots:
            slope = slope + np.log(_spline_slope(self.plain(x), *self._arrays))
        return slope

    def _base(self, x: Floats) -> Floats:
        t: Floats = (np.asarray(x, np.float64) - self.offset) / self.unit
        with np.errstate(divide="ignore", invalid="ignore"):
            match self.base:
                case "log":
                    return np.where(t > 0, np.log(t), np.where(np.isnan(t), np.nan, -np.inf))
                case "asinh":
                    stretched: Floats = np.arcsinh(t)
                    return stretched
        return t

    @property
    def _arrays(self) -> tuple[Floats, Floats, Floats]:
        return np.array(self.knots), np.array(self.values), np.array(self.slopes)


def choose_base(x: Floats) -> tuple[Base, bool]:
    """Choose the base map of values, and tell whether their tails are heavy.

    Tails are heavy where the 0.5 % quantile of either side lies more than 8 half interquartile
    ranges from the median (3.8 for a normal distribution, 8.4 for an exponential).
    """
    low, first, mid, third, high = np.quantile(x, [0.005, 0.25, 0.5, 0.75, 0.995])
    half = max((third - first) / 2, 1e-300)
    heavy = bool(max(high - mid, mid - low) / half > _TAIL)
    early, late = np.quantile(x, [0.05, 0.95])
    skewed = bool((late - mid) > _SKEW * max(mid - early, 1e-300))
    if (heavy or skewed) and x.min() > 0 and late - mid > mid - early:
        return "log", heavy
    return ("asinh", True) if heavy else ("linear", False)


def learn_warp(x: Floats, base: Base, *, curved: bool = True) -> Warp:
    """Learn a map from finite values, at least two of them distinct.

    Parameters
    ----------
    x : ndarray, shape (N,)
    base : {"linear", "log", "asinh"}
    curved : bool
        Whether the spline may bend; else the map is the standardised base.
    """
    first, mid, third = np.quantile(x, [0.25, 0.5, 0.75])
    unit = (third - first) / 1.349 or float(np.std(x))
    offset = mid
    if base == "log":
        offset, unit = 0.0, mid
    bare = Warp(base=base, offset=offset, unit=unit, centre=0.0, spread=1.0)
    y = bare.plain(x)
    spread = float(np.std(y)) or 1.0
    found = bare.model_copy(update={"centre": float(np.mean(y)), "spread": spread})
    return _with_spline(found, found.plain(x)) if curved else found


def _with_spline(warp: Warp, y: Floats) -> Warp:
    """Put knots at quantiles of ``y``, not nearer to each other than the data can say."""
    reach = min(_REACH, float(-ndtri(5 / max(len(y), 20))))
    values = np.linspace(-reach, reach, _KNOTS)
    from scipy.special import ndtr

    places = np.quantile(y, ndtr(values))
    # A share of the straight line keeps slopes within bounds where values crowd.
    values = 0.9 * values + 0.1 * places
    kept = [0]
    for i in range(1, _KNOTS):
        if places[i] - places[kept[-1]] > _NEAREST and values[i] > values[kept[-1]]:
            kept.append(i)
    if len(kept) < 3:
        return warp
    places, values = places[kept], values[kept]
    rises = np.diff(values) / np.diff(places)
    slopes = np.concatenate([rises[:1], 2 / (1 / rises[1:] + 1 / rises[:-1]), rises[-1:]])
    return warp.model_copy(
        update={
            "knots": tuple(places.tolist()),
            "values": tuple(values.tolist()),
            "slopes": tuple(slopes.tolist()),
        }
    )


def _cells(at: Floats, edges: Floats) -> NDArray[np.intp]:
    return np.clip(np.searchsorted(edges, at, side="right") - 1, 0, len(edges) - 2)


def _spline(y: Floats, knots: Floats, values: Floats, slopes: Floats) -> Floats:
    i = _cells(y, knots)
    width, rise = knots[i + 1] - knots[i], values[i + 1] - values[i]
    steep = rise / width
    t = np.clip((y - knots[i]) / width, 0, 1)
    up, down = slopes[i], slopes[i + 1]
    below = steep + (down + up - 2 * steep) * t * (1 - t)
    inner = values[i] + rise * (steep * t**2 + up * t * (1 - t)) / below
    low = values[0] + slopes[0] * (y - knots[0])
    high = values[-1] + slopes[-1] * (y - knots[-1])
    return np.where(y < knots[0], low, np.where(y > knots[-1], high, inner))


def _spline_slope(y: Floats, knots: Floats, values: Floats, slopes: Floats) -> Floats:
    i = _cells(y, knots)
    width = knots[i + 1] - knots[i]
    steep = (values[i + 1] - values[i]) / width
    t = np.clip((y - knots[i]) / width, 0, 1)
    up, down = slopes[i], slopes[i + 1]
    below = steep + (down + up - 2 * steep) * t * (1 - t)
    above = steep**2 * (down * t**2 + 2 * steep * t * (1 - t) + up * (1 - t) ** 2)
    inner: Floats = above / below**2
    return np.where(y < knots[0], slopes[0], np.where(y > knots[-1], slopes[-1], inner))


def _inverse_spline(z: Floats, knots: Floats, values: Floats, slopes: Floats) -> Floats:
    """Solve the quadratic of the cell (Durkan et al. 2019, arXiv 1906.04032, eqs. 6 to 8)."""
    i = _cells(z, values)
    width, rise = knots[i + 1] - knots[i], values[i + 1] - values[i]
    steep = rise / width
    up, down = slopes[i], slopes[i + 1]
    above = np.clip(z - values[i], 0, rise)
    bend = (down + up - 2 * steep) * above
    a, b, c = rise * (steep - up) + bend, rise * up - bend, -steep * above
    root = np.sqrt(np.maximum(b * b - 4 * a * c, 0))
    t = 2 * c / (-b - root)
    inner = knots[i] + np.clip(t, 0, 1) * width
    low = knots[0] + (z - values[0]) / slopes[0]
    high = knots[-1] + (z - values[-1]) / slopes[-1]
    return np.where(z < values[0], low, np.where(z > values[-1], high, inner))
