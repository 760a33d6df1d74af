"""Fits of scaling laws on curves whose truth is known: coverage of intervals, bias of methods.

``python -m benchmarks.scaling_laws``: draws noisy runs from known laws in realistic designs, five
to seven sizes by three to five seeds, and counts how often 90 % intervals hold the truth and how
far each way of fitting errs. Minutes on one core, and no data needed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks.report import arguments, publish, table
from benchmarks.scaling_surfaces import parabolas
from skylore.scaling.fitted import Fit
from skylore.scaling.fitting import fit
from skylore.scaling.laws import Floats, FloorLaw, PowerLaw
from skylore.scaling.published import (
    BESIROGLU,
    HOFFMANN,
    approach_three,
    fixed_exponent,
)
from skylore.scaling.region import PRIOR_FREEDOM, Region
from skylore.scaling.runs import Runs
from skylore.scaling.selection import compare

SMALLEST = 500.0
CONFIDENCE = 0.9
REPLICATES = 400
CLEAR = FloorLaw(1.0, 60.0, 0.5)
UNCLEAR = FloorLaw(1.0, 8.0, 0.15)
FLOORLESS = FloorLaw(0.0, 8.0, 0.25)
VOTES = FloorLaw(19.0, 2.0, 0.15)


def nested(D: Floats) -> Floats:
    """Correlate as means over nested subsets do: ``√(D_small / D_large)``."""
    return np.sqrt(np.minimum.outer(D, D) / np.maximum.outer(D, D))


NOISES: dict[str, Callable[[Floats], Floats]] = {
    "independent": lambda D: np.eye(D.size),
    "half nested": lambda D: (np.eye(D.size) + nested(D)) / 2,
    "all nested": nested,
    "half by chain": lambda D: (np.eye(D.size) + 1) / 2,
    "falling with D": lambda D: np.asarray(np.diag(D**-0.6 / np.mean(D**-0.6))),
}


@dataclass(frozen=True)
class Design:
    """A truth, and how it is looked at."""

    name: str
    law: FloorLaw
    sizes: int
    seeds: int
    noise: str
    scatter: float

    def draw(self, rng: np.random.Generator) -> Runs:
        """Draw runs; those of one seed are a chain of nested subsets."""
        D = np.asarray(SMALLEST * 2.0 ** np.arange(self.sizes), dtype=np.float64)
        covariance = self.scatter**2 * NOISES[self.noise](D)
        errors = rng.multivariate_normal(np.zeros(D.size), np.asarray(covariance), size=self.seeds)
        loss = self.law(D) * np.exp(errors)
        return Runs(
            np.tile(D, self.seeds), loss.ravel(), seed=np.repeat(np.arange(self.seeds), D.size)
        )

    @property
    def far(self) -> float:
        """Four times the largest size."""
        return SMALLEST * 2.0 ** (self.sizes + 1)


DESIGNS = (
    *(Design("floor clear", CLEAR, 6, 3, noise, 0.02) for noise in NOISES),
    Design("floor clear", CLEAR, 7, 3, "half nested", 0.02),
    Design("floor clear", CLEAR, 5, 5, "independent", 0.02),
    Design("floor clear", CLEAR, 5, 5, "half nested", 0.02),
    Design("floor unclear", UNCLEAR, 6, 3, "independent", 0.01),
    Design("floor unclear", UNCLEAR, 6, 3, "half nested", 0.01),
    Design("floor unclear", UNCLEAR, 5, 5, "half nested", 0.01),
    Design("no floor", FLOORLESS, 6, 3, "half nested", 0.01),
    Design("vote noise", VOTES, 6, 3, "half nested", 0.0007),
)


def truths(design: Design) -> tuple[float, float, float]:
    """Give the true ``β``, ``E`` and loss at four times the data."""
    return design.law.beta, design.law.E, float(design.law(design.far))


def by_profile(found: Fit, design: Design) -> list[bool]:
    """Say which truths the profile intervals hold."""
    far = found.bound(found.loss_at(design.far), confidence=CONFIDENCE)
    bounds = [*(found.interval(name, confidence=CONFIDENCE) for name in ("beta", "E")), far]
    return [
        one.low - 1e-9 <= true <= one.high for one, true in zip(bounds, truths(design), strict=True)
    ]


def by_bootstrap(found: Fit, design: Design) -> list[bool]:
    """Say which truths the percentiles of the plain cluster bootstrap hold."""
    drawn = found.bootstrap(replicates=REPLICATES, seed=0)
    floor = drawn.c[:, 0] * found.region.problem.unit
    far = drawn.of_linear(found.loss_at(design.far))
    tails = [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2]
    low, high = np.quantile([np.exp(drawn.eta[:, 0]), floor, far], tails, axis=1)
    return list((low - 1e-9 <= truths(design)) & (truths(design) <= high))


def with_prior(found: Fit, freedom: float) -> Fit:
    """Trust the pooled scatter as if it had so many degrees of freedom."""
    region = Region(found.region.problem, found.region.point, found.delta, freedom)
    return Fit(found.law, found.form, found.runs, found.delta, region)


def coverage(trials: int) -> str:
    """Count how often intervals hold the truth."""
    rows: list[list[object]] = []
    for design in DESIGNS:
        rng = np.random.default_rng(7)
        counts = np.zeros((4, 3))
        for _ in range(trials):
            found = fit(design.draw(rng))
            variants = [found, with_prior(found, 1e-6), with_prior(found, 1e6)]
            counts[:3] += [by_profile(one, design) for one in variants]
            counts[3] += by_bootstrap(found, design)
        shares = [" / ".join(f"{share:.2f}" for share in line / trials) for line in counts]
        rows.append([design.name, f"{design.sizes} × {design.seeds}", design.noise, *shares])
    header = ["truth", "sizes × seeds", "noise", f"Skylore (prior of {PRIOR_FREEDOM:g})"]
    return table([*header, "clusters only", "pooled only", "plain cluster bootstrap"], rows)


def curve(found: Fit) -> PowerLaw | FloorLaw:
    """Give the law, which is one of data alone."""
    assert isinstance(found.law, PowerLaw | FloorLaw)
    return found.law


METHODS: dict[str, Callable[[Runs], PowerLaw | FloorLaw]] = {
    "variable projection, Huber at 1.345 σ (Skylore)": lambda runs: curve(fit(runs)),
    "variable projection, Huber at 10⁻³": lambda runs: curve(fit(runs, delta=1e-3)),
    "approach 3: L-BFGS, Huber at 10⁻³, summed": approach_three,
    "approach 3 with the mean": lambda runs: approach_three(runs, reduction="mean"),
    f"exponent held at {HOFFMANN['beta']} (Hoffmann)": lambda runs: fixed_exponent(
        runs, HOFFMANN["beta"]
    ),
    f"exponent held at {BESIROGLU['beta']} (Besiroglu)": lambda runs: fixed_exponent(
        runs, BESIROGLU["beta"]
    ),
    "power law, E = 0": lambda runs: curve(fit(runs, "power")),
}


def errors(design: Design, trials: int) -> list[list[object]]:
    """Give bias and spread of each method, over the same draws."""
    rows: list[list[object]] = []
    for name, method in METHODS.items():
        rng = np.random.default_rng(11)
        found = [method(design.draw(rng)) for _ in range(trials)]
        betas = np.array([one.beta for one in found])
        floors = np.array([one.E for one in found])
        far = np.array([float(one(design.far)) for one in found]) / float(design.law(design.far))
        cells = [
            spread(betas - design.law.beta, 3),
            spread(floors - design.law.E, 3),
            spread(100 * (far - 1), 2),
        ]
        rows.append([f"{design.name}, {design.noise}", name, *cells])
    return rows


def spread(off: Floats, digits: int) -> str:
    """Show a mean error and the root mean square."""
    return f"{off.mean():+.{digits}f} ({np.sqrt(np.mean(off**2)):.{digits}f})"


def bias(trials: int) -> str:
    """Compare the ways of fitting the data law."""
    rows = []
    for law, scatter, name in (
        (CLEAR, 0.02, "floor clear"),
        (UNCLEAR, 0.01, "floor unclear"),
    ):
        rows += errors(Design(name, law, 6, 3, "half nested", scatter), trials)
    header = ["truth", "method", "β: bias (RMSE)", "E: bias (RMSE)", "L at 4 × data, %"]
    return table(header, rows)


def choices(trials: int) -> str:
    """Count which form the extrapolation test prefers."""
    rows: list[list[object]] = []
    for name, law, scatter in (
        ("floor clear", CLEAR, 0.02),
        ("floor unclear", UNCLEAR, 0.01),
        ("no floor", FLOORLESS, 0.01),
    ):
        design = Design(name, law, 7, 3, "half nested", scatter)
        rng = np.random.default_rng(5)
        tests = [compare(design.draw(rng)) for _ in range(trials)]
        for form in ("power", "floor", "broken", "last value"):
            error = np.array([one.rmsle for test in tests for one in test.trials
                              if one.form == form and one.rmsle is not None])  # fmt: skip
            chosen = sum(test.best.form == form for test in tests) / trials
            shown = f"{np.median(error):.4f}" if error.size else "too few sizes"
            rows.append([name, form, shown, f"{chosen:.0%}"])
    return table(["truth", "form", "median RMSLE", "chosen"], rows)


def main() -> None:
    """Run it."""
    parser = arguments(__doc__)
    parser.add_argument("--trials", type=int, default=120, help="draws a design")
    options = parser.parse_args()
    trials = options.trials
    sections = {
        f"Coverage of {CONFIDENCE:.0%} intervals for β / E / loss at 4 × the data, {trials} draws "
        "each:": coverage(trials),
        f"Errors of methods, {trials // 2} draws, 6 sizes × 3 seeds:": bias(trials // 2),
        "Approach 2 without noise, five budgets of seven models:": parabolas(),
        f"Choice by extrapolation to the largest of 7 sizes, {trials // 6} draws:": choices(
            trials // 6
        ),
    }
    text = "\n\n".join(f"{title}\n\n{body}" for title, body in sections.items())
    publish("scaling-laws", text, write=options.write)


if __name__ == "__main__":
    main()
