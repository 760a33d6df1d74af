from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from search.array_source import ArraySource
from skylore.search.codes.asking import ask
from skylore.search.codes.building import build
from skylore.search.codes.options import CodeOptions
from skylore.search.codes.source import VectorSource
from skylore.search.codes.view import open_view
from skylore.search.row_sets import RowSet

OPTIONS = CodeOptions(bytes_a_row=32, segment_rows=4096, progress=False)


@pytest.fixture
def source() -> ArraySource:
    return ArraySource(np.random.default_rng(0).normal(size=(8000, 40)))


def best(source: ArraySource, query: np.ndarray, count: int, allowed: RowSet | None) -> list[int]:
    unit = source.vectors / np.linalg.norm(source.vectors, axis=1, keepdims=True)
    rows = np.arange(10, 10 + source.rows)
    if allowed is not None:
        unit, rows = unit[allowed.rows.astype(int) - 10], allowed.rows.astype(int)
    found: list[int] = rows[np.argsort(-(unit @ query))[:count]].tolist()
    return found


def test_vectors_without_an_archive_are_coded_and_searched(
    source: ArraySource, tmp_path: Path
) -> None:
    given: VectorSource = source
    assert open_view(given, tmp_path) is None
    assert build(given, tmp_path, OPTIONS) == 8000
    assert build(given, tmp_path, OPTIONS) == 0
    view = open_view(given, tmp_path)
    assert view is not None
    assert view.rows == 8000
    few = RowSet(np.arange(11, 1000, 7, dtype=np.uint64))
    for allowed in (None, few, RowSet(np.arange(10, 8010, 3, dtype=np.uint64))):
        shares = []
        for query in np.random.default_rng(1).normal(size=(10, 40)).astype(np.float32):
            asked = ask(given, view, query, 20, allowed=allowed)
            rows, scores = asked.table["_rowid"].to_pylist(), asked.table["score"].to_pylist()
            assert asked.table["id"].to_pylist() == rows
            assert scores == sorted(scores, reverse=True)
            shares.append(len(set(rows) & set(best(source, query, 20, allowed))) / 20)
        assert np.mean(shares) >= 0.95


def test_only_what_changed_is_coded_anew(source: ArraySource, tmp_path: Path) -> None:
    build(source, tmp_path, OPTIONS)
    source.vectors[3000:6000] *= -1
    source.versions[1] = 1
    view = open_view(source, tmp_path)
    assert view is not None
    assert view.rows == 8000
    query = source.vectors[4000]
    for _ in range(2):
        assert ask(source, view, query, 1).table["_rowid"].to_pylist() == [4010]
        build(source, tmp_path, OPTIONS)
        view = open_view(source, tmp_path)
        assert view is not None
    source.recipe = "v2"
    assert open_view(source, tmp_path) is None
    assert build(source, tmp_path, OPTIONS) == 8000
