"""Kinds of columns, point masses and sentinels are seen from values."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skylore.density.coding import code_rows
from skylore.density.column_spec import ColumnSpec
from skylore.density.columns import describe_columns
from skylore.density.tables import read_table
from skylore.density.values import find_atoms, find_sentinels
from skylore.errors import ModelError, SourceError


def kinds(**columns: object) -> dict[str, ColumnSpec]:
    specs, _ = describe_columns(pa.table(columns))
    return {spec.name: spec for spec in specs}


def test_kinds_are_told_apart() -> None:
    rng = np.random.default_rng(0)
    found = kinds(
        plain=rng.normal(0, 1, 2000),
        whole=rng.poisson(8, 2000),
        share=rng.random(2000),
        heavy=rng.standard_t(1.2, 2000),
        flag=rng.random(2000) > 0.3,
        kind=rng.choice(["a", "b", "c"], 2000),
    )
    assert {name: spec.kind for name, spec in found.items()} == {
        "plain": "continuous",
        "whole": "integer",
        "share": "bounded",
        "heavy": "heavy-tailed",
        "flag": "categorical",
        "kind": "categorical",
    }
    assert (found["share"].lower, found["share"].upper) == (0, 1)


@pytest.mark.parametrize("sentinel", [-666.0, -99.0, -9999.0])
def test_a_sentinel_is_missing_and_reported(sentinel: float) -> None:
    x = np.random.default_rng(0).normal(20, 2, 500)
    x[[3, 70, 400, 401]] = sentinel
    found = kinds(x=x, y=x + 1)["x"]
    assert found.sentinels == {f"{sentinel:.10g}": 4}
    assert found.rows == 496
    assert f"{sentinel:.10g}" in str(found)
    coded = code_rows(pa.table({"x": x}), [found])
    assert not coded.present[[3, 70, 400, 401], 0].any()
    assert coded.present.sum() == 496


def test_a_sentinel_that_only_new_rows_hold_is_missing_there() -> None:
    x = np.random.default_rng(0).normal(20, 2, 500)
    spec = kinds(x=x, y=x + 1)["x"]
    assert not spec.sentinels
    assert code_rows(pa.table({"x": [21.0, -99.0]}), [spec]).present.tolist() == [[True], [False]]


@given(st.integers(0, 1000))
def test_real_values_are_no_sentinels(seed: int) -> None:
    x = np.round(np.random.default_rng(seed).normal(-99, 8, 400), 0)
    assert find_sentinels(x) == ()


def test_caps_and_spikes_are_point_masses_and_common_integers_are_not() -> None:
    rng = np.random.default_rng(0)
    capped = np.minimum(rng.lognormal(0, 1, 5000), 4.0)
    spiked = np.where(rng.random(5000) < 0.1, 0.0, rng.normal(3, 1, 5000))
    assert find_atoms(capped) == (4.0,)
    assert find_atoms(spiked) == (0.0,)
    assert find_atoms(rng.poisson(3, 5000).astype(float)) == ()
    assert find_atoms(rng.normal(0, 1, 5000)) == ()


def test_infinities_are_missing_and_counted() -> None:
    x = np.random.default_rng(0).normal(0, 1, 300)
    x[:5] = np.inf
    x[5] = -np.inf
    found = kinds(x=x, y=np.arange(300) % 7)["x"]
    assert (found.infinite, found.rows) == (6, 294)


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ([1.5] * 200, "all rows hold 1.5"),
        ([None] * 200, "neither a number|no row has"),
        ([float("nan")] * 200, "no row has"),
        ([f"object {i}" for i in range(200)], "no category"),
        ([*map(str, range(199)), "broken"], "such as 'broken'"),
        ([str(i) for i in range(200)], "written as text"),
        (["same"] * 200, "same value"),
    ],
)
def test_what_cannot_be_learnt_is_said_with_the_reason(values: list[object], why: str) -> None:
    rng = np.random.default_rng(0)
    whole = pa.table({"bad": values, "a": rng.normal(size=200), "b": rng.normal(size=200)})
    _, left_out = describe_columns(whole)
    assert "bad" in left_out
    with pytest.raises(ModelError, match=why):
        describe_columns(whole, ["a", "b", "bad"])


def test_numbers_of_objects_are_left_out_unless_they_are_named() -> None:
    rng = np.random.default_rng(0)
    ids = (1 << 60) + rng.permutation(300)
    whole = pa.table(
        {"hip": range(300), "id": ids, "a": rng.normal(size=300), "b": [1, 2, 3] * 100}
    )
    specs, left_out = describe_columns(whole)
    assert [spec.name for spec in specs] == ["a", "b"]
    assert "--columns" in left_out["hip"]
    assert describe_columns(whole, ["hip", "a"])[0][0].name == "hip"


@pytest.mark.parametrize(("filler", "rows"), [(99.0, 1), (65535.0, 2), (32767.0, 1)])
def test_fillers_far_above_all_values_are_none(filler: float, rows: int) -> None:
    x = np.random.default_rng(0).normal(20, 1.5, 400)
    x[:rows] = filler
    assert find_sentinels(x) == (filler,)


def test_errors_belong_to_their_column() -> None:
    rng = np.random.default_rng(0)
    found = kinds(g=rng.normal(size=300), g_err=rng.random(300), r=rng.normal(size=300))
    assert list(found) == ["g", "r"]
    assert found["g"].error == "g_err"


def test_real_tables_show_what_is_known_of_them(shared_data: Path) -> None:
    specs, _ = describe_columns(read_table(shared_data / "california_housing.csv"))
    homes = {spec.name: spec for spec in specs}
    assert homes["median_house_value"].atoms == (500001.0,)
    assert homes["housing_median_age"].atoms == (52.0,)
    assert homes["housing_median_age"].kind == "integer"
    assert homes["total_bedrooms"].missing == 207
    assert homes["population"].kind == "heavy-tailed"
    assert homes["ocean_proximity"].kind == "categorical"
    lrg, _ = describe_columns(read_table(shared_data / "2slaq_lrg_photoz.csv"))
    assert sum(spec.sentinels.get("-666", 0) for spec in lrg) >= 4


def test_files_that_are_no_tables_are_refused(tmp_path: Path) -> None:
    for name, content in (("a.txt", b"x"), ("a.csv", b""), ("a.parquet", b"nothing")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(SourceError):
            read_table(tmp_path / name)
    with pytest.raises(SourceError, match="nothing at"):
        read_table(tmp_path / "missing.csv")
    with pytest.raises(SourceError, match="no rows"):
        read_table(pa.table({"a": pa.array([], pa.float64())}))
