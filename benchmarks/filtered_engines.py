"""Engines for vectors under filters, each built and asked in a process of its own."""

from __future__ import annotations

import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from benchmarks.filtered_data import COLUMN, Data, K, make_archive, make_table

Ask = Callable[[NDArray[np.float32], str | None], NDArray[np.int64]]
PROBES, REFINE = 40, 10
"""As measured to give recall@100 of 0.99 and more without filters."""


def size_of(path: Path) -> int:
    """Add up the bytes below a path."""
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())


def memory() -> dict[str, float]:
    """Give this process's own and mapped memory in MB."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    values = dict(line.split(":", 1) for line in lines if line.startswith("Rss"))
    return {name: int(values[name].split()[0]) / 1e3 for name in ("RssAnon", "RssFile")}


class Skylore:
    """``archive.search`` from query to hits, filters as SQL."""

    def __init__(self, data: Data) -> None:
        self.archive = make_archive(data)

    def build(self) -> int:
        """Index; returns bytes of codes."""
        from skylore.search.codes.building import build_codes
        from skylore.search.codes.manifest import folder_of

        build_codes(self.archive, COLUMN)
        return size_of(folder_of(self.archive.location, COLUMN))

    def asker(self) -> Ask:
        """Give the way to ask."""
        from skylore.search.masks.service import build_masks

        build_masks(self.archive)

        def ask(query: NDArray[np.float32], where: str | None) -> NDArray[np.int64]:
            found = self.archive.search(vector=query.tolist(), where=where, k=K, columns=())
            ids: NDArray[np.int64] = found.table["id"].to_numpy()
            return ids

        return ask


class Lance:
    """Lance as it comes: IVF_RQ with one bit, 40 probes, 10 times as many read in full."""

    def __init__(self, data: Data) -> None:
        self.table = make_table(data)
        self.folder = data.work / "bare.lance" / "_indices"

    def build(self) -> int:
        """Index; returns bytes."""
        partitions = max(1, self.table.count_rows() // 1024)
        for name in ("ra", "dec", "mag", "side"):
            self.table.create_scalar_index(name, "BTREE", replace=True)
        before = size_of(self.folder)
        self.table.create_index(
            COLUMN, "IVF_RQ", num_bits=1, num_partitions=partitions, metric="cosine", replace=True
        )
        return size_of(self.folder) - before

    def asker(self) -> Ask:
        """Give the way to ask."""

        def ask(query: NDArray[np.float32], where: str | None) -> NDArray[np.int64]:
            nearest: dict[str, Any] = {"column": COLUMN, "q": query, "k": K, "metric": "cosine"}
            nearest |= {"nprobes": PROBES, "refine_factor": REFINE}
            table = self.table.to_table(
                columns=["id", "_distance"],
                nearest=nearest,
                filter=where,
                prefilter=True,
                disable_scoring_autoprojection=True,
            )
            ids: NDArray[np.int64] = table.sort_by("_distance")["id"].to_numpy()
            return ids

        return ask


class Faiss:
    """FAISS IVF-RaBitQ with one bit, refined on mapped vectors; the filter is a bitmap."""

    def __init__(self, data: Data) -> None:
        self.data, self.file = data, data.work / "faiss.index"

    def build(self) -> int:
        """Index; returns bytes."""
        faiss = import_module("faiss")

        rows, dimension = self.data.base.shape
        lists = max(1, rows // 1024)
        index = faiss.index_factory(
            dimension, f"RR{dimension},IVF{lists},RaBitQfs", faiss.METRIC_INNER_PRODUCT
        )
        rng = np.random.default_rng(0)
        chosen = np.sort(rng.choice(rows, min(rows, 50 * lists), replace=False))
        index.train(self.data.base[chosen].astype(np.float32))
        for start in range(0, rows, 50_000):
            index.add(self.data.base[start : start + 50_000].astype(np.float32))
        faiss.write_index(index, str(self.file))
        return self.file.stat().st_size

    def asker(self) -> Ask:
        """Give the way to ask; filters are evaluated by Arrow in memory."""
        faiss = import_module("faiss")

        index = faiss.read_index(str(self.file))
        catalogue = self.data.catalogue.select(["ra", "dec", "mag", "side"])
        base = self.data.base

        def ask(query: NDArray[np.float32], where: str | None) -> NDArray[np.int64]:
            inner = faiss.SearchParametersIVF(nprobe=PROBES)
            if where is not None:
                bits = np.packbits(_evaluated(catalogue, where), bitorder="little")
                inner.sel = faiss.IDSelectorBitmap(bits)
            params = faiss.SearchParametersPreTransform(index_params=inner)
            _, found = index.search(query[None], REFINE * K, params=params)
            rows = found[0][found[0] >= 0]
            scores = base[np.sort(rows)].astype(np.float32) @ query
            best: NDArray[np.int64] = np.sort(rows)[np.argsort(-scores, kind="stable")[:K]]
            return best

        return ask


def _evaluated(table: Any, where: str) -> NDArray[np.bool_]:  # noqa: ANN401 - a pyarrow table
    tests = {"<": pc.less, ">": pc.greater, ">=": pc.greater_equal}
    parts = [part.split() for part in where.split(" AND ")]
    masks = [tests[sign](table[name], float(number)).to_numpy() for name, sign, number in parts]
    keep: NDArray[np.bool_] = np.logical_and.reduce(masks)
    return keep


ENGINES: dict[str, type[Skylore | Lance | Faiss]] = {
    "skylore": Skylore,
    "Lance IVF_RQ": Lance,
    "FAISS IVF-RaBitQ": Faiss,
}


def measure(name: str, data: Data) -> dict[str, Any]:
    """Ask an engine that was built all queries under all filters."""
    ask = ENGINES[name](data).asker()
    exact, asked, lines = data.exact(), data.asked, {}
    for title, where in data.filters.items():
        ask(asked[0], where)
        taken, shares = [], []
        for query, truth in zip(asked, exact[title], strict=True):
            start = time.perf_counter()
            found = ask(query, where)
            taken.append(1e3 * (time.perf_counter() - start))
            shares.append([_share(found, truth, k) for k in (10, K)])
        at_10, at_100 = np.mean(shares, axis=0)
        p50, p99 = np.quantile(taken, [0.5, 0.99])
        lines[title] = {"recall@10": at_10, "recall@100": at_100, "p50": p50, "p99": p99}
    return {"filters": lines, **memory()}


def _share(found: NDArray[np.int64], truth: NDArray[np.int64], k: int) -> float:
    wanted = truth[:k][truth[:k] >= 0]
    return float(np.isin(wanted, found[:k]).mean()) if len(wanted) else 1.0
