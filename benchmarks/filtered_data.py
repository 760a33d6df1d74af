"""Vectors, filters and exact answers for the comparison of engines under filters."""

from __future__ import annotations

import json
import mmap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lance
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from skylore.archive.provenance import Provenance, with_provenance
from skylore.archive.sky import cells_of
from skylore.archive.table import Archive

K = 100
COLUMN = "image_vector"
BLOCK = 50_000
ROWS_A_FILE = 131_072


@dataclass(frozen=True)
class Data:
    """The folder of vectors (``base.npy``, ``queries.npy``, ``meta.parquet``), cut to some rows."""

    vectors: Path
    work: Path
    rows: int
    queries: int

    @property
    def base(self) -> NDArray[np.float16]:
        """Vectors, shape ``(N, D)``, mapped."""
        whole: NDArray[np.float16] = np.load(self.vectors / "base.npy", mmap_mode="r")
        return whole[: self.rows]

    def read_at_random(self) -> NDArray[np.float16]:
        """Give the same, mapped so that the system reads no more than what is asked for."""
        with (self.vectors / "base.npy").open("rb") as file:
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        mapped.madvise(mmap.MADV_RANDOM)
        rows, dimension = self.base.shape
        start = len(mapped) - np.load(self.vectors / "base.npy", mmap_mode="r").nbytes
        whole = np.frombuffer(mapped, np.float16, rows * dimension, start)
        return whole.reshape(rows, dimension)

    @property
    def asked(self) -> NDArray[np.float32]:
        """Held-out queries, shape ``(Q, D)``."""
        whole: NDArray[np.float32] = np.load(self.vectors / "queries.npy")[: self.queries]
        return whole

    @property
    def catalogue(self) -> pa.Table:
        """Position, magnitude and ``side``: how far a vector goes in one direction."""
        file = self.work / "catalogue.parquet"
        if not file.exists():
            table = pq.read_table(self.vectors / "meta.parquet").slice(0, self.rows)
            direction = self.asked.mean(axis=0) - self.asked[0]
            side = np.concatenate([part.astype(np.float32) @ direction for part in _parts(self)])
            pq.write_table(table.append_column("side", pa.array(side)), file)
        return pq.read_table(file)

    @property
    def filters(self) -> dict[str, str | None]:
        """SQL predicates by name."""
        table = self.catalogue
        found: dict[str, str | None] = {"none": None}
        for name, share in (("10 %", 0.1), ("1 %", 0.01), ("0.1 %", 1e-3), ("0.01 %", 1e-4)):
            width, height = 360 * share**0.5, float(np.degrees(np.arcsin(share**0.5)))
            box = f"ra >= 40 AND ra < {40 + width:.5f}"
            found[name] = f"{box} AND dec >= {-height:.5f} AND dec < {height:.5f}"
        brightest = np.quantile(table["mag"].to_numpy(), 0.01)
        furthest = np.quantile(table["side"].to_numpy(), 0.99)
        found["brightest 1 %"] = f"mag < {brightest:.5f}"
        found["1 % on one side"] = f"side > {furthest:.6f}"
        return found

    def exact(self) -> dict[str, NDArray[np.int64]]:
        """Give the rows of the exact answers by filter, shape ``(Q, 100)``; -1 where none are."""
        file = self.work / "exact.npz"
        if not file.exists():
            found: dict[str, Any] = _exact(self)
            np.savez(file, **found)
        return dict(np.load(file))


def _parts(data: Data) -> list[NDArray[np.float16]]:
    return [data.base[start : start + BLOCK] for start in range(0, data.rows, BLOCK)]


def _passing(table: pa.Table, where: str | None) -> NDArray[np.bool_]:
    if where is None:
        return np.ones(len(table), np.bool_)
    keep = np.ones(len(table), np.bool_)
    for part in where.split(" AND "):
        name, sign, number = part.split()
        values = table[name].to_numpy()
        tests = {"<": values < float(number), ">": values > float(number)}
        keep &= tests.get(sign, values >= float(number))
    return keep


def _exact(data: Data) -> dict[str, NDArray[np.int64]]:
    table, asked = data.catalogue, data.asked
    asked = asked / np.linalg.norm(asked, axis=1, keepdims=True)
    passing = {name: _passing(table, where) for name, where in data.filters.items()}
    rows = {name: np.full((len(asked), K), -1, np.int64) for name in passing}
    best = {name: np.full((len(asked), K), -np.inf, np.float32) for name in passing}
    for number, part in enumerate(_parts(data)):
        vectors = part.astype(np.float32)
        scores = asked @ (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).T
        for name, keep in passing.items():
            here = np.flatnonzero(keep[number * BLOCK : number * BLOCK + len(part)])
            joined = np.concatenate([best[name], scores[:, here]], axis=1)
            which = np.argpartition(-joined, K - 1, axis=1)[:, :K]
            names = np.broadcast_to(here + number * BLOCK, (len(asked), len(here)))
            both = np.concatenate([rows[name], names], axis=1)
            rows[name] = np.take_along_axis(both, which, axis=1)
            best[name] = np.take_along_axis(joined, which, axis=1)
    order = {name: np.argsort(-scores, axis=1, kind="stable") for name, scores in best.items()}
    return {name: np.take_along_axis(rows[name], order[name], axis=1) for name in rows}


def _column(vectors: NDArray[np.float16]) -> pa.Array:
    return pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), vectors.shape[1])


def make_archive(data: Data) -> Archive:
    """Put vectors and catalogue into an archive, if they are not there yet."""
    path, done = data.work / "a.skylore", data.work / "archive.done"
    if done.exists():
        return Archive.open(path)
    given = Provenance(step="ingest", model="given")
    kind = pa.list_(pa.float16(), data.base.shape[1])
    archive = Archive.create(path, id_type=pa.int64())
    numbers = [pa.field("mag", pa.float32()), pa.field("side", pa.float32())]
    fields = [pa.field(COLUMN, kind), *numbers]
    archive.add_columns([with_provenance(field, given) for field in fields])
    table = data.catalogue
    table = table.append_column("_healpix_29", cells_of(table.select(["ra", "dec"])))
    for start in range(0, data.rows, ROWS_A_FILE):
        vectors = _column(np.ascontiguousarray(data.base[start : start + ROWS_A_FILE]))
        archive.append(table.slice(start, ROWS_A_FILE).append_column(COLUMN, vectors))
    done.write_text(json.dumps({"rows": data.rows}))
    return Archive.open(path)


def make_table(data: Data) -> lance.LanceDataset:
    """Put the same into a bare Lance table."""
    path = data.work / "bare.lance"
    if not path.exists():
        table = data.catalogue.select(["id", "ra", "dec", "mag", "side"])
        for start in range(0, data.rows, ROWS_A_FILE):
            vectors = _column(np.ascontiguousarray(data.base[start : start + ROWS_A_FILE]))
            part = table.slice(start, ROWS_A_FILE).append_column(COLUMN, vectors)
            lance.write_dataset(part, path, mode="append" if start else "create")
    return lance.dataset(path)
