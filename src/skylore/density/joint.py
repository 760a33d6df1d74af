"""Joint densities of several columns by the chain rule, averaged over orders of the chain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from skylore.density.emulator import DensityEmulator
from skylore.density.tables import read_table
from skylore.errors import ModelError

if TYPE_CHECKING:
    from skylore.density.tables import Readable

__all__ = [
    "ORDERS",
    "OrderGap",
    "average_of",
    "chain_logprob",
    "chain_logprobs",
    "columns_given",
    "gap_between",
    "joint_logprob",
    "orders_of",
]

Floats = NDArray[np.float64]

ORDERS = 4
"""Orders of a chain that are averaged, at most."""


@dataclass(frozen=True)
class OrderGap:
    """How far the joint log density depends on the order of the chain, in nats.

    Attributes
    ----------
    mean, high : float
        The mean over rows of the standard deviation over orders, and its 95 % quantile.
    orders : int
    """

    mean: float
    high: float
    orders: int

    def __str__(self) -> str:
        """Say it in one line."""
        return (
            f"averaged over {self.orders} orders of the chain, which differ by {self.mean:.3f} "
            f"nats (1σ; 95 % of rows below {self.high:.3f})"
        )


def joint_logprob(
    emulator: DensityEmulator,
    table: Readable,
    targets: Sequence[str],
    given: Sequence[str] | None = None,
    *,
    orders: int = ORDERS,
) -> Floats:
    """Give ``log p(targets | given)`` of each row, nats, ``(N,)``.

    Each order of the chain rule gives a density, for the conditionals are learnt one by one. Their
    average is a density, too, and does not depend on the order in which columns are named (Uria,
    Murray & Larochelle 2014, arXiv 1310.1757, section 4). A target that is missing in a row is
    left out there: the joint density is of the others.

    Parameters
    ----------
    emulator : DensityEmulator
    table
    targets : sequence of str
    given : sequence of str, optional
        All other columns by default.
    orders : int
        To average, at most; 1 goes in the order of ``targets``.

    Raises
    ------
    ModelError
        A column is not there, is named twice, or is asked for and given at once.
    """
    return average_of(chain_logprobs(emulator, table, targets, given, orders=orders))


def chain_logprobs(
    emulator: DensityEmulator,
    table: Readable,
    targets: Sequence[str],
    given: Sequence[str] | None = None,
    *,
    orders: int = ORDERS,
) -> Floats:
    """Give the log density of each order of the chain, ``(O, N)``; see :func:`joint_logprob`."""
    read = read_table(table)
    known = columns_given(emulator, targets, given, read.column_names)
    chains = orders_of(emulator, targets, orders)
    return np.stack([chain_logprob(emulator, read, chain, known) for chain in chains])


def chain_logprob(
    emulator: DensityEmulator, table: Readable, chain: Sequence[str], known: Sequence[str]
) -> Floats:
    """Give the log density of one order of the chain, of the columns that a row has, ``(N,)``."""
    logs = np.stack(
        [emulator.logprob(table, name, [*known, *chain[:n]]) for n, name in enumerate(chain)]
    )
    total: Floats = np.where(np.isnan(logs), 0.0, logs).sum(axis=0)
    return np.where(np.isnan(logs).all(axis=0), np.nan, total)


def average_of(logs: Floats) -> Floats:
    """Average the densities of several orders ``(O, N)``; the log of the mean, ``(N,)``."""
    with np.errstate(invalid="ignore"):
        found: Floats = np.logaddexp.reduce(logs, axis=0) - np.log(len(logs))
    return found


def gap_between(logs: Floats) -> OrderGap:
    """Tell how far orders ``(O, N)`` of the chain disagree, which they would not if exact.

    Raises
    ------
    ModelError
        No row has a finite density.
    """
    finite = np.isfinite(logs).all(axis=0)
    if not finite.any():
        raise ModelError("no row has a finite joint density, so orders cannot be compared")
    spread = logs[:, finite].std(axis=0)
    return OrderGap(float(spread.mean()), float(np.quantile(spread, 0.95)), len(logs))


def orders_of(
    emulator: DensityEmulator, targets: Sequence[str], most: int = ORDERS
) -> list[list[str]]:
    """Choose orders of the chain: rotations of the model's own, from evenly spaced columns.

    They do not depend on the order in which the columns are named, unless only one is wanted.

    Raises
    ------
    ModelError
        A column is not known or named twice, or there is none.
    """
    if not targets:
        raise ModelError("name at least one column to ask for")
    if len(set(targets)) < len(targets):
        raise ModelError("a column is asked for twice; name each once")
    chain = sorted(targets, key=emulator.place)
    if most < 2:
        return [list(targets)]
    starts = np.linspace(0, len(chain), min(most, len(chain)), endpoint=False).astype(int)
    return [chain[start:] + chain[:start] for start in starts.tolist()]


def columns_given(
    emulator: DensityEmulator,
    targets: Sequence[str],
    given: Sequence[str] | None,
    there: Sequence[str],
) -> list[str]:
    """Give what is seen: the given, or all columns of model and table but the targets."""
    if given is not None:
        return list(given)
    return [c.name for c in emulator.columns if c.name in there and c.name not in set(targets)]
