"""Simulated objects as a Parquet file that is ingested like any survey's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from skylore.errors import SourceError
from skylore.imaging.decode import encode_png
from skylore.simulation.simulator import Simulated, Simulator
from skylore.simulation.truth import TRUTH_SCHEMA

__all__ = ["FILE_SCHEMA", "write_parquet"]

FILE_SCHEMA = pa.schema([
    pa.field("id", pa.string(), nullable=False),
    pa.field("image", pa.binary(), nullable=False),
    *TRUTH_SCHEMA,
])  # fmt: skip
"""Id, PNG bytes, and the truth."""

_GROUP = 512


def write_parquet(
    path: str | Path, n: int, seed: int, *, kinds: Mapping[str, float] | None = None
) -> None:
    """Write ``n`` simulated objects.

    Parameters
    ----------
    path
        The file; nothing may be there yet.
    n
        How many objects, at least 1.
    seed
        Not negative; equal seeds give equal files.
    kinds
        A weight for each kind; the usual shares unless given.

    Raises
    ------
    SourceError
        The file exists, ``n`` is not positive, the seed is negative, or a kind is unknown.
    """
    target = Path(path)
    if target.exists():
        raise SourceError(f"{target} exists already; choose another name or delete it")
    if n < 1:
        raise SourceError(f"at least one object is to be written, not {n}")
    simulator = Simulator() if kinds is None else Simulator(kinds)
    objects = enumerate(simulator.batch(n, seed))
    partial = target.with_name(target.name + ".partial")
    try:
        with pq.ParquetWriter(partial, FILE_SCHEMA) as writer:
            while group := list(islice(objects, _GROUP)):
                writer.write_table(pa.Table.from_pylist(list(_rows(group, seed)), FILE_SCHEMA))
        partial.rename(target)
    finally:
        partial.unlink(missing_ok=True)


def _rows(group: list[tuple[int, Simulated]], seed: int) -> Iterator[dict[str, object]]:
    for number, simulated in group:
        image = encode_png(simulated.image)
        yield {"id": f"simulated-{seed}-{number:07d}", "image": image, **simulated.truth}
