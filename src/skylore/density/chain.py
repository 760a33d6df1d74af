"""Joint draws of several columns, by the chain rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from torch import Tensor

from skylore.density.coding import Coded, code_rows
from skylore.density.column_spec import ColumnSpec
from skylore.density.emulator import DensityEmulator
from skylore.density.inputs import inputs_of
from skylore.density.joint import orders_of
from skylore.density.predictive import Predictive
from skylore.errors import ModelError

if TYPE_CHECKING:
    from skylore.density.tables import Readable

__all__ = ["sample"]

_CELLS = 1 << 15


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

    One after the other in the order of ``targets``, each given those before it. Draws are of true
    values: measurement errors of the targets are not added.

    Raises
    ------
    ModelError
        A column is not there, is named twice, or is asked for and given at once.
    """
    orders_of(emulator, targets)
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
        chance = seed * 101 + step
        drawn = (
            _once(emulator, coded, visible, column, seed=chance)
            if step
            else _column(emulator, coded, visible, column, n=each, seed=chance)
        )
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
        return _categories(spec, emulator.log_categories(coded, visible, column), n=n, seed=seed)
    parts = enumerate(emulator.predict(coded, visible, column))
    drawn: NDArray[np.generic] = np.concatenate([p.draw(n, seed + 13 * i) for i, (_, p) in parts])
    return drawn


def _once(
    emulator: DensityEmulator, coded: Coded, visible: Tensor, column: int, *, seed: int
) -> NDArray[np.generic]:
    """Draw one value a row, ``(N, 1)``, each from a sub-network that is drawn before."""
    spec, model = emulator.columns[column], emulator.model
    chance = torch.Generator().manual_seed(seed)
    inputs = inputs_of(coded, model.contrasts)
    seen = torch.from_numpy(coded.present) & visible
    if spec.is_categorical:
        logs = model.log_categories_once(inputs, seen, column, chance).numpy()
        return _categories(spec, logs, n=1, seed=seed)
    drawn = np.empty((len(coded), 1))
    for part, (rows, spread) in enumerate(model.spread_once(inputs, seen, column, chance)):
        drawn[rows.numpy()] = Predictive(spec, spread).draw(1, seed + 13 * part)
    return drawn


def _categories(
    spec: ColumnSpec, logs: NDArray[np.float64], *, n: int, seed: int
) -> NDArray[np.generic]:
    """Draw ``(N, n)`` of the categories."""
    edges = np.exp(logs).cumsum(axis=1)
    at = np.random.default_rng(seed).random((len(logs), n, 1)) * edges[:, None, -1:]
    named: NDArray[np.generic] = np.array(spec.categories)[(at > edges[:, None]).sum(axis=2)]
    return named


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
    return replace(coded, **replaced)
