"""Answers of a density emulator as files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from skylore.density.chain import joint_logprob, order_gap, sample
from skylore.density.emulator import DensityEmulator
from skylore.density.tables import read_table
from skylore.density.unusual import unusual
from skylore.matching.files import write_table

if TYPE_CHECKING:
    from skylore.density.tables import Readable

__all__ = ["write_logprob", "write_samples", "write_unusual"]

_FIRST = 5


def write_logprob(
    emulator: DensityEmulator,
    table: Readable,
    targets: Sequence[str],
    given: Sequence[str] | None,
    out: Path,
) -> str:
    """Write the columns ``row`` and ``log_density``, and say what was found.

    ``row`` counts from 0; ``log_density`` is null where the targets are missing.
    """
    read = read_table(table)
    found = joint_logprob(emulator, read, targets, given)
    logs = pa.array(found, pa.float64(), from_pandas=True)
    write_table(pa.table({"row": pa.array(np.arange(len(found))), "log_density": logs}), out)
    possible = np.isfinite(found)
    said = [f"{len(found)} rows, {int(possible.sum())} with a density"]
    if possible.any():
        said[0] += f", mean {found[possible].mean():.4f} nats"
    missing, never = int(np.isnan(found).sum()), int(np.isneginf(found).sum())
    if missing:
        said.append(f"{missing} lack {' and '.join(targets)}: no density")
    if never:
        said.append(f"{never} have a value that is impossible by what was learnt: −∞")
    said += _strange(emulator, read)
    if len(targets) > 1 and possible.any():
        said.append(str(order_gap(emulator, read.slice(0, 2000), targets, given)))
    return "; ".join(said)


def write_samples(
    emulator: DensityEmulator,
    table: Readable,
    targets: Sequence[str],
    given: Sequence[str] | None,
    out: Path,
    *,
    draws: int,
    seed: int,
) -> str:
    """Write the columns ``row``, ``draw`` and the targets, and say what was done."""
    read = read_table(table)
    found = sample(emulator, read, targets, given, draws, seed=seed)
    rows = read.num_rows
    columns = {
        "row": pa.array(np.repeat(np.arange(rows), draws)),
        "draw": pa.array(np.tile(np.arange(draws), rows)),
    }
    columns |= {name: pa.array(values.reshape(-1)) for name, values in found.items()}
    write_table(pa.table(columns), out)
    return "; ".join([f"{rows} rows, {draws} draws of each", *_strange(emulator, read)])


def write_unusual(
    emulator: DensityEmulator,
    table: Readable,
    targets: Sequence[str],
    given: Sequence[str] | None,
    out: Path,
) -> str:
    """Write the columns ``row``, ``unusual`` and ``log_density``, and say what stands out.

    ``unusual`` is as :func:`skylore.density.unusual.unusual` gives it: small where values are odd.
    """
    read = read_table(table)
    logs, tails = unusual(emulator, read, targets, given)
    columns = {
        "row": pa.array(np.arange(len(tails))),
        "unusual": pa.array(tails, pa.float64(), from_pandas=True),
        "log_density": pa.array(logs, pa.float64(), from_pandas=True),
    }
    write_table(pa.table(columns), out)
    known = np.isfinite(tails)
    said = [f"{len(tails)} rows, {int(known.sum())} with a value"]
    for share in (0.01, 0.001):
        below = int((tails[known] < share).sum())
        said.append(f"{below} below {share}, where a right model has {share * known.sum():.3g}")
    order = np.flatnonzero(known)[np.argsort(tails[known], kind="stable")][:_FIRST]
    if len(order):
        named = ", ".join(f"{row} ({tails[row]:.2g})" for row in order)
        said.append(f"most unusual: rows {named}")
    return "; ".join([*said, *_strange(emulator, read)])


def _strange(emulator: DensityEmulator, table: pa.Table) -> list[str]:
    coded, _ = emulator.code(table, [], None)
    return [
        f"{count} rows have a {name} that was never seen: it counts as missing"
        for name, count in coded.unknown.items()
    ]
