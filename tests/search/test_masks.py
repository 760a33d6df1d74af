from __future__ import annotations

import shutil
import threading
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from skylore.archive.sky import healpix_29
from skylore.archive.table import Archive
from skylore.search.filters import predicate_for
from skylore.search.masks.evaluate import in_cells
from skylore.search.masks.layout import FOLDER, columns_to_copy
from skylore.search.masks.service import build_masks, masks_missing, rows_matching
from skylore.search.masks.store import BLOCK
from skylore.search.masks.translate import translate
from skylore.search.masks.tree import Predicate
from skylore.search.predicate import compile_predicate
from skylore.search.query import Query

NUMBERS = {
    "d": pa.float64(),
    "f": pa.float32(),
    "l": pa.int64(),
    "i": pa.int32(),
    "s": pa.int16(),
    "u": pa.uint8(),
}
ROWS = 3 * BLOCK + 100


def values_of(kind: pa.DataType, rows: int, rng: np.random.Generator) -> pa.Array:
    """Draw values that are often equal, at the ends of their range, or null."""
    if pa.types.is_floating(kind):
        special = [0.0, -0.0, 0.1, 1.5, -1.5, 1e30, -1e-30, np.inf, -np.inf]
        drawn = np.where(
            rng.random(rows) < 0.3, rng.choice(special, rows), rng.normal(0, 2, rows).round(1)
        ).astype(kind.to_pandas_dtype())
    else:
        bounds = np.iinfo(kind.to_pandas_dtype())
        special = [bounds.min, bounds.max, bounds.max - 1, 0, 1, 2]
        special += [2**53, 2**53 + 1, -(2**53) - 1] if bounds.bits == 64 else []
        small = rng.integers(max(bounds.min, -5), 6, rows)
        odd = np.array(special, object)[rng.integers(0, len(special), rows)]
        drawn = np.array(
            [o if r else v for o, r, v in zip(odd, rng.random(rows) < 0.3, small, strict=True)]
        )
        drawn = drawn.astype(kind.to_pandas_dtype())
    return pa.array(drawn, kind, mask=rng.random(rows) < 0.1)


def make(path: Path, rows: int = ROWS, seed: int = 0) -> Archive:
    rng = np.random.default_rng(seed)
    archive = Archive.create(path)
    archive.add_columns(
        [pa.field(name, kind) for name, kind in NUMBERS.items()]
        + [pa.field("b", pa.bool_()), pa.field("t", pa.string()), pa.field("empty", pa.float32())]
    )
    for part, count in enumerate((rows - BLOCK - 7, BLOCK + 7)):
        archive.append(batch(count, rng, f"{part}"))
    archive.objects.delete("id LIKE '%7'")
    archive.refresh()
    return archive


def batch(rows: int, rng: np.random.Generator, name: str) -> pa.Table:
    ra, dec = rng.uniform(0, 360, rows), np.degrees(np.arcsin(rng.uniform(-1, 1, rows)))
    order = np.argsort(healpix_29(ra, dec))
    ra, dec = ra[order], dec[order]
    nowhere = rng.random(rows) < 0.02
    position = {"ra": ra, "dec": dec, "_healpix_29": healpix_29(ra, dec)}
    columns = {k: pa.array(v, mask=nowhere) for k, v in position.items()}
    columns |= {k: values_of(kind, rows, rng) for k, kind in NUMBERS.items()}
    columns["b"] = pa.array(rng.random(rows) < 0.5, mask=rng.random(rows) < 0.1)
    columns["t"] = pa.array(rng.choice(["a", "b"], rows))
    return pa.table({"id": [f"{name}-{i}" for i in range(rows)], **columns})


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    made = make(tmp_path_factory.mktemp("masks") / "a.skylore")
    built = build_masks(made)
    assert built is not None
    assert built.copies > 0
    assert masks_missing(made) == 0
    return made


def by_lance(archive: Archive, where: str) -> list[int]:
    table = archive.objects.to_table(columns=[], filter=where, with_row_id=True)
    return sorted(table["_rowid"].to_pylist())


def translated(archive: Archive, where: str) -> Predicate | None:
    return translate(where, {n: archive.schema.field(n).type for n in columns_to_copy(archive)})


def check(archive: Archive, where: str, *, fast: bool = True) -> int:
    """Demand the engine's own answer; returns how many rows that is."""
    assert (translated(archive, where) is not None) == fast, where
    found = rows_matching(archive, where)
    assert found.dtype == np.uint64
    assert found.tolist() == by_lance(archive, where), where
    return len(found)


fractions = st.sampled_from([0.1, 1.5, -1.5, 0.25, -0.5, 1e30, -1e-30, 3.7]).map(repr)
whole = st.integers(-3, 3).map(str)
names = st.sampled_from(list(NUMBERS))
relations = st.sampled_from(["<", "<=", ">", ">=", "=", "!="])


def numbers_for(name: str) -> st.SearchStrategy[str]:
    if name == "u":
        return st.integers(0, 255).map(str)
    large = st.sampled_from([2**53 - 1, 2**53, 2**53 + 1, 2**63 - 1, -(2**63) + 1]).map(str)
    return st.one_of(whole, fractions, large) if name == "l" else st.one_of(whole, fractions)


comparisons = names.flatmap(
    lambda n: st.one_of(
        st.builds("{0} {1} {2}".format, st.just(n), relations, numbers_for(n)),
        st.builds("{2} {1} {0}".format, st.just(n), relations, numbers_for(n)),
        st.builds("{0} BETWEEN {1} AND {2}".format, st.just(n), numbers_for(n), numbers_for(n)),
        st.builds(
            "{0} {1} ({2})".format,
            st.just(n),
            st.sampled_from(["IN", "NOT IN"]),
            st.lists(numbers_for(n), min_size=1, max_size=5).map(", ".join),
        ),
        st.builds("{0} IS {1}NULL".format, st.just(n), st.sampled_from(["", "NOT "])),
    )
)
computed = st.builds(
    "{0} {1} {2}".format,
    st.sampled_from(
        ["abs(d)", "sqrt(d)", "d * 2", "d - 0.1", "1 / d", "d / 0", "power(d, 3)", "-d", "d * d"]
    ),
    relations,
    st.one_of(whole, fractions),
)
flags = st.sampled_from(["b", "b = true", "b != true", "b IS NULL", "b IS TRUE", "b IS NOT FALSE"])
predicates = st.recursive(
    st.one_of(comparisons, computed, flags),
    lambda inner: st.one_of(
        st.builds("({0} AND {1})".format, inner, inner),
        st.builds("({0} OR {1})".format, inner, inner),
        st.builds("NOT ({0})".format, inner),
    ),
    max_leaves=6,
)


@settings(max_examples=250, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(predicates)
def test_any_predicate_finds_what_the_engine_finds(archive: Archive, text: str) -> None:
    where = compile_predicate(text, archive.schema.names, ["l", "i", "s", "u"])
    try:
        expected = by_lance(archive, where)
    except (ValueError, OSError):
        with pytest.raises((ValueError, OSError)):
            rows_matching(archive, where)
        return
    assert rows_matching(archive, where).tolist() == expected


@pytest.mark.parametrize(
    "where",
    [
        "`d` < -0.5 OR `f` >= 1.5 AND NOT `b`",
        "`l` = 9007199254740993",
        "CAST(`l` AS DOUBLE) <= 9007199254740992.5",
        "`f` = 0.1",
        "`empty` IS NULL AND `d` > 3",
        "`empty` > 0",
        "NOT (`empty` > 0)",
        "`u` IN (1, 2, 255)",
        "sqrt(`d`) > 1e9",
        "_rowid NOT IN (1, 2, 3) AND `d` > 3",
    ],
)
def test_what_is_answered_from_copies(archive: Archive, where: str) -> None:
    kept = dict.fromkeys(columns_to_copy(archive)) | {"_rowid": None}
    types = {n: archive.schema.field(n).type if n != "_rowid" else pa.uint64() for n in kept}
    assert translate(where, types) is not None
    assert rows_matching(archive, where).tolist() == by_lance(archive, where)


@pytest.mark.parametrize(
    "where",
    ["`t` = 'a'", "ln(`d`) < 0.5", "lower(`t`) = 'a' AND `d` > 1", "`d` > `f`", "`id` LIKE '%3'"],
)
def test_what_only_the_engine_answers(archive: Archive, where: str) -> None:
    assert check(archive, where, fast=False) > 0


@pytest.mark.parametrize("where", ["`t` > 3", "`u` > 300", "nonsense", "`b` > 1", "`i` > 1e300"])
def test_what_the_engine_refuses_is_refused(archive: Archive, where: str) -> None:
    with pytest.raises((ValueError, OSError)):
        rows_matching(archive, where)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.floats(0, 359.9), st.floats(-90, 90), st.floats(-2, 2.2).map(lambda p: 10**p))
def test_regions_of_the_sky(archive: Archive, ra: float, dec: float, size: float) -> None:
    size = min(size, 150)
    asked = [Query.build(cone=f"{ra} {dec} {size}"), Query.build(box=f"{ra} {dec} {size}x{size}")]
    if size < 50 and abs(dec) < 30:
        corners = [(0, 0), (size, 0), (size / 2, size / 2)]
        vertices = tuple(((ra + a) % 360, dec + b) for a, b in corners)
        asked.append(Query.build(polygons=[{"vertices": vertices}], where="d > 0 OR b"))
    for query in asked:
        where = predicate_for(query, archive.schema)
        assert where is not None
        check(archive, where)


def test_a_coverage_map_of_many_ranges(archive: Archive) -> None:
    cells = ",".join(map(str, range(0, 12 * 4**4, 3)))
    where = predicate_for(Query.build(moc=None, mocs=[{"cells": f"4/{cells}"}]), archive.schema)
    assert where is not None
    assert check(archive, where) > 1000


@given(
    st.lists(st.tuples(st.integers(0, 2**50), st.integers(0, 2**45)), min_size=1, max_size=8),
    st.integers(0, 2**32),
)
def test_cells_in_ranges(given_ranges: list[tuple[int, int]], seed: int) -> None:
    starts, lengths = np.array(sorted(given_ranges), np.int64).T
    first, last = starts, np.maximum.accumulate(starts + lengths)
    rng = np.random.default_rng(seed)
    near = np.concatenate([first, last, first - 1, last + 1])
    cells = np.concatenate([near, rng.integers(0, 12 * 4**29, 200), [-1, 12 * 4**29, 2**62]])
    expected = np.any((cells[:, None] >= first) & (cells[:, None] <= last), axis=1)
    assert np.array_equal(in_cells(cells, first, last), expected)


def test_text_that_looks_like_cells_is_left_alone(archive: Archive) -> None:
    pair = "(_healpix_29 >= 1 AND _healpix_29 <= 2) OR (_healpix_29 >= 5 AND _healpix_29 <= 9)"
    assert check(archive, f"`t` = '{pair}'", fast=False) == 0
    assert translated(archive, f"`t` = '__cells_0' OR ({pair})") is None


def test_changes_are_seen(tmp_path: Path) -> None:
    archive = make(tmp_path / "a.skylore", 2 * BLOCK)
    build_masks(archive)
    before = check(archive, "`d` > 1")
    archive.append(batch(50, np.random.default_rng(9), "new"))
    assert check(archive, "`d` > 1") > before
    archive.objects.delete("`u` < 3")
    archive.refresh()
    assert masks_missing(archive) > 0
    check(archive, "`d` > 1")
    some = archive.read(["id", "d"], where="d > 1", row_ids=True).slice(0, 40)
    archive.write(pa.table({"_rowid": some["_rowid"], "d": pa.array([-5.0] * some.num_rows)}))
    after = check(archive, "`d` > 1")
    archive.compact()
    assert check(archive, "`d` > 1") == after
    built = build_masks(archive)
    assert built is not None
    assert built.dropped > 0
    assert check(archive, "`d` > 1") == after
    earlier = Archive.open(tmp_path / "a.skylore", version=archive.versions[-3].number)
    check(earlier, "`d` > 1")


def test_copies_may_be_lost_at_any_time(tmp_path: Path) -> None:
    archive = make(tmp_path / "a.skylore", 2 * BLOCK)
    build_masks(archive)
    folder = archive.location.folder / FOLDER
    for file in list(folder.iterdir())[::2]:
        file.unlink()
    check(Archive.open(archive.location.root), "`d` > 1 AND `f` < 0")
    rows_matching(archive, "`i` > 1")
    shutil.rmtree(folder)
    check(archive, "`d` < 0")
    build_masks(archive)
    check(archive, "`d` < 1")


def test_building_goes_on_where_it_stopped(tmp_path: Path) -> None:
    archive = make(tmp_path / "a.skylore", 2 * BLOCK)

    def stop(done: int, _total: int) -> None:
        if done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_masks(archive, stop)
    missing = masks_missing(archive)
    check(archive, "`d` > 1")
    told: list[tuple[int, int]] = []
    built = build_masks(archive, lambda done, total: told.append((done, total)))
    assert built is not None
    assert built.copies == missing == len(told)
    assert told[-1] == (missing, missing)


def test_threads_share_the_copies(archive: Archive) -> None:
    opened = Archive.open(archive.location.root)
    expected = {w: by_lance(opened, w) for w in (f"`d` > {i}" for i in range(6))}
    wrong: list[str] = []

    def ask() -> None:
        wrong.extend(w for w, rows in expected.items() if rows_matching(opened, w).tolist() != rows)

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_answers_are_kept_within_a_bound(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    from skylore.search.masks import service

    monkeypatch.setattr(service, "CACHE_BYTES", 100_000)
    opened = Archive.open(archive.location.root)
    first = rows_matching(opened, "`d` > 0")
    assert rows_matching(opened, "`d` > 0") is first
    for number in range(20):
        rows_matching(opened, f"`d` > 0.{number:02}")
    again = rows_matching(opened, "`d` > 0")
    assert again is not first
    assert np.array_equal(again, first)
    with pytest.raises(ValueError, match="read-only"):
        again[0] = 1


def test_fragments_without_any_copy_are_answered_for(tmp_path: Path) -> None:
    archive = make(tmp_path / "a.skylore", 2 * BLOCK)
    names = columns_to_copy(archive)
    rows = archive.read(["id", *names])
    filled = [pc.fill_null(rows[name], pa.scalar(0).cast(rows[name].type)) for name in names]
    whole = pa.table([rows["id"], *filled], names=["id", *names])
    for prefix in ("first", "then"):
        ids = pc.binary_join_element_wise(prefix, whole["id"].cast(pa.string()), "-")
        archive.append(whole.set_column(0, "id", ids))
        archive.refresh()
        if prefix == "first":
            build_masks(archive)
    check(archive, "`d` > 0.5")
    check(archive, "`i` > 1 OR `u` < 20")
