"""The rules for ids, names, types and positions that all tables share."""

from __future__ import annotations

import decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skylore.errors import SourceError
from skylore.sources.catalogue import (
    OWNED_NAMES,
    catalogue_name,
    plan_catalogue,
    take_catalogue,
)
from skylore.sources.ids import as_ids, join_ids
from skylore.sources.positions import clean_positions, read_positions

numbers = st.floats(allow_nan=True, allow_infinity=True, width=64)


def chunked(*chunks: pa.Array) -> pa.ChunkedArray:
    return pa.chunked_array(list(chunks))


@given(st.text(max_size=30))
def test_a_catalogue_name_is_never_owned_and_settles_at_once(name: str) -> None:
    kept = catalogue_name(name)
    assert kept.lower() not in OWNED_NAMES
    assert not kept.startswith("_")
    assert not set(kept) & set(".\"'`\\\n\0")
    assert catalogue_name(kept) == kept


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("mag_r", "mag_r"),
        ("ID", "catalogue_ID"),
        ("_healpix_29", "catalogue__healpix_29"),
        ("caption", "catalogue_caption"),
        ("flux.r", "flux_r"),
        ("redshift (z)", "redshift (z)"),
        ("", "catalogue_column"),
    ],
)
def test_names_that_mean_something_else_are_changed(name: str, kept: str) -> None:
    assert catalogue_name(name) == kept


@given(
    st.lists(st.sampled_from(["id", "catalogue_id", "a.b", "a_b", "_a", "a'b", "A"]), unique=True)
)
def test_planned_names_are_unique_and_faithful_ones_are_kept(names: list[str]) -> None:
    schema = pa.schema([(name, pa.int64()) for name in names])
    plan = plan_catalogue(schema, ())
    kept = [column.name for column in plan.columns]
    assert len(set(kept)) == len(names)
    assert {n for n in names if catalogue_name(n) == n} <= set(kept) - set(plan.renamed.values())
    assert [c.source for c in plan.columns] == names


def test_types_are_flat_and_the_rest_is_left_out_with_a_reason() -> None:
    table = pa.table(
        {
            "kind": pa.array(["a", "b"]).dictionary_encode(),
            "big": pa.array(["x", None], pa.large_string()),
            "view": pa.array(["x", "y"], pa.string_view()),
            "price": pa.array([decimal.Decimal("1.25"), None]),
            "when": pa.array([0, 1], pa.timestamp("us")),
            "small": pa.array([1, 2], pa.int8()),
            "half": pa.array([0.5, 1.5], pa.float16()),
            "spectrum": pa.array([[1.0], [2.0]]),
            "blob": pa.array([b"a", b"b"]),
            "none": pa.nulls(2),
        }
    )
    plan = plan_catalogue(table.schema, ())
    taken = take_catalogue(table, plan)
    types = {name: str(column.type) for name, column in taken.items()}
    assert types == {
        "kind": "string",
        "big": "string",
        "view": "string",
        "price": "double",
        "when": "timestamp[us]",
        "small": "int8",
        "half": "halffloat",
    }
    assert taken["kind"].to_pylist() == ["a", "b"]
    assert taken["price"].to_pylist() == [1.25, None]
    assert set(plan.left_out) == {"spectrum", "blob", "none"}
    assert "nested" in plan.left_out["spectrum"]


def test_a_wanted_column_that_is_missing_is_named_with_those_there_are() -> None:
    with pytest.raises(SourceError, match='no column "z"; there are: a, b'):
        plan_catalogue(pa.schema([("a", pa.int8()), ("b", pa.int8())]), (), ["z"])


def test_text_that_is_not_utf8_is_refused() -> None:
    bad = pa.array([b"\xff"]).cast(pa.binary()).view(pa.string())
    table = pa.table({"a": bad})
    with pytest.raises(SourceError, match='"a" cannot be read as string'):
        take_catalogue(table, plan_catalogue(table.schema, ()))


@given(st.lists(st.integers(-(2**63), 2**63 - 1)))
def test_whole_number_ids_survive(values: list[int]) -> None:
    ids = as_ids(chunked(pa.array(values, pa.int64())), "id")
    assert ids.type == pa.int64()
    assert ids.to_pylist() == values


@given(st.lists(st.text(min_size=1)))
def test_text_ids_are_kept_as_given(values: list[str]) -> None:
    for kind in (pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())):
        ids = as_ids(chunked(pa.array(values, pa.string()).cast(kind)), "id")
        assert ids.type == pa.string()
        assert ids.to_pylist() == values


@given(st.lists(st.integers(0, 2**64 - 1), min_size=1))
def test_unsigned_ids_are_int64_or_refused(values: list[int]) -> None:
    column = chunked(pa.array(values, pa.uint64()))
    if max(values) < 2**63:
        assert as_ids(column, "id").to_pylist() == values
    else:
        with pytest.raises(SourceError, match="cast it to text"):
            as_ids(column, "id")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (pa.array(["a", None, ""]), "2 rows without an id"),
        (pa.array([1, None]), "1 rows without an id"),
        (pa.array([1.0, 2.0]), "type double; ids are whole numbers or text"),
        (pa.array([True]), "type bool"),
        (pa.array([b"a"]), "type binary"),
        (pa.array([0], pa.timestamp("s")), "type timestamp"),
    ],
)
def test_other_ids_are_refused(values: pa.Array, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        as_ids(chunked(values), "id")


def test_ids_join_in_order_and_may_be_none_at_all() -> None:
    ids = chunked(pa.array(["a", "b"]), pa.array(["c"]))
    assert join_ids(ids).to_pylist() == ["a", "b", "c"]
    assert join_ids(pa.chunked_array([], pa.int64())).type == pa.int64()


@given(st.lists(st.tuples(numbers, numbers), max_size=20))
def test_positions_are_on_the_sky_or_not_valid(pairs: list[tuple[float, float]]) -> None:
    ra, dec = np.array(pairs, dtype=float).reshape(-1, 2).T
    clean_ra, clean_dec, valid = clean_positions(ra, dec)
    expected = [-180 <= a <= 360 and -90 <= d <= 90 for a, d in pairs]
    assert valid.tolist() == expected
    assert np.all((clean_ra >= 0) & (clean_ra < 360))
    assert np.array_equal(clean_dec[valid], dec[valid])
    turns = (clean_ra[valid] - ra[valid]) / 360
    assert np.allclose(turns, np.round(turns), atol=1e-12)


@given(st.floats(0, 360, exclude_max=True))
def test_positions_in_range_are_unchanged(ra: float) -> None:
    assert clean_positions(np.array([ra]), np.array([0.0]))[0][0] == ra


def test_missing_and_impossible_positions_are_null_and_the_latter_counted() -> None:
    table = pa.table(
        {
            "a": pa.array([10.0, -10.0, None, 400.0, float("nan"), 360.0, 5.0]),
            "d": pa.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 91.0]),
        }
    )
    columns, refused = read_positions(table, "a", "d")
    assert columns["ra"].to_pylist() == [10.0, 350.0, None, None, None, 0.0, None]
    assert columns["dec"].to_pylist() == [1.0, 2.0, None, None, None, 6.0, None]
    assert refused == 3
