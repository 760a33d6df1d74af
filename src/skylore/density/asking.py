"""Answers of a density emulator as files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from skylore.archive.schema import ID
from skylore.density.chain import sample
from skylore.density.emulator import DensityEmulator
from skylore.density.joint import average_of, chain_logprobs, gap_between
from skylore.density.remarks import remarks_on
from skylore.density.tables import read_table
from skylore.density.unusual import unusual
from skylore.errors import QueryError
from skylore.matching.files import SUFFIXES, write_table

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

    ``row`` counts from 0, and ``id`` is beside it where the table has ids; ``log_density`` is null
    where the targets are missing.
    """
    _check_file(out)
    read = read_table(table, ids=True)
    logs = chain_logprobs(emulator, read, targets, given)
    found = average_of(logs)
    column = pa.array(found, pa.float64(), from_pandas=True)
    write_table(pa.table({**_rows_of(read), "log_density": column}), out)
    possible = np.isfinite(found)
    said = [f"{len(found)} rows, {int(possible.sum())} with a density"]
    if possible.any():
        said[0] += f", mean {found[possible].mean():.4f} nats"
    missing, never = int(np.isnan(found).sum()), int(np.isneginf(found).sum())
    if missing:
        said.append(f"{missing} lack {' and '.join(targets)}: no density")
    if never:
        said.append(f"{never} hold what is impossible by what was learnt: −∞")
    said += remarks_on(emulator, read, targets, given)
    if len(logs) > 1 and np.isfinite(logs).all(axis=0).any():
        said.append(str(gap_between(logs)))
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
    _check_file(out)
    read = read_table(table, ids=True)
    found = sample(emulator, read, targets, given, draws, seed=seed)
    rows = read.num_rows
    columns = _rows_of(read, np.repeat(np.arange(rows), draws))
    columns["draw"] = pa.array(np.tile(np.arange(draws), rows))
    columns |= {name: pa.array(values.reshape(-1)) for name, values in found.items()}
    write_table(pa.table(columns), out)
    said = [f"{rows} rows, {draws} draws of each"]
    return "; ".join([*said, *remarks_on(emulator, read, targets, given, own=False)])


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
    _check_file(out)
    read = read_table(table, ids=True)
    logs, tails = unusual(emulator, read, targets, given)
    columns = {
        **_rows_of(read),
        "unusual": pa.array(tails, pa.float64(), from_pandas=True),
        "log_density": pa.array(logs, pa.float64(), from_pandas=True),
    }
    write_table(pa.table(columns), out)
    known = np.isfinite(tails)
    said = [f"{len(tails)} rows, {int(known.sum())} with a value"]
    for share in (0.01, 0.001) if known.any() else ():
        below = int((tails[known] < share).sum())
        said.append(f"{below} below {share}, where a right model has {share * known.sum():.3g}")
    order = np.flatnonzero(known)[np.argsort(tails[known], kind="stable")][:_FIRST]
    if len(order):
        named = ", ".join(f"{row} ({tails[row]:.2g})" for row in order)
        said.append(f"most unusual: rows {named}")
    return "; ".join([*said, *remarks_on(emulator, read, targets, given)])


def _rows_of(table: pa.Table, rows: NDArray[np.int64] | None = None) -> dict[str, pa.Array]:
    """Give the numbers of rows, and their ids where the table has some."""
    numbers = np.arange(table.num_rows) if rows is None else rows
    columns = {"row": pa.array(numbers)}
    if ID in table.column_names:
        ids = table[ID].take(columns["row"])
        columns[ID] = ids.cast(pa.string()) if pa.types.is_large_string(ids.type) else ids
    return columns


def _check_file(out: Path) -> None:
    """Refuse before any work what could not be written after it."""
    if out.suffix.lower() not in SUFFIXES:
        raise QueryError(f"cannot tell a format from {out.name!r}; end it in {', '.join(SUFFIXES)}")
    if not out.absolute().parent.is_dir():
        raise QueryError(f"cannot write {out}: there is no folder {out.parent}")
