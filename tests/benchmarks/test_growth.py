"""Indexes of made vectors, their exact answers, and the account of what they take."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
DIMENSION = 32


@pytest.fixture(scope="module")
def growth():
    """The modules, which lie beside the package."""
    if not (ROOT / "benchmarks").is_dir():
        pytest.skip("the benchmarks are not part of an installed package")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT))
        import benchmarks.growth
        import benchmarks.growth_laws
    return benchmarks


@pytest.fixture
def small(growth, monkeypatch):
    """Parts of 4096 rows."""
    monkeypatch.setattr(growth.growth_source, "PART", 4096)
    monkeypatch.setattr(growth.growth_source, "BATCH", 1024)
    return growth


def size_of(growth, work: Path, rows: int):
    return growth.growth_building.Size(work, rows, DIMENSION)


def brute(growth, size, allowed):
    vectors = growth.vectors.mixture(DIMENSION).vectors(np.arange(size.rows, dtype=np.uint64))
    scores = size.queries[: growth.growth_building.JUDGED] @ vectors.T
    scores[:, ~allowed] = -np.inf
    order = np.argsort(-scores, axis=1, kind="stable")[:, :100].astype(np.uint64)
    counted = np.take_along_axis(scores, order.astype(np.int64), axis=1)
    order[~np.isfinite(counted)] = np.iinfo(np.uint64).max
    return order


def test_exact_answers_are_those_of_all_vectors(small, tmp_path):
    size = size_of(small, tmp_path, 8192)
    small.growth_building.build_size(size)
    kept = np.load(size.exact)
    mag = small.vectors.mixture(DIMENSION).rows(np.arange(8192, dtype=np.uint64)).mag
    limits = [np.inf, *small.growth_truth.brightness_of(DIMENSION)]
    for found, limit in zip(kept["rows"], limits, strict=True):
        assert np.mean(found == brute(small, size, mag < limit)) > 0.999
    assert kept["seen"] == 2


def test_a_part_that_was_left_half_read_is_seen_once(small, tmp_path):
    size = size_of(small, tmp_path, 8192)
    account, truth = size.account, size.truth()
    source = small.growth_source.Generated(8192, DIMENSION, account, truth)
    first, second = source.parts()
    begun = source.read(first)
    next(begun), next(begun)
    begun.close()
    for part in (first, second, first):
        assert sum(len(rows) for rows, _ in source.read(part)) == 4096
    truth.save(tmp_path / "all.npz")
    everything = brute(small, size, np.ones(8192, np.bool_))
    assert np.mean(np.load(tmp_path / "all.npz")["rows"][0] == everything) > 0.999
    again = size.truth()
    assert again.seen == 2
    np.testing.assert_array_equal(again.best[0].rows, truth.best[0].rows)


def test_an_index_goes_on_to_the_next_size(small, tmp_path):
    for rows in (8192, 16_384):
        small.growth_building.build_size(size_of(small, tmp_path, rows))
        size = size_of(small, tmp_path, rows)
        small.growth_asking.ask_size(size)
        built, asked = json.loads(size.built.read_text()), json.loads(size.asked.read_text())
        assert built["coded"] >= rows
        assert 0 < built["build"] < built["cpu"] + built["measuring"]
        assert list(asked["lines"]) == small.growth_asking.names()
        assert len(asked["lines"]["none"]["ms"]) == small.growth_building.QUERIES
        assert asked["lines"]["none"]["recall@100"] > 0.9
        assert asked["lines"]["brightest 0.01 %"]["recall@100"] == 1.0


def test_exact_answers_of_a_size_stay_when_a_larger_one_has_begun(small, tmp_path):
    size = size_of(small, tmp_path, 4096)
    small.growth_building.build_size(size)
    exact = np.load(size.exact)["rows"]
    small.growth_building.build_size(size_of(small, tmp_path, 8192))
    small.growth_building.build_size(size)
    np.testing.assert_array_equal(np.load(size.exact)["rows"], exact)
    size.exact.unlink()
    with pytest.raises(SystemExit, match="another folder"):
        small.growth_building.build_size(size)


def test_a_law_is_found_and_predicts(growth):
    sizes = np.array([2e6, 8e6, 32e6, 64e6, 128e6])
    rng = np.random.default_rng(0)
    built = [
        {"rows": n, "build": 20 + 30 * n / 1e6, "peak": 900 + 1e-3 * n / 1e6, "disk": 140 * n}
        for n in sizes
    ]
    asked = [
        {
            "rows": n,
            "lines": {
                name: {"ms": (5 + 2 * (n / 1e6) ** 0.5 + rng.normal(0, 0.1, 100)).tolist()}
                for name in growth.growth_asking.names()
            },
        }
        for n in sizes
    ]
    lines = growth.growth_laws.laws(built, asked, 128e6).splitlines()
    cells = {line.split(" | ")[0].strip("| "): line.split(" | ") for line in lines[2:]}
    low, high = bounds(cells["p50, ms: none"][3])
    assert low < 5 + 2 * 128**0.5 < high
    assert high - low < 3
    low, high = bounds(cells["build, s of CPU"][3])
    assert low <= 20 + 30 * 128 <= high


def bounds(cell: str) -> tuple[float, float]:
    low, high = cell.split("[")[1].rstrip("] |").split(", ")
    return float(low.replace(",", "")), float(high.replace(",", ""))
