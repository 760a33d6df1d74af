"""Whether densities are right: probability integral transforms, coverage, proper scores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from skylore.density.emulator import DensityEmulator
from skylore.density.tables import read_table
from skylore.errors import ModelError
from skylore.evaluation.bootstrap import Interval, bootstrap_mean

if TYPE_CHECKING:
    from skylore.density.tables import Readable

__all__ = ["COVERAGES", "CheckReport", "ColumnCheck", "check", "crps_of", "randomised_pit"]

Floats = NDArray[np.float64]

COVERAGES = (0.5, 0.68, 0.9, 0.95)
_SHARES = (np.arange(199) + 0.5) / 199
_FEWEST = 20


class ColumnCheck(BaseModel):
    """How good the densities of one column are, with 95 % bootstrap intervals over rows.

    Attributes
    ----------
    column : str
    rows : int
        That have a value.
    impossible : int
        With a value that the model holds impossible; left out of ``nats``.
    nats : Interval
        Mean negative log density, in the column's own unit.
    crps : Interval, optional
        Continuous ranked probability score; of categories, the Brier score.
    ks : float, optional
        Kolmogorov-Smirnov distance of the randomised PIT from uniform.
    p_value : float, optional
        Of that distance.
    coverage : dict of str to float
        Share of values within central intervals.
    accuracy : float, optional
        Of the likeliest category.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    column: str
    rows: int
    impossible: int
    nats: Interval
    crps: Interval
    ks: float | None = None
    p_value: float | None = None
    coverage: dict[str, float] = {}
    accuracy: float | None = None

    def __str__(self) -> str:
        """Say it in one line."""
        line = (
            f"{self.column}: {self.rows} rows, {self.nats.mean:.4g} nats "
            f"[{self.nats.low:.4g}, {self.nats.high:.4g}]"
        )
        if self.accuracy is not None:
            return f"{line}, Brier {self.crps.mean:.4g}, accuracy {self.accuracy:.3f}"
        covers = ", ".join(f"{share} % holds {found:.1%}" for share, found in self.coverage.items())
        more = f", {self.impossible} held impossible" if self.impossible else ""
        return (
            f"{line}, CRPS {self.crps.mean:.4g} [{self.crps.low:.4g}, {self.crps.high:.4g}], "
            f"PIT KS {self.ks:.4f} (p {self.p_value:.2g}); {covers}{more}"
        )


class CheckReport(BaseModel):
    """What a check found, column by column."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    given: str
    columns: list[ColumnCheck]

    def __str__(self) -> str:
        """Show a line a column."""
        return "\n".join([f"given {self.given}", *map(str, self.columns)])


def check(
    emulator: DensityEmulator,
    table: Readable,
    targets: Sequence[str] | None = None,
    given: Sequence[str] | None = None,
    *,
    seed: int = 0,
    resamples: int = 1000,
) -> tuple[CheckReport, dict[str, Floats]]:
    """Measure calibration and scores on rows, which should not be those that were learnt from.

    Parameters
    ----------
    emulator : DensityEmulator
    table
    targets : sequence of str, optional
        All columns by default, each given all others.
    given : sequence of str, optional
    seed, resamples : int
        Of PITs at point masses, and of the bootstrap.

    Returns
    -------
    report : CheckReport
    pits : dict of str to ndarray
        The randomised PIT of each number.

    Raises
    ------
    ModelError
        Fewer than 20 rows have a value.
    """
    read = read_table(table)
    names = targets or [c.name for c in emulator.columns if c.name in read.column_names]
    found, pits = [], {}
    for name in names:
        spec = emulator.columns[emulator.place(name)]
        others = None if given is None else [g for g in given if g != name]
        logs = emulator.logprob(read, name, others)
        there = ~np.isnan(logs)
        if there.sum() < _FEWEST:
            raise ModelError(f"only {there.sum()} rows have {name!r}; a check needs {_FEWEST}")
        if not spec.is_categorical:
            pits[name] = randomised_pit(emulator, read, name, others, seed=seed)[there]
        scores = _scores(emulator, read, name, others)[there]
        found.append(
            _column(name, logs[there], scores, pits.get(name), seed=seed, resamples=resamples)
            if not spec.is_categorical
            else _category(name, logs[there], scores, seed=seed, resamples=resamples)
        )
    seen = "all others" if given is None else ", ".join(given) or "nothing"
    return CheckReport(given=seen, columns=found), pits


def randomised_pit(
    emulator: DensityEmulator,
    table: Readable,
    target: str,
    given: Sequence[str] | None = None,
    *,
    seed: int = 0,
) -> Floats:
    """Give the randomised PIT of each row's own value, ``(N,)``: uniform where densities are right.

    At point masses and integers it is drawn between the CDF before and at the value (Smith 1985).
    """
    coded, seen = emulator.code(table, [target], given)
    column = emulator.place(target)
    found, start = [], 0
    for block, part in emulator.predict(coded, seen, column):
        there = block.present[:, column]
        x = np.where(there, block.x[:, column], 0.0)[:, None]
        error = block.error[:, column]
        high = part.cdf(x, error)[:, 0]
        low = part.cdf_before(x, error)[:, 0]
        v = np.random.default_rng((seed, start)).random(len(block))
        found.append(np.where(there, low + v * (high - low), np.nan))
        start += len(block)
    return np.concatenate(found)


def crps_of(quantiles: Floats, shares: Floats, x: Floats) -> Floats:
    """Score quantiles ``(N, Q)`` at equally spaced shares by twice the mean pinball loss, ``(N,)``.

    As Q grows it is the continuous ranked probability score (Gneiting & Raftery 2007, eq. 20).
    """
    gap = x[:, None] - quantiles
    found: Floats = 2 * np.mean(np.maximum(shares * gap, (shares - 1) * gap), axis=1)
    return found


def _scores(
    emulator: DensityEmulator, table: Readable, target: str, given: Sequence[str] | None
) -> Floats:
    coded, _ = emulator.code(table, [target], given)
    x = coded.x[:, emulator.place(target)]
    if not emulator.columns[emulator.place(target)].is_categorical:
        return crps_of(emulator.quantiles(table, target, _SHARES, given), _SHARES, x)
    shares = emulator.probabilities(table, target, given)
    own = np.eye(shares.shape[1])[x.astype(np.int64)]
    return np.stack(
        [((shares - own) ** 2).sum(axis=1), shares.argmax(axis=1) == x.astype(np.int64)], axis=1
    )


def _column(
    name: str, logs: Floats, crps: Floats, pit: Floats | None, *, seed: int, resamples: int
) -> ColumnCheck:
    from scipy.stats import kstest

    pit = np.asarray(pit)
    ks = kstest(pit, "uniform")
    possible = np.isfinite(logs)
    return ColumnCheck(
        column=name,
        rows=len(logs),
        impossible=int((~possible).sum()),
        nats=bootstrap_mean(-logs[possible], seed=seed, resamples=resamples),
        crps=bootstrap_mean(crps, seed=seed, resamples=resamples),
        ks=float(ks.statistic),
        p_value=float(ks.pvalue),
        coverage={
            f"{share * 100:.0f}": float(np.mean(np.abs(pit - 0.5) <= share / 2))
            for share in COVERAGES
        },
    )


def _category(name: str, logs: Floats, scores: Floats, *, seed: int, resamples: int) -> ColumnCheck:
    possible = np.isfinite(logs)
    return ColumnCheck(
        column=name,
        rows=len(logs),
        impossible=int((~possible).sum()),
        nats=bootstrap_mean(-logs[possible], seed=seed, resamples=resamples),
        crps=bootstrap_mean(scores[:, 0], seed=seed, resamples=resamples),
        accuracy=float(scores[:, 1].mean()),
    )
