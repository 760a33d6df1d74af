"""Vectors by row number, and the files of them."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

ROOT = Path(__file__).parents[2]
SHARED_TOOL = ROOT.parent / "shared" / "tools" / "make_vectors.py"
DIMENSION = 64


@pytest.fixture(scope="module")
def made():
    """The module, which lies beside the package."""
    if not (ROOT / "benchmarks").is_dir():
        pytest.skip("the benchmarks are not part of an installed package")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT))
        import benchmarks.vectors as module
    return module


def drawn(made, count: int, dimension: int = DIMENSION):
    return made.mixture(dimension).rows(np.arange(count, dtype=np.uint64))


@given(st.lists(st.integers(0, 2**45), min_size=1, max_size=50))
def test_a_row_is_the_same_wherever_it_is_made(made, numbers):
    law = made.mixture(DIMENSION)
    together = law.rows(np.array(numbers, np.uint64))
    last = law.rows(np.array(numbers[-1:], np.uint64))
    np.testing.assert_allclose(together.vectors[-1], last.vectors[0], atol=1e-6)
    assert (together.mag[-1], together.ra[-1]) == (last.mag[0], last.ra[0])


def test_rows_differ_and_have_unit_length(made):
    vectors = drawn(made, 4000).vectors
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert len(np.unique(vectors, axis=0)) == 4000


def test_positions_cover_the_sphere_evenly(made):
    rows = drawn(made, 20_000)
    assert abs(np.mean(rows.ra) - 180) < 3
    assert abs(np.mean(np.sin(np.radians(rows.dec)))) < 0.02
    assert abs(np.mean(np.abs(rows.dec) < 30) - 0.5) < 0.02


def test_the_magnitude_goes_with_the_vectors_and_positions_do_not(made):
    rows = drawn(made, 20_000)
    x = rows.vectors - rows.vectors.mean(axis=0)

    def explained(values):
        values = values - values.mean()
        found = x @ np.linalg.lstsq(x[::2], values[::2], rcond=None)[0]
        return 1 - np.mean((values - found)[1::2] ** 2) / np.mean(values[1::2] ** 2)

    assert explained(rows.mag) > 0.3
    assert explained(rows.ra) < 0.05


def test_the_noise_is_normal(made):
    table = made.normals()
    assert abs(float(np.mean(table, dtype=np.float64))) < 1e-6
    assert abs(float(np.var(table, dtype=np.float64)) - 1) < 1e-3
    assert abs(float(np.mean(table.astype(np.float64) ** 4)) - 3) < 0.02


def test_it_is_the_law_of_the_shared_tool(made):
    """Other draws from the same clusters and maps: their moments and neighbourhoods agree."""
    if not SHARED_TOOL.exists():
        pytest.skip("the shared tool is not beside the checkout")
    spec = importlib.util.spec_from_file_location("make_vectors", SHARED_TOOL)
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    theirs_made, law = tool.Generator(DIMENSION), made.mixture(DIMENSION)
    np.testing.assert_allclose(law.centres, theirs_made.centres, rtol=1e-5)
    np.testing.assert_allclose(law.spreads, theirs_made.spread, rtol=1e-5)
    np.testing.assert_allclose(law.mean, theirs_made.mean, rtol=1e-5)
    ours = drawn(made, 20_000)
    theirs, mag, _, _ = theirs_made.chunk(0, 20_000)
    np.testing.assert_allclose(ours.vectors.mean(axis=0), theirs.mean(axis=0), atol=0.01)
    np.testing.assert_allclose(spectrum(ours.vectors), spectrum(theirs), rtol=0.1, atol=3e-4)
    np.testing.assert_allclose(nearest(ours.vectors), nearest(theirs), atol=0.01)
    np.testing.assert_allclose(np.quantile(ours.mag, TAILS), np.quantile(mag, TAILS), atol=0.12)


TAILS = [0.01, 0.25, 0.5, 0.75, 0.99]


def spectrum(vectors):
    return np.linalg.eigvalsh(np.cov(vectors.T))[::-1][:30]


def nearest(vectors):
    """Median cosine to the nearest, the tenth and the hundredth of the others."""
    scores = np.sort(vectors[:500] @ vectors.T, axis=1)[:, ::-1]
    return np.median(scores[:, [1, 10, 100]], axis=0)


def test_files_have_the_layout_whatever_the_chunks(made, tmp_path, monkeypatch):
    monkeypatch.setattr(made, "CHUNK", 700)
    made.write(tmp_path / "one", 1500, 32, appended=20, queries=30)
    base = np.load(tmp_path / "one" / "base.npy")
    meta = pq.read_table(tmp_path / "one" / "meta.parquet")
    assert (base.shape, base.dtype) == ((1500, 32), np.float16)
    assert meta.column_names == ["id", "mag", "ra", "dec"]
    assert meta["id"].to_pylist() == list(range(1500))
    again = made.mixture(32).rows(np.array([1234], np.uint64))
    np.testing.assert_allclose(base[1234].astype(np.float32), again.vectors[0], atol=1e-3)
    assert meta["mag"][1234].as_py() == again.mag[0]
    assert np.load(tmp_path / "one" / "append.npy").shape == (20, 32)
    more = pq.read_table(tmp_path / "one" / "append_meta.parquet")
    assert more["id"].to_pylist() == list(range(1500, 1520))
    queries = np.load(tmp_path / "one" / "queries.npy")
    assert queries.shape == (30, 32)
    assert not np.isclose(queries @ base.astype(np.float32).T, 1, atol=1e-4).any()
