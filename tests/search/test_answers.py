from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from search.archives import vectors_archive
from skylore.archive.sky import separation
from skylore.archive.table import Archive
from skylore.errors import ColumnError, EncoderMismatchError, FilterError, QueryError
from skylore.search.index import build_indexes
from skylore.search.query import PositionTerm, Query, Range


def reference(archive: Archive, vector: np.ndarray, keep: np.ndarray | None = None) -> list[str]:
    """Rank by brute force in NumPy: similarity as the engine rounds it, then id."""
    ids = np.array(archive.read(["id"])["id"].to_pylist())
    stored = np.array(archive.read(["image_vector"])["image_vector"].to_pylist())
    scores = np.round(stored @ (vector / np.linalg.norm(vector)), 6)
    order = np.lexsort((ids, -scores))
    return [ids[i] for i in order if keep is None or keep[i]]


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    archive, _ = vectors_archive(tmp_path_factory.mktemp("search") / "a.skylore")
    build_indexes(archive)
    return archive


@pytest.fixture(scope="module")
def probe() -> np.ndarray:
    return np.random.default_rng(9).normal(size=16).astype(np.float32)


def ids(results: object) -> list[str]:
    return [hit.id for hit in results]  # type: ignore[attr-defined]


def test_order_is_that_of_brute_force(archive: Archive, probe: np.ndarray) -> None:
    found = archive.search(vector=probe.tolist(), k=100)
    assert ids(found) == reference(archive, probe)[:100]
    assert [hit.rank for hit in found] == list(range(1, 101))
    assert found.plan.method == "exact scan"
    assert found.message is None


def test_ties_are_broken_by_id(tmp_path: Path, probe: np.ndarray) -> None:
    archive, _ = vectors_archive(tmp_path / "ties.skylore", rows=600, repeats=40)
    expected = reference(archive, probe)
    for k in (1, 7, 39, 40, 41, 200):
        assert ids(archive.search(vector=probe.tolist(), k=k)) == expected[:k]


def test_pages_join_without_gap_or_repeat(archive: Archive, probe: np.ndarray) -> None:
    pages = [archive.search(vector=probe.tolist(), k=60, offset=o) for o in range(0, 540, 60)]
    assert [i for page in pages for i in ids(page)] == reference(archive, probe)
    assert pages[1].table["rank"][0].as_py() == 61


def test_every_filter_holds(archive: Archive, probe: np.ndarray) -> None:
    mags = archive.read(["mag"])["mag"].to_numpy(zero_copy_only=False)
    bright = np.array(archive.read(["bright"])["bright"].to_pylist())
    with np.errstate(invalid="ignore"):
        keep = (mags < 20) & (mags > 16.5) & ~bright
    found = archive.search(
        vector=probe.tolist(),
        where="mag < 20 AND NOT bright",
        ranges=[Range(column="mag", minimum=16.5)],
    )
    assert ids(found) == reference(archive, probe, keep)[:20]
    assert found.plan.matching == keep.sum()


def test_integer_columns_take_any_number(tmp_path: Path) -> None:
    archive = Archive.create(tmp_path / "n.skylore", id_type=pa.int64())
    archive.add_columns([pa.field("n", pa.int32())])
    archive.append(pa.table({"id": [1, 2, 3], "n": pa.array([1, 2, 3], pa.int32())}))
    for where in ("n >= 1.5", "n >= 2.0", "n > 0.15e1"):
        assert ids(archive.search(where=where)) == [2, 3]
    assert ids(archive.search(ranges=[Range(column="n", minimum=1.5, maximum=2.5)])) == [2]
    assert ids(archive.search(ranges=[Range(column="n", minimum=2)])) == [2, 3]
    assert ids(archive.search(where="id = 2")) == [2]
    with pytest.raises(FilterError, match="cannot be computed"):
        archive.search(where="n / 0 > 1")


def test_ids_that_look_like_numbers(tmp_path: Path) -> None:
    archive, _ = vectors_archive(tmp_path / "z.skylore", rows=20)
    archive.append(archive.read(["image_vector"], limit=1).append_column("id", [["007"]]))
    assert "007" not in ids(archive.search(like="007"))
    query = Query.build(like="007")
    assert Query.model_validate_json(query.model_dump_json()) == query


def test_null_satisfies_no_comparison(archive: Archive) -> None:
    greater = archive.count("`mag` > 0")
    assert greater == archive.count("`mag` <= 1000") == archive.count("`mag` IS NOT NULL") == 450


@pytest.mark.parametrize(
    "cone", ["10 20 30", "0 0 25", "359.9 -60 10", "120 89 40", "5 -90 30", "1 1 180"]
)
def test_cones_are_exact(archive: Archive, cone: str) -> None:
    ra0, dec0, radius = map(float, cone.split())
    table = archive.read(["id", "ra", "dec"])
    distance = separation(table["ra"].to_numpy(), table["dec"].to_numpy(), ra0, dec0)
    inside = {i for i, d in zip(table["id"].to_pylist(), distance, strict=True) if d <= radius}
    assert set(ids(archive.search(cone=cone, k=1000))) == inside
    assert inside


def test_several_cones_are_joined(archive: Archive) -> None:
    one, other = (set(ids(archive.search(cone=c, k=999))) for c in ("10 20 20", "200 -20 20"))
    assert set(ids(archive.search(cone=["10 20 20", "200 -20 20"], k=999))) == one | other


def test_says_when_fewer_exist(archive: Archive, probe: np.ndarray) -> None:
    few = archive.search(vector=probe.tolist(), where="mag < 15.1", k=100)
    assert len(few) == few.plan.matching < 100
    assert few.message == f"only {len(few)} objects can be hits"
    nothing = archive.search(vector=probe.tolist(), where="mag < 0")
    assert (len(nothing), nothing.message) == (0, "only 0 objects can be hits")


def test_like_leaves_the_example_out(archive: Archive) -> None:
    found = archive.search(like="g00007", k=499)
    assert "g00007" not in ids(found)
    assert len(found) == 499


def test_position_stands_for_the_nearest_object(archive: Archive) -> None:
    row = archive.read(["id", "ra", "dec"], where="id = 'g00011'").to_pylist()[0]
    term = PositionTerm(ra=row["ra"], dec=min(row["dec"] + 1e-4, 90))
    assert ids(archive.answer(Query(terms=(term,)))) == ids(archive.search(like="g00011"))
    with pytest.raises(QueryError, match="arcsec"):
        archive.answer(Query(terms=(PositionTerm(ra=0, dec=90, radius=1e-6),)))


def test_negative_weight_pushes_away(archive: Archive) -> None:
    plus = Query.model_validate({"terms": [{"kind": "object", "id": "g00001"}], "k": 498})
    minus = {"kind": "object", "id": "g00002", "weight": -1}
    both = Query.model_validate({"terms": [*plus.model_dump()["terms"], minus], "k": 498})
    close = ids(archive.search(like="g00002"))[0]
    assert ids(archive.answer(both)).index(close) > ids(archive.answer(plus)).index(close)


def test_terms_that_cancel(archive: Archive) -> None:
    terms = [{"kind": "object", "id": "g00001"}, {"kind": "object", "id": "g00001", "weight": -1}]
    with pytest.raises(QueryError, match="cancel"):
        archive.answer(Query.model_validate({"terms": terms}))


def test_words_and_hybrid(archive: Archive, probe: np.ndarray) -> None:
    found = archive.search("spiral with arms", mode="text", k=300)
    assert {hit.columns["caption"] for hit in found} == {"blue spiral arms"}
    assert len(found) == 125
    assert archive.search("spiral", where="mag < 18", mode="text").plan.method == "full text"
    assert archive.search("spirals").plan.method == "full text"


def test_words_without_an_alignment(archive: Archive) -> None:
    with pytest.raises(EncoderMismatchError, match="skylore align"):
        archive.search("spiral", mode="vector")
    with pytest.raises(EncoderMismatchError, match="skylore align"):
        archive.search("spiral", mode="hybrid")


def test_image_against_given_vectors(archive: Archive) -> None:
    with pytest.raises(EncoderMismatchError, match="ready-made"):
        archive.search(image=b"whatever")


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"like": "nobody"}, QueryError),
        ({"vector": [1.0, 2.0]}, EncoderMismatchError),
        ({"vector": [0.0] * 16}, QueryError),
        ({"like": "g00001", "where": "nothing > 3"}, FilterError),
        ({"like": "g00001", "where": "mag"}, FilterError),
        ({"where": "mag + 1"}, FilterError),
        ({"where": "caption > 3 AND bright + 2 > 'x'"}, FilterError),
        ({"like": "g00001", "columns": ("nothing",)}, ColumnError),
        ({"text": "x", "minus": "y", "mode": "text"}, QueryError),
        ({"where": "id = '\ud800'"}, QueryError),
        ({"text": "\x00 \x01"}, QueryError),
    ],
)
def test_errors(archive: Archive, arguments: dict[str, object], error: type[Exception]) -> None:
    with pytest.raises(error):
        archive.search(**arguments)


def test_archive_without_vectors_or_captions(tmp_path: Path) -> None:
    archive = Archive.create(tmp_path / "empty.skylore")
    assert len(archive.search()) == 0
    with pytest.raises(ColumnError, match="skylore embed"):
        archive.search("spiral")


def test_columns_asked_for(archive: Archive) -> None:
    hit = next(iter(archive.search(like="g00003", columns=("mag", "ra"), k=1)))
    assert set(hit.columns) == {"mag", "ra"}
    answer = archive.search(where="mag IS NULL", columns=("mag",), k=1).to_json()
    assert answer["hits"][0] == {
        "rank": 1,
        "id": answer["hits"][0]["id"],
        "score": None,
        "mag": None,
    }


def test_filters_are_remembered_for_one_version_only(tmp_path: Path, probe: np.ndarray) -> None:
    archive, _ = vectors_archive(tmp_path / "r.skylore", rows=60)
    for _ in range(2):
        with pytest.raises(FilterError, match="does not fit its columns"):
            archive.search(vector=probe.tolist(), where="caption + 1 > 2")
    before = ids(archive.search(vector=probe.tolist(), where="mag < 18", k=60))
    archive.delete(ids=before[:1])
    archive.refresh()
    assert ids(archive.search(vector=probe.tolist(), where="mag < 18", k=60)) == before[1:]
    with pytest.raises(FilterError, match="no column 'faint'"):
        archive.search(vector=probe.tolist(), where="faint")
    archive.add_columns([pa.field("faint", pa.bool_())])
    archive.refresh()
    assert ids(archive.search(vector=probe.tolist(), where="faint IS NULL", k=3)) != []
