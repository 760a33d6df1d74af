"""An archive as a HATS catalogue: Parquet files partitioned over the sky, as LSDB reads them.

The layout is that of the IVOA note on HATS 1.0: partitions of adaptive HEALPix order below
``dataset``, with ``_healpix_29`` as the first column, ascending.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from skylore import __version__
from skylore.archive.schema import PIXEL, POSITION
from skylore.archive.sky import ORDER
from skylore.archive.sky_order import LAST, sky_order
from skylore.errors import ColumnError
from skylore.exporting.parquet import batches_of, write_rows
from skylore.exporting.partitions import Partition, partition

if TYPE_CHECKING:
    from skylore.archive.table import Archive

__all__ = ["write_hats"]


def write_hats(
    archive: Archive,
    folder: Path,
    columns: Sequence[str],
    *,
    most: int,
    progress: Callable[[int], object],
    name: str,
) -> tuple[int, int]:
    """Write the catalogue into an empty folder; returns its partitions and rows.

    Rows without a position have no place on the sky, and are not in it.

    Raises
    ------
    ColumnError
        No row has a position.
    """
    cells, rows = sky_order(archive)
    placed = int(np.searchsorted(cells, LAST))
    if not placed:
        raise ColumnError(f"no object of {archive} has a position; use --format parquet")
    names = [PIXEL, *POSITION, *(c for c in columns if c not in (PIXEL, *POSITION))]
    schema = pa.schema([archive.schema.field(column) for column in names])
    parts = partition(cells[:placed], most)
    collected = []
    for part in parts:
        path = folder / "dataset" / part.path
        path.parent.mkdir(parents=True, exist_ok=True)
        tables = batches_of(archive, rows[part.start : part.end], names)
        metadata = write_rows(path, schema, tables, progress)
        metadata.set_file_path(part.path)
        collected.append(metadata)
    pq.write_metadata(schema, folder / "dataset" / "_common_metadata")
    pq.write_metadata(schema, folder / "dataset" / "_metadata", metadata_collector=collected)
    _write_partitions(folder / "partition_info.csv", parts)
    _write_properties(folder, parts, rows=placed, most=most, name=name)
    return len(parts), placed


def _write_partitions(path: Path, parts: list[Partition]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["Norder", "Npix"])
        writer.writerows([part.order, part.pixel] for part in parts)


def _write_properties(
    folder: Path, parts: list[Partition], *, rows: int, most: int, name: str
) -> None:
    size = sum(file.stat().st_size for file in folder.rglob("*.parquet"))
    covered = sum(1 / (12 * 4**part.order) for part in parts)
    ra, dec = POSITION
    values = {
        "obs_collection": name,
        "dataproduct_type": "object",
        "hats_nrows": rows,
        "hats_col_ra": ra,
        "hats_col_dec": dec,
        "hats_col_healpix": PIXEL,
        "hats_col_healpix_order": ORDER,
        "hats_npix_suffix": ".parquet",
        "hats_max_rows": most,
        "hats_order": max(part.order for part in parts),
        "moc_sky_fraction": f"{covered:.6f}",
        "hats_builder": f"skylore v{__version__}",
        "hats_creation_date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%MUTC"),
        "hats_estsize": size // 1024,
        "hats_frame": "icrs",
        "hats_version": "v1.0",
    }
    lines = ["#HATS catalog", *(f"{key}={value}" for key, value in values.items())]
    text = "\n".join(lines) + "\n"
    (folder / "hats.properties").write_text(text, encoding="utf-8")
