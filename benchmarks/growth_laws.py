"""Laws of growth, by the project's own fits, and what they predict."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.growth_asking import names
from benchmarks.report import table
from skylore.scaling.fitting import fit
from skylore.scaling.laws import FloorLaw
from skylore.scaling.runs import Runs

__all__ = ["FEWEST", "laws"]

FEWEST = 4
"""Sizes that a law is fitted to."""
GROUPS = 4
"""Queries are split into so many, whose medians repeat each other."""
UNIT = 1e6
CONFIDENCE = 0.9


def laws(built: list[dict[str, Any]], asked: list[dict[str, Any]], target: float) -> str:
    """Fit ``E + B (N / 10⁶)^β`` to each quantity, and predict it at a number of rows.

    The project's laws fall with their argument, which is therefore ``10⁶ / N``. Sizes at or beyond
    the target are left out of the fits, to compare with what is predicted for them.
    """
    sizes = np.array([line["rows"] for line in built])
    used = sizes < 0.99 * target
    if used.sum() < FEWEST:
        used[:] = True
    lines: list[list[object]] = []
    for name, values in quantities(built, asked).items():
        runs = Runs(
            data=np.repeat(UNIT / sizes[used], values.shape[1]),
            loss=values[used].ravel(),
            seed=np.tile(np.arange(values.shape[1]), int(used.sum())) if values.shape[1] > 1
            else None,
        )  # fmt: skip
        found = fit(runs, "floor")
        band = found.prediction_interval(UNIT / target, confidence=CONFIDENCE)
        beta = found.interval("beta", confidence=CONFIDENCE)
        law = found.law
        if not isinstance(law, FloorLaw):
            raise TypeError(f"{name} was fitted by {law}")
        there = [_short(v.mean()) for v, use in zip(values, used, strict=True) if not use]
        estimate, low, high = (_short(float(part)) for part in band)
        written = f"{_short(law.E)} + {_short(law.B)} n^{law.beta:.2f}"
        exponents = f"{beta.low:.2f} to {beta.high:.2f}"
        predicted = f"{estimate} [{low}, {high}]"
        lines.append([name, written, exponents, predicted, there[-1] if there else ""])
    said = f"{target / UNIT:,.0f} million"
    head = ["quantity", "law, n in million rows", "exponent", f"at {said}", "measured there"]
    return table(head, lines)


def quantities(
    built: list[dict[str, Any]], asked: list[dict[str, Any]]
) -> dict[str, np.ndarray[Any, np.dtype[np.float64]]]:
    """Give what is fitted: for each quantity values of shape ``(sizes, repeats)``."""
    found = {
        "build, s of CPU": np.array([[line["build"]] for line in built]),
        "peak own memory, MB": np.array([[line["peak"]] for line in built]),
        "disk, GB": np.array([[line["disk"] / 1e9] for line in built]),
    }
    for name in names():
        times = [np.array(line["lines"][name]["ms"]) for line in asked]
        medians = [[np.median(part) for part in np.array_split(t, GROUPS)] for t in times]
        found[f"p50, ms: {name}"] = np.array(medians)
    times = [np.array(line["lines"]["none"]["ms"]) for line in asked]
    found["p99, ms: none"] = np.array([[np.quantile(t, 0.99)] for t in times])
    return found


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
