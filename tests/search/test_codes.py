from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from search.archives import vectors_archive
from skylore.archive.checking.finding import Scope
from skylore.archive.table import Archive
from skylore.search.codes.checks import codes
from skylore.search.codes.manifest import Manifest, folder_of
from skylore.search.codes.options import CodeOptions
from skylore.search.codes.view import view_of
from skylore.search.index import IndexOptions, build_indexes
from skylore.search.ranking import by_codes
from skylore.search.row_sets import RowSet

COLUMN = "image_vector"
OPTIONS = IndexOptions(
    vector_rows=1000, codes=CodeOptions(bytes_a_row=32, segment_rows=1024, progress=False)
)


def coded(path: Path, rows: int = 4000, **given: int) -> tuple[Archive, np.ndarray]:
    archive, vectors = vectors_archive(path, rows=rows, dimension=48, **given)
    assert any("codes of 32 bytes" in line for line in build_indexes(archive, OPTIONS))
    return archive, vectors


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Archive, np.ndarray]:
    return coded(tmp_path_factory.mktemp("codes") / "a.skylore")


def queries(count: int, seed: int = 5) -> list[list[float]]:
    return np.random.default_rng(seed).normal(size=(count, 48)).astype(np.float32).tolist()


def ids(results: object) -> list[str]:
    return [hit.id for hit in results]  # type: ignore[attr-defined]


def shares(archive: Archive, k: int, where: str | None = None, **given: float) -> list[float]:
    found = []
    for vector in queries(12):
        exact = ids(archive.search(vector=vector, k=k, where=where, exact=True))
        quick = archive.search(vector=vector, k=k, where=where, **given)
        assert quick.plan.method != "exact scan"
        found.append(len(set(exact) & set(ids(quick))) / max(len(exact), 1))
        assert len(quick) == len(exact)
    return found


@pytest.mark.parametrize("where", [None, "mag < 20", "mag < 16", "mag < 15.1 AND bright"])
@pytest.mark.parametrize("recall", [0.8, 0.95, 0.99])
def test_recall_is_kept(
    built: tuple[Archive, np.ndarray], where: str | None, recall: float
) -> None:
    assert np.mean(shares(built[0], 50, where, recall=recall)) >= recall


def test_recall_of_one_is_exact(built: tuple[Archive, np.ndarray]) -> None:
    found = built[0].search(vector=queries(1)[0], recall=1.0)
    assert (found.plan.method, found.work) == ("exact scan", None)


def test_scores_are_those_of_the_vectors(built: tuple[Archive, np.ndarray]) -> None:
    archive, vectors = built
    order = archive.read(["id"])["id"].to_pylist()
    query = np.array(queries(1)[0])
    expected = dict(zip(order, vectors @ (query / np.linalg.norm(query)), strict=True))
    for hit in archive.search(vector=query.tolist(), k=200):
        assert hit.score == pytest.approx(expected[str(hit.id)], abs=2e-6)


def test_every_hit_passes_the_filters(built: tuple[Archive, np.ndarray]) -> None:
    archive, _ = built
    for where in ("mag > 21", "bright AND mag > 16", "ra < 3"):
        passing = set(archive.read(["id"], where=where)["id"].to_pylist())
        found = archive.search(vector=queries(1)[0], where=where, k=5000)
        assert set(ids(found)) == passing
        assert found.plan.matching == len(passing)
        assert found.message == f"only {len(passing)} objects can be hits"


def test_ties_are_broken_by_id_across_segments(tmp_path: Path) -> None:
    archive, _ = coded(tmp_path / "t.skylore", repeats=60)
    vector = queries(1)[0]
    whole = ids(archive.search(vector=vector, k=400, exact=True))
    for k in (1, 59, 60, 61, 180, 199):
        assert ids(archive.search(vector=vector, k=k, recall=0.999)) == whole[:k]


def test_examples_are_left_out(built: tuple[Archive, np.ndarray]) -> None:
    archive, _ = built
    for where in (None, "mag < 20"):
        found = archive.search(like="g00007", k=30, where=where)
        assert "g00007" not in ids(found)
        assert len(found) == 30
        exact = archive.search(like="g00007", k=30, where=where, exact=True)
        assert found.plan.matching == exact.plan.matching


def test_appended_rows_are_found_before_and_after_indexing(tmp_path: Path) -> None:
    archive, vectors = coded(tmp_path / "n.skylore")
    before = set(Manifest.load(folder_of(archive.location, COLUMN)).segments)  # type: ignore[union-attr]
    new = archive.read([COLUMN, "caption"], limit=3)
    archive.append(new.append_column("id", [["new1", "new2", "new3"]]))
    archive.refresh()
    vector = vectors[0].tolist()
    found = archive.search(vector=vector, k=2)
    assert found.plan.method == "scan codes"
    assert "new1" in ids(found)
    lines = build_indexes(archive, OPTIONS)
    assert any("for 3 rows" in line for line in lines)
    after = set(Manifest.load(folder_of(archive.location, COLUMN)).segments)  # type: ignore[union-attr]
    assert before < after
    assert "new1" in ids(archive.search(vector=vector, k=2))
    assert build_indexes(archive, OPTIONS) == []


def test_deleted_rows_vanish(tmp_path: Path) -> None:
    archive, _ = coded(tmp_path / "d.skylore")
    vector = queries(1)[0]
    gone = ids(archive.search(vector=vector, k=10))
    names = ", ".join(f"'{name}'" for name in gone)
    archive.objects.delete(f"id IN ({names})")
    archive.refresh()
    for where in (None, "mag > 15"):
        found = archive.search(vector=vector, k=40, where=where)
        exact = archive.search(vector=vector, k=40, where=where, exact=True)
        assert not set(gone) & set(ids(found))
        assert len(set(ids(found)) & set(ids(exact))) >= 38
    earlier = Archive.open(archive.location.root, version=archive.version - 1)
    assert ids(earlier.search(vector=vector, k=10)) == gone


def test_rewritten_vectors_are_not_served_from_old_codes(tmp_path: Path) -> None:
    archive, vectors = coded(tmp_path / "w.skylore")
    rows = archive.read(["id"], limit=300, row_ids=True)
    turned = pa.FixedSizeListArray.from_arrays(pa.array(-vectors[:300].ravel()), 48)
    archive.write(pa.table({"_rowid": rows["_rowid"], COLUMN: turned}))
    target = (-vectors[5]).tolist()
    for _ in range(2):
        best = next(iter(archive.search(vector=target, k=1)))
        assert best.id == rows["id"][5].as_py()
        assert best.score == pytest.approx(1, abs=1e-5)
        build_indexes(archive, OPTIONS)
    view = view_of(archive, COLUMN)
    assert view is not None
    assert view.rows == 4000


def test_rows_without_a_vector_are_no_hits(tmp_path: Path) -> None:
    archive, _ = vectors_archive(tmp_path / "v.skylore", rows=1500, dimension=48)
    archive.append(pa.table({"id": [f"none{i}" for i in range(40)], "mag": [16.0] * 40}))
    archive.refresh()
    build_indexes(archive, OPTIONS)
    found = archive.search(vector=queries(1)[0], where="mag < 17", k=3000)
    exact = archive.search(vector=queries(1)[0], where="mag < 17", k=3000, exact=True)
    assert set(ids(found)) == set(ids(exact))
    assert found.plan.matching == exact.plan.matching


def test_damaged_and_missing_parts_are_built_again(tmp_path: Path) -> None:
    archive, _ = coded(tmp_path / "m.skylore")
    folder = folder_of(archive.location, COLUMN)
    vector = queries(1)[0]
    expected = ids(archive.search(vector=vector, k=20, exact=True))
    manifest = json.loads((folder / "manifest.json").read_text())
    shutil.rmtree(folder / manifest["segments"][0])
    (folder / ".leftover.unfinished").mkdir()
    reopened = Archive.open(archive.location.root)
    assert ids(reopened.search(vector=vector, k=20)) == expected
    build_indexes(reopened, OPTIONS)
    assert reopened.search(vector=vector, k=20).plan.method == "scan codes"
    assert not (folder / ".leftover.unfinished").exists()
    (folder / "manifest.json").write_text("{")
    again = Archive.open(archive.location.root)
    assert ids(again.search(vector=vector, k=20)) == expected
    assert any("for 4000 rows" in line for line in build_indexes(again, OPTIONS))


def test_codes_are_checked_against_the_vectors(built: tuple[Archive, np.ndarray]) -> None:
    archive, _ = built
    scope = Scope(archive)
    assert list(codes(scope)) == []
    folder = folder_of(archive.location, COLUMN)
    manifest = json.loads((folder / "manifest.json").read_text())
    file = folder / manifest["segments"][0] / "codes.npy"
    whole = file.read_bytes()
    file.write_bytes(whole[:-4096] + bytes(4096))
    assert any(finding.wrong for finding in codes(Scope(archive, deep=True)))
    file.write_bytes(whole)


def test_several_lists_are_probed_to_the_recall(tmp_path: Path) -> None:
    archive, _ = coded(tmp_path / "p.skylore", rows=6000)
    view = view_of(archive, COLUMN)
    assert view is not None
    where = RowSet(np.arange(0, 6000, 3, dtype=np.uint64))
    for allowed in (None, where):
        found = []
        for vector in queries(20):
            asked = np.array(vector, np.float32)
            probed, work = by_codes(
                archive, view, asked, 30, allowed, recall=0.95, way="probe lists"
            )
            exact, _ = by_codes(archive, view, asked, 30, allowed, recall=0.999, way="scan codes")
            found.append(len(set(probed["id"].to_pylist()) & set(exact["id"].to_pylist())) / 30)
            assert work.lists > 0
        assert np.mean(found) >= 0.95


def test_many_copies_of_an_object_hide_no_better_ones(tmp_path: Path) -> None:
    archive, _ = vectors_archive(tmp_path / "c.skylore", rows=2000, dimension=48)
    copied = archive.read([COLUMN, "mag"], limit=25)
    for turn in range(40):
        names = [f"copy{turn}-{number}" for number in range(25)]
        archive.append(copied.append_column("id", [names]))
    archive.refresh()
    build_indexes(archive, OPTIONS)
    found = []
    for vector in queries(40, seed=9):
        exact = archive.search(vector=vector, k=20, exact=True)
        lowest = min(float(hit.score or 0) for hit in exact)
        scores = [float(hit.score or 0) for hit in archive.search(vector=vector, k=20)]
        found.append(sum(score >= lowest - 1e-6 for score in scores) / 20)
    assert np.mean(found) >= 0.95
    assert min(found) > 0.5
