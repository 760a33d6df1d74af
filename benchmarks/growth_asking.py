"""Asking one size of an index, with and without filters."""

from __future__ import annotations

import json
import os
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.growth_building import JUDGED, Size
from benchmarks.growth_source import Generated
from benchmarks.growth_truth import SHARES, K, Truth, brightness_of, first_rows
from benchmarks.usage import memory
from skylore.search.codes.asking import ask
from skylore.search.codes.view import View, open_view
from skylore.search.row_sets import RowSet

__all__ = ["ask_size", "names"]

WARM = 5
"""Queries asked before any is timed."""


def names() -> list[str]:
    """Name the filters, none first."""
    shares = [f"{share:.2%}".rstrip("0%").rstrip(".") + " %" for share in SHARES]
    return ["none", *(f"block of {s}" for s in shares), *(f"brightest {s}" for s in shares)]


def ask_size(size: Size) -> None:
    """Ask all queries under all filters, and keep what that took."""
    source = Generated(size.rows, size.dimension, size.account)
    view = open_view(source, size.codes)
    if view is None or view.rows != size.rows or view.uncoded:
        raise SystemExit(f"{size.codes} holds no codes of {size.rows:,} rows; build them first")
    truth = size.truth()
    exact, filters = _exact(size), _filters(size, truth)
    lines = {
        name: _asked(source, view, size.queries, allowed, answer)
        for (name, allowed), answer in zip(filters.items(), exact, strict=True)
    }
    result = {"rows": size.rows, "load": os.getloadavg()[0], "memory": memory(), "lines": lines}
    size.asked.write_text(json.dumps(result), encoding="utf-8")


def _blocks(size: Size) -> list[int]:
    return [max(1, round(size.rows * share)) for share in SHARES]


def _filters(size: Size, truth: Truth) -> dict[str, RowSet | None]:
    """Give runs of rows, as regions are in a table in the sky's order, and the brightest rows."""
    blocks = [RowSet(np.arange(end, dtype=np.uint64)) for end in _blocks(size)]
    bright = [RowSet(truth.brighter(m, size.rows)) for m in brightness_of(size.dimension)]
    return dict(zip(names(), [None, *blocks, *bright], strict=True))


def _exact(size: Size) -> list[NDArray[np.uint64]]:
    """Give the rows of the exact answers, for each filter of shape ``(Q, 100)``."""
    rows = np.load(size.exact)["rows"]
    ends = tuple(sorted(_blocks(size)))
    first = first_rows(size.dimension, size.queries[:JUDGED], ends)
    return [rows[0], *(best.rows for best in reversed(first)), *rows[1:]]


def _asked(
    source: Generated,
    view: View,
    queries: NDArray[np.float32],
    allowed: RowSet | None,
    exact: NDArray[np.uint64],
) -> dict[str, Any]:
    for query in queries[-WARM:]:
        ask(source, view, query, K, allowed=allowed)
    answers = []
    for query in queries:
        start = time.perf_counter()
        found = ask(source, view, query, K, allowed=allowed)
        answers.append((1e3 * (time.perf_counter() - start), found))
    rows = [found.table["_rowid"].to_numpy() for _, found in answers[:JUDGED]]
    recalls = {k: [_share(r, e[:k], k) for r, e in zip(rows, exact, strict=True)] for k in (10, K)}
    return {
        "matching": len(allowed) if allowed is not None else view.rows,
        "ms": [ms for ms, _ in answers],
        "making": [found.work.refine_ms for _, found in answers],
        "codes": [found.work.codes for _, found in answers],
        "refined": [found.work.refined for _, found in answers],
        "ways": sorted({found.choice.way for _, found in answers}),
        "recall@10": float(np.mean(recalls[10])),
        "recall@100": float(np.mean(recalls[K])),
    }


def _share(found: NDArray[np.uint64], exact: NDArray[np.uint64], k: int) -> float:
    wanted = exact[exact != np.iinfo(np.uint64).max]
    return float(np.isin(wanted, found[:k]).mean()) if len(wanted) else 1.0
