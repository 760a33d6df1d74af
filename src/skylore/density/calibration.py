"""Whether densities are right: probability integral transforms, coverage, proper scores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from skylore.density.check_report import CheckReport, ColumnCheck
from skylore.density.emulator import DensityEmulator
from skylore.density.tables import read_table
from skylore.errors import ModelError
from skylore.evaluation.bootstrap import bootstrap_mean

if TYPE_CHECKING:
    from skylore.density.tables import Readable

__all__ = ["COVERAGES", "check", "crps_of", "pits_of", "randomised_pit"]

Floats = NDArray[np.float64]

COVERAGES = (0.5, 0.68, 0.9, 0.95)
_SHARES = (np.arange(199) + 0.5) / 199
_FEWEST = 20


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
        Fewer than 20 rows have a value of a target, or the model holds all of them impossible.
    """
    read = read_table(table)
    names = targets or [c.name for c in emulator.columns if c.name in read.column_names]
    if not names:
        raise ModelError("the table has none of the model's columns")
    found, pits, left_out = [], {}, {}
    for name in names:
        others = _but(name, given)
        logs = emulator.logprob(read, name, others)
        if why := _too_few(logs):
            left_out[name] = why
            continue
        there = ~np.isnan(logs)
        scores = _scores(emulator, read, name, others)[there]
        if emulator.columns[emulator.place(name)].is_categorical:
            judged = _category(name, logs[there], scores, seed=seed, resamples=resamples)
        else:
            pits[name] = randomised_pit(emulator, read, name, others, seed=seed)[there]
            judged = _column(name, logs[there], scores, pits[name], seed=seed, resamples=resamples)
        found.append(judged)
    if left_out and (targets or not found):
        raise ModelError("; ".join(f"{name}: {why}" for name, why in left_out.items()))
    seen = "all others" if given is None else ", ".join(given) or "nothing"
    return CheckReport(given=seen, columns=found, left_out=left_out), pits


def pits_of(
    emulator: DensityEmulator,
    table: Readable,
    targets: Sequence[str] | None = None,
    given: Sequence[str] | None = None,
    *,
    seed: int = 0,
) -> dict[str, Floats]:
    """Give what :func:`check` gives as ``pits``, without the scores.

    Raises
    ------
    ModelError
        A target has categories, which have no order, or no column has 20 values.
    """
    read = read_table(table)
    for name in targets or ():
        if emulator.columns[emulator.place(name)].is_categorical:
            raise ModelError(
                f'"{name}" has categories, and no PIT; `skylore infer check` scores it'
            )
    numbers = [c.name for c in emulator.columns if not c.is_categorical]
    names = targets or [name for name in numbers if name in read.column_names]
    found = {
        name: randomised_pit(emulator, read, name, _but(name, given), seed=seed) for name in names
    }
    known = {name: pit[~np.isnan(pit)] for name, pit in found.items()}
    few = [name for name, pit in known.items() if len(pit) < _FEWEST]
    if few and (targets or len(few) == len(known)):
        raise ModelError(f"fewer than {_FEWEST} rows have a value of {', '.join(few)}")
    if not known:
        raise ModelError("the table has no number that the model knows")
    return {name: pit for name, pit in known.items() if name not in few}


def _but(target: str, given: Sequence[str] | None) -> list[str] | None:
    return None if given is None else [name for name in given if name != target]


def _too_few(logs: Floats) -> str:
    there = int((~np.isnan(logs)).sum())
    if there < _FEWEST:
        have = f"only {there} rows have" if there else "no row has"
        return f"{have} a value, and a check needs {_FEWEST}"
    if not np.isfinite(logs).any():
        return "the model holds all values impossible"
    return ""


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
    column = emulator.place(target)
    x = coded.x[:, column]
    if not emulator.columns[column].is_categorical:
        return crps_of(emulator.quantiles(table, target, _SHARES, given), _SHARES, x)
    shares = emulator.probabilities(table, target, given)
    # A category that was never seen is none of those that have a probability.
    codes = np.where(coded.present[:, column], x.astype(np.int64), -1)
    own = codes[:, None] == np.arange(shares.shape[1])
    return np.stack(
        [((shares - own) ** 2).sum(axis=1), shares.argmax(axis=1) == codes], axis=1
    ).astype(np.float64)


def _column(
    name: str, logs: Floats, crps: Floats, pit: Floats, *, seed: int, resamples: int
) -> ColumnCheck:
    from scipy.stats import kstest

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
