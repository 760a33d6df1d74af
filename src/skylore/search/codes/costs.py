"""What work takes on this machine."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from skylore.search.codes.best import Best
from skylore.search.codes.codebook import CodedQuery
from skylore.search.codes.kernel import pack
from skylore.search.codes.manifest import Costs
from skylore.search.codes.probing import Frontier, Wanted, probe_lists
from skylore.search.codes.scanning import compare, everything, rows_of
from skylore.search.codes.searching import Reader
from skylore.search.codes.source import VectorSource
from skylore.search.codes.trial_filters import some_rows
from skylore.search.codes.view import View
from skylore.search.row_sets import RowSet

__all__ = ["measure_costs"]

RUNS = 8
COUNT, POOL = 100, 656
GATHERED = 50_000
FEW, MANY = 64, 1024


def measure_costs(source: VectorSource, view: View, queries: NDArray[np.float32]) -> Costs:
    """Time each kind of work on these codes, warm, the least of several runs.

    Parameters
    ----------
    source, view
        Vectors and their codes, calibrated.
    queries
        Shape ``(Q, D)``.
    """
    rng = np.random.default_rng(0)
    rows = some_rows(view, max(1, min(GATHERED, view.rows // 4)), rng)
    some = RowSet(rows)
    codes = [view.codebook.encode_query(vector) for vector in queries[:RUNS]]
    wanted = Wanted(COUNT, POOL, None, 2)
    all_codes, some_codes = everything(view.segments), rows_of(view, some)
    scans = [_timed(compare, Best(POOL), all_codes, c.code, None) for c in codes]
    gathers = [_timed(compare, Best(POOL), some_codes, c.code, None) for c in codes]
    probes = [_timed(_probed, view, c, wanted) for c in codes]
    starts = [_seconds(_started, view, vector) for vector in queries[:RUNS]]
    reads = []
    for vector in queries[:RUNS]:
        reader = Reader(source, vector)
        for count in (FEW, MANY):
            before = reader.seconds
            reader.read(rng.choice(rows, min(count, len(rows)), replace=False))
            reads.append(reader.seconds - before)
    few, many = min(reads[::2]), min(reads[1::2])
    refine = max(1e6 * (many - few) / (MANY - FEW), 0.1)
    return Costs(
        scan=min(scans),
        gather=min(gathers),
        probe=min(probes),
        refine=refine,
        read=max(1e3 * few - 1e-3 * refine * FEW, 0.05),
        start=1e3 * min(starts),
    )


def _probed(view: View, query: CodedQuery, wanted: Wanted) -> int:
    return probe_lists(view, query, wanted)[1]


def _started(view: View, vector: NDArray[np.float32]) -> None:
    """Do what comes before the first row: code the query, and put the lists into order."""
    query = view.codebook.encode_query(vector)
    Frontier(view.codebook, query, np.ones(view.codebook.lists))
    pack(query.code)


def _seconds(work: Callable[..., object], *given: object) -> float:
    start = time.perf_counter()
    work(*given)
    return time.perf_counter() - start


def _timed(work: Callable[..., int], *given: object) -> float:
    """Give nanoseconds a row of work that returns its number of rows."""
    start = time.perf_counter()
    rows = work(*given)
    return 1e9 * (time.perf_counter() - start) / max(rows, 1)
