"""Listings in the order of a column: exact, with ties by id and gaps last."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.archives import vectors_archive
from skylore.archive.table import Archive
from skylore.errors import QueryError
from skylore.search.origin import describe
from skylore.search.query import Query
from skylore.search.sort import Sort


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    archive, _ = vectors_archive(tmp_path_factory.mktemp("sorted") / "a.skylore", rows=200)
    values = np.random.default_rng(1).integers(0, 12, 200).astype(float)
    holed = pa.array(values, mask=np.arange(200) % 7 == 0)
    # NaN is what some tools write for "no value", and no larger than anything.
    holed = pa.array([float("nan") if i % 11 == 5 else v for i, v in enumerate(holed.to_pylist())])
    archive.add_columns([pa.field("odd", pa.float64())])
    more = archive.read(["id"]).set_column(0, "id", [[f"h{i:05d}" for i in range(200)]])
    archive.append(more.append_column("odd", holed))
    return archive


def expected(archive: Archive, *, descending: bool, prefix: str = "") -> list[str]:
    rows = archive.read(["id", "odd"]).to_pylist()
    there = [r for r in rows if r["odd"] is not None and not np.isnan(r["odd"])]
    there.sort(key=lambda r: (-r["odd"] if descending else r["odd"], r["id"]))
    gaps = sorted({r["id"] for r in rows} - {r["id"] for r in there})
    found = [str(r["id"]) for r in there] + gaps
    return [name for name in found if name.startswith(prefix)]


@pytest.mark.parametrize("descending", [False, True])
def test_pages_join_in_order_with_gaps_last(archive: Archive, descending: bool) -> None:
    sort = Sort(column="odd", descending=descending)
    pages = [archive.search(sort=sort, k=70, offset=o) for o in range(0, 420, 70)]
    assert [h.id for p in pages for h in p] == expected(archive, descending=descending)
    assert "odd" in pages[0].table.column_names
    assert pages[0].plan.reason.endswith("ordered by odd desc" if descending else "by odd")


def test_filters_hold_and_other_types_are_ordered(archive: Archive) -> None:
    found = archive.search(sort="odd desc", where="id >= 'h'", k=400)
    assert [h.id for h in found] == expected(archive, descending=True, prefix="h")
    names = [h.id for h in archive.search(sort="id desc", k=400)]
    assert names == sorted(names, reverse=True)
    captions = [h.columns["caption"] for h in archive.search(sort="caption", k=200)]
    assert captions == sorted(captions)


def test_what_has_no_order_is_refused(archive: Archive) -> None:
    for sort, why in (("image_vector", "no order"), ("oddness", "no column 'oddness'")):
        with pytest.raises(QueryError, match=why):
            archive.search(sort=sort)
    with pytest.raises(QueryError, match="ordered by likeness"):
        archive.search(like="g00001", sort="odd")


def test_it_is_part_of_the_query_and_told() -> None:
    query = Query.build(sort="`my mag` desc", where="mag < 3")
    assert query.sort == Sort(column="my mag", descending=True)
    assert Query.model_validate_json(query.model_dump_json()) == query
    assert describe(query) == "all objects where mag < 3 by `my mag` desc"


@given(st.text(min_size=1).filter(str.strip), st.booleans())
def test_written_orders_are_read_back(name: str, descending: bool) -> None:
    sort = Sort(column=name.strip(), descending=descending)
    if name.strip()[0] not in '`"':
        assert Sort.parse(str(sort)) == sort


def test_order_in_a_small_archive_of_whole_numbers(tmp_path: Path) -> None:
    archive = Archive.create(tmp_path / "n.skylore", id_type=pa.int64())
    archive.add_columns([pa.field("n", pa.int32())])
    archive.append(pa.table({"id": [1, 2, 3, 4], "n": pa.array([2, None, 7, 2], pa.int32())}))
    assert [h.id for h in archive.search(sort="n desc")] == [3, 1, 4, 2]
