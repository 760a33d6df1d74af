"""What has to be said of a table before its densities are believed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from skylore.density.coding import Coded
from skylore.density.emulator import DensityEmulator

__all__ = ["remarks_on"]


def remarks_on(
    emulator: DensityEmulator,
    table: pa.Table,
    targets: Sequence[str],
    given: Sequence[str] | None,
    *,
    own: bool = True,
) -> list[str]:
    """Say what the table lacks, and what in it counts as missing, a line each.

    Parameters
    ----------
    emulator : DensityEmulator
    table : pyarrow.Table
    targets : sequence of str
    given : sequence of str, optional
        All other columns of the model by default.
    own : bool
        Whether the targets' own values matter; they do not to draws.
    """
    coded, seen = emulator.code(table, [], given, *targets)
    names = [spec.name for spec in emulator.columns]
    known = [name for name, is_seen in zip(names, seen.tolist(), strict=True) if is_seen]
    return [
        *_absent(coded, table, names, known),
        *_unknown(coded, targets if own else (), known),
        *_void(coded, [*(targets if own else ()), *known]),
    ]


def _absent(coded: Coded, table: pa.Table, names: list[str], known: list[str]) -> list[str]:
    lacking = [name for name in known if name not in table.column_names]
    empty = [
        name
        for name in known
        if name in table.column_names and not coded.present[:, names.index(name)].any()
    ]
    said = []
    if lacking:
        said.append(f"the table lacks {', '.join(lacking)}: not known in any row")
    if empty:
        said.append(f"no row has a value of {', '.join(empty)}")
    return said


def _unknown(coded: Coded, targets: Sequence[str], known: list[str]) -> list[str]:
    return [
        f"{_rows(count)} a {name} that was never seen: "
        f"{'impossible' if name in targets else 'it counts as missing'}"
        for name, count in coded.unknown.items()
        if name in targets or name in known
    ]


def _void(coded: Coded, asked: list[str]) -> list[str]:
    said = []
    for name in asked:
        values = coded.void.get(name, {})
        if values:
            rows = int(np.sum(list(values.values())))
            said.append(f"{_rows(rows)} {' or '.join(values)} as {name}: no value")
    return said


def _rows(count: int) -> str:
    return f"{count} {'row has' if count == 1 else 'rows have'}"
