"""Joint densities and draws of several columns, by the chain rule in any order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from torch import Tensor

from skylore.density.coding import Coded, code_rows
from skylore.density.emulator import DensityEmulator
from skylore.density.tables import read_table
from skylore.errors import ModelError

if TYPE_CHECKING:
    from skylore.density.tables import Readable

__all__ = ["OrderGap", "columns_given", "joint_logprob", "order_gap", "sample"]

Floats = NDArray[np.float64]

_CELLS = 1 << 15


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
            f"joint log densities differ by {self.mean:.3f} nats (1σ over {self.orders} orders of "
            f"the chain; 95 % of rows below {self.high:.3f})"
        )


def joint_logprob(
    emulator: DensityEmulator,
    table: Readable,
    targets: Sequence[str],
    given: Sequence[str] | None = None,
) -> Floats:
    """Give ``log p(targets | given)`` of each row by the chain rule, in the order of ``targets``.

    A target that is missing in a row is left out there: the joint density is of the others.

    Parameters
    ----------
    emulator : DensityEmulator
    table
    targets : sequence of str
    given : sequence of str, optional
        All other columns by default.
    """
    _check(emulator, targets)
    read = read_table(table)
    known = columns_given(emulator, targets, given, read.column_names)
    total = np.zeros(read.num_rows)
    missing = np.ones(read.num_rows, bool)
    for number, target in enumerate(targets):
        found = emulator.logprob(read, target, [*known, *targets[:number]])
        missing &= np.isnan(found)
        total += np.nan_to_num(found, nan=0.0, posinf=np.inf, neginf=-np.inf)
    return np.where(missing, np.nan, total)


def order_gap(
    emulator: DensityEmulator,
    table: Readable,
    targets: Sequence[str],
    given: Sequence[str] | None = None,
    *,
    orders: int = 4,
    seed: int = 0,
) -> OrderGap:
    """Measure by how much the chain rule's order matters, which it would not for a true joint."""
    _check(emulator, targets)
    rng = np.random.default_rng(seed)
    chains = [list(targets), list(reversed(targets))]
    chains += [list(rng.permutation(list(targets))) for _ in range(max(0, orders - 2))]
    found = np.stack([joint_logprob(emulator, table, chain, given) for chain in chains])
    finite = np.isfinite(found).all(axis=0)
    if not finite.any():
        raise ModelError("no row has a finite joint density, so orders cannot be compared")
    spread = found[:, finite].std(axis=0)
    return OrderGap(float(spread.mean()), float(np.quantile(spread, 0.95)), len(chains))


def sample(
    emulator: DensityEmulator,
    table: Readable,
    targets: Sequence[str],
    given: Sequence[str] | None = None,
    n: int = 200,
    *,
    seed: int = 0,
) -> dict[str, NDArray[np.generic]]:
    """Draw the targets jointly, ``(N, n)`` of each: texts for categories, else numbers.

    Draws are of true values: measurement errors of the targets are not added.

    Raises
    ------
    ModelError
        A column is not there, is named twice, or is asked for and given at once.
    """
    _check(emulator, targets)
    if n < 1:
        raise ModelError("at least one draw is needed")
    coded, seen = emulator.code(table, [], given, *targets)
    places = [emulator.place(name) for name in targets]
    rows = max(1, _CELLS // (n if len(targets) > 1 else 1))
    parts: dict[str, list[NDArray[np.generic]]] = {name: [] for name in targets}
    for block, start in enumerate(range(0, len(coded), rows)):
        part = coded.rows(slice(start, start + rows))
        drawn = _draw(emulator, part, seen.numpy(), places, n=n, seed=seed * 7919 + block)
        for name, values in zip(targets, drawn, strict=True):
            parts[name].append(values)
    return {name: np.concatenate(found) for name, found in parts.items()}


def _draw(
    emulator: DensityEmulator,
    coded: Coded,
    seen: NDArray[np.bool_],
    places: list[int],
    *,
    n: int,
    seed: int,
) -> list[NDArray[np.generic]]:
    """Draw one column after the other, each given those before it."""
    found: list[NDArray[np.generic]] = []
    many, each = len(coded), n
    for step, column in enumerate(places):
        visible = torch.from_numpy(seen)
        drawn = _column(emulator, coded, visible, column, n=each, seed=seed * 101 + step)
        found.append(drawn.reshape(many, n))
        if step == len(places) - 1:
            break
        if step == 0:
            coded, each = coded.rows(np.repeat(np.arange(many), n)), 1
        coded = _with(emulator, coded, column, drawn.reshape(-1))
        seen = seen.copy()
        seen[column] = True
    return found


def _column(
    emulator: DensityEmulator, coded: Coded, visible: Tensor, column: int, *, n: int, seed: int
) -> NDArray[np.generic]:
    spec = emulator.columns[column]
    if spec.is_categorical:
        rng = np.random.default_rng(seed)
        logs = emulator.log_categories(coded, visible, column)
        edges = np.exp(logs).cumsum(axis=1)
        chosen = (rng.random((len(logs), n, 1)) * edges[:, None, -1:] > edges[:, None]).sum(axis=2)
        named: NDArray[np.generic] = np.array(spec.categories)[chosen]
        return named
    parts = enumerate(emulator.predict(coded, visible, column))
    drawn: NDArray[np.generic] = np.concatenate([p.draw(n, seed + 13 * i) for i, (_, p) in parts])
    return drawn


def _with(
    emulator: DensityEmulator, coded: Coded, column: int, drawn: NDArray[np.generic]
) -> Coded:
    """Put drawn values where a column was hidden."""
    spec = emulator.columns[column]
    fresh = code_rows(pa.table({spec.name: pa.array(drawn)}), [spec])
    replaced = {}
    for name in ("x", "z", "plain", "low", "high", "atom", "error", "present"):
        values = getattr(coded, name).copy()
        values[:, column] = getattr(fresh, name)[:, 0]
        replaced[name] = values
    return Coded(**replaced, unknown=coded.unknown)


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


def _check(emulator: DensityEmulator, targets: Sequence[str]) -> None:
    if not targets:
        raise ModelError("name at least one column to ask for")
    if len(set(targets)) < len(targets):
        raise ModelError("a column is asked for twice; name each once")
    for name in targets:
        emulator.place(name)
