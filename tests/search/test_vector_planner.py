from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skylore.search.codes.manifest import Calibration, Costs, Manifest
from skylore.search.planner import Task, cheapest, choose, estimate, level_of, probed_share

COSTS = Costs(scan=8, gather=30, probe=15, refine=12, read=1.5)
CALIBRATION = Calibration(
    recalls=(0.8, 0.95, 0.99),
    counts=(10,),
    margins=((0.5,), (1.0,), (2.0,)),
    bias=0.0,
    spread=0.01,
    misses=(0.1, 0.02, 0.004),
    tail=((-1.0, 0.0, 4.0), (0.9, 0.5, 1e-4)),
    ranks=(10, 100, 1000),
    shares=((0.001, 0.002, 0.004), (0.002, 0.005, 0.01), (0.01, 0.02, 0.05)),
)
CODES = Manifest(column="vector", recipe="", codebook="", costs=COSTS, calibration=CALIBRATION)


def way(rows: int, matching: int, count: int = 100, recall: float = 0.95) -> str:
    return cheapest(Task(rows, matching, count, recall), COSTS, CALIBRATION).way


def test_each_way_has_its_realm() -> None:
    rows = 100_000_000
    assert way(rows, 40) == "read matches"
    assert way(rows, 10_000) == "gather codes"
    assert way(rows, rows) == "probe lists"
    assert way(50_000, 50_000) == "scan codes"


def test_without_filters_nothing_is_gathered() -> None:
    assert way(50, 50) == "scan codes"


@given(
    rows=st.integers(1, 10**10),
    share=st.floats(0, 1),
    count=st.integers(1, 10_000),
    recall=st.floats(0.1, 1),
)
def test_the_choice_is_the_least_estimate(
    rows: int, share: float, count: int, recall: float
) -> None:
    task = Task(rows, int(share * rows), count, recall)
    chosen = cheapest(task, COSTS, CALIBRATION)
    assert chosen.ms == estimate(chosen.way, task, COSTS, CALIBRATION)
    assert chosen.ms <= estimate("scan codes", task, COSTS, CALIBRATION)
    assert chosen.ms <= estimate("probe lists", task, COSTS, CALIBRATION)
    assert np.isfinite(chosen.ms)


@given(low=st.floats(1, 1e9), high=st.floats(1, 1e9), recall=st.floats(0.1, 1))
def test_more_rows_are_probed_for_deeper_ranks(low: float, high: float, recall: float) -> None:
    low, high = sorted((low, high))
    shares = [probed_share(rank, 10**9, recall, CALIBRATION) for rank in (low, high)]
    assert 0 < shares[0] <= shares[1] + 1e-12 <= 1 + 1e-12


@pytest.mark.parametrize(
    ("recall", "level"), [(0.1, 0), (0.8, 0), (0.81, 1), (0.95, 1), (0.96, 2), (0.9999, 2)]
)
def test_recall_is_rounded_up(recall: float, level: int) -> None:
    assert level_of(recall, CALIBRATION) == level


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"exact": True}, "asked for it"),
        ({"recall": 1.0}, "recall of 1"),
        ({"codes": None}, "no index on vector"),
        ({"codes": CODES.model_copy(update={"calibration": None})}, "no index on vector"),
        ({"uncoded": 7}, "7 objects are not in the index"),
    ],
)
def test_reasons_to_read_every_vector(given: dict[str, object], reason: str) -> None:
    usual: dict[str, object] = {
        "rows": 10**6, "matching": 10**6, "count": 20, "recall": 0.95, "exact": None,
        "column": "vector", "codes": CODES, "uncoded": 0,
    }  # fmt: skip
    plan = choose(**(usual | given))  # type: ignore[arg-type]
    assert plan.method == "exact scan"
    assert plan.way is None
    assert reason in plan.reason


def test_the_plan_says_what_is_expected() -> None:
    plan = choose(
        rows=10**6,
        matching=500,
        count=20,
        recall=0.95,
        exact=None,
        column="vector",
        codes=CODES,
        uncoded=0,
    )
    assert plan.way == plan.method == "gather codes"
    assert plan.estimate_ms == pytest.approx(4.1, abs=0.2)
