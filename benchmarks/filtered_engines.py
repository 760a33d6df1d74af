"""Engines for vectors under filters, each built and asked in a process of its own."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from benchmarks.filtered_data import COLUMN, Data, K, make_archive, make_table
from benchmarks.filtered_qdrant import Qdrant
from benchmarks.usage import size_of

Ask = Callable[[NDArray[np.float32], str | None], tuple[NDArray[np.int64], float | None]]
"""From a query and a filter to ids, best first, and the milliseconds of the search proper."""
PROBES, REFINE = 40, 10
"""As measured to give recall@100 of 0.99 and more without filters."""
ALL = 1 << 20
"""Probes, where every list is."""


def lists_for(rows: int) -> int:
    """Give the number of lists: the power of two nearest to a list a thousand rows, up to 2048.

    Building takes twice as long with twice as many.
    """
    return int(2 ** min(11, max(0, round(np.log2(rows / 1000)))))


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

        def ask(
            query: NDArray[np.float32], where: str | None
        ) -> tuple[NDArray[np.int64], float | None]:
            found = self.archive.search(vector=query.tolist(), where=where, k=K, columns=())
            work = found.work
            inside = work.filter_ms + work.codes_ms + work.refine_ms if work else None
            return found.table["id"].to_numpy(), inside

        return ask


class Lance:
    """Lance as it comes: IVF_RQ with one bit, 40 probes, 10 times as many read in full."""

    probes = PROBES

    def __init__(self, data: Data) -> None:
        self.table = make_table(data)
        self.folder = data.work / "bare.lance" / "_indices"

    def build(self) -> int:
        """Index; returns bytes."""
        partitions = lists_for(self.table.count_rows())
        for name in ("ra", "dec", "mag", "side"):
            self.table.create_scalar_index(name, "BTREE", replace=True)
        before = size_of(self.folder)
        self.table.create_index(
            COLUMN, "IVF_RQ", num_bits=1, num_partitions=partitions, metric="cosine", replace=True
        )
        return size_of(self.folder) - before

    def asker(self) -> Ask:
        """Give the way to ask."""

        def ask(
            query: NDArray[np.float32], where: str | None
        ) -> tuple[NDArray[np.int64], float | None]:
            nearest: dict[str, Any] = {"column": COLUMN, "q": query, "k": K, "metric": "cosine"}
            nearest |= {"nprobes": self.probes, "refine_factor": REFINE}
            table = self.table.to_table(
                columns=["id", "_distance"],
                nearest=nearest,
                filter=where,
                prefilter=True,
                disable_scoring_autoprojection=True,
            )
            return table.sort_by("_distance")["id"].to_numpy(), None

        return ask


class Faiss:
    """FAISS IVF-RaBitQ with one bit, refined on mapped vectors; the filter is a bitmap."""

    probes = PROBES

    def __init__(self, data: Data) -> None:
        self.data, self.file = data, data.work / "faiss.index"

    def build(self) -> int:
        """Index; returns bytes."""
        faiss = import_module("faiss")

        rows, dimension = self.data.base.shape
        lists = lists_for(rows)
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
        base, index_lists = self.data.read_at_random(), lists_for(self.data.rows)

        def ask(
            query: NDArray[np.float32], where: str | None
        ) -> tuple[NDArray[np.int64], float | None]:
            inner = faiss.SearchParametersIVF(nprobe=min(self.probes, index_lists))
            if where is not None:
                bits = np.packbits(_evaluated(catalogue, where), bitorder="little")
                inner.sel = faiss.IDSelectorBitmap(bits)
            params = faiss.SearchParametersPreTransform(index_params=inner)
            _, found = index.search(query[None], REFINE * K, params=params)
            rows = found[0][found[0] >= 0]
            scores = base[np.sort(rows)].astype(np.float32) @ query
            best: NDArray[np.int64] = np.sort(rows)[np.argsort(-scores, kind="stable")[:K]]
            return best, None

        return ask


class LanceAll(Lance):
    """The same with every list probed, which keeps recall under any filter."""

    probes = ALL


class FaissAll(Faiss):
    """The same with every list probed, which keeps recall under any filter."""

    probes = ALL


def _evaluated(table: Any, where: str) -> NDArray[np.bool_]:  # noqa: ANN401 - a pyarrow table
    tests = {"<": pc.less, ">": pc.greater, ">=": pc.greater_equal}
    parts = [part.split() for part in where.split(" AND ")]
    masks = [tests[sign](table[name], float(number)).to_numpy() for name, sign, number in parts]
    keep: NDArray[np.bool_] = np.logical_and.reduce(masks)
    return keep


ENGINES: dict[str, type[Skylore | Lance | Faiss | Qdrant]] = {
    "skylore": Skylore,
    "Lance IVF_RQ": Lance,
    "FAISS IVF-RaBitQ": Faiss,
    "Qdrant Edge": Qdrant,
}
NEEDED = {"FAISS": "faiss", "Qdrant": "qdrant_edge"}
"""The modules of engines that do not come with the project."""
SLOW: dict[str, type[Lance | Faiss]] = {
    "Lance, all lists": LanceAll,
    "FAISS, all lists": FaissAll,
}
"""Asked a few queries only, on the indexes of the above."""
FEW = 40
