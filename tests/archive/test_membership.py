from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skylore.archive import hashing, membership
from skylore.archive.hashing import alike, hashed_ids
from skylore.archive.membership import known_ids
from skylore.archive.table import Archive

texts = st.lists(st.text(max_size=20), max_size=30)


@given(texts)
def test_equal_ids_have_equal_numbers_and_others_not(ids: list[str]) -> None:
    numbers = hashed_ids(pa.array(ids, pa.string()))
    assert len(set(numbers.tolist())) == len(set(ids))
    alone = [int(hashed_ids(pa.array([i], pa.string()))[0]) for i in ids]
    assert numbers.tolist() == alone
    sliced = pa.array(["before", *ids], pa.string()).slice(1)
    assert hashed_ids(sliced).tolist() == alone


@given(st.lists(st.integers(-(2**63), 2**63 - 1), unique=True))
def test_integers_are_their_own_numbers(ids: list[int]) -> None:
    assert len(np.unique(hashed_ids(pa.array(ids, pa.int64())))) == len(ids)


def found(archive: Archive, ids: pa.Array) -> dict[int, object]:
    places: dict[int, object] = {}
    for where, table in known_ids(archive, ids, ["source"]):
        assert ids.take(pa.array(where)).to_pylist() == table["id"].to_pylist()
        places.update(zip(where.tolist(), table["source"].to_pylist(), strict=True))
    return places


@pytest.mark.parametrize("indexed", [False, True])
def test_finds_what_is_there(
    tmp_path: Path, indexed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = Archive.create(tmp_path / "a.skylore")
    names = [f"galaxy {i}" for i in range(3000)]
    archive.append(pa.table({"id": names, "source": names}))
    archive.delete(ids=["galaxy 7"])
    if indexed:
        archive.objects.create_scalar_index("id", "BTREE")
        archive.refresh()
        archive.append(pa.table({"id": ["later"], "source": ["later"]}))
        archive.refresh()
        monkeypatch.setattr(membership, "FEW", 100)
    ids = pa.array(["galaxy 5", "nothing", "galaxy 7", "galaxy 2999", "", "later", "galaxy 5"])
    expected = {0: "galaxy 5", 3: "galaxy 2999"} | ({5: "later"} if indexed else {})
    assert found(archive, ids) == expected
    assert found(archive, pa.array([], pa.string())) == {}


def test_numbers_that_collide_are_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = Archive.create(tmp_path / "a.skylore")
    archive.append(pa.table({"id": ["a", "bb", "c"], "source": ["a", "bb", "c"]}))

    def lengths(ids: pa.Array) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
        return pa.compute.utf8_length(ids).to_numpy(zero_copy_only=False).astype(np.uint64)

    monkeypatch.setattr(hashing, "hashed_ids", lengths)
    assert found(archive, pa.array(["x", "c", "yy", "bb", "a"])) == {1: "c", 3: "bb", 4: "a"}
    assert alike(pa.array(["x", "yy", "y"])).tolist() == [0, 2]


@given(st.lists(st.sampled_from(["", "a", "b", "ab", "galaxy 7"]), max_size=12))
def test_those_that_repeat_are_alike(ids: list[str]) -> None:
    expected = [place for place, name in enumerate(ids) if ids.count(name) > 1]
    assert alike(pa.array(ids, pa.string())).tolist() == expected
