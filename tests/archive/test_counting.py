from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skylore.archive import counting
from skylore.archive.keeping import Kept
from skylore.archive.table import Archive

ROWS = 40
KINDS = {
    "vector": pa.list_(pa.float32(), 4),
    "texts": pa.list_(pa.string()),
    "vectors": pa.list_(pa.list_(pa.float32(), 2)),
    "number": pa.float64(),
    "flag": pa.bool_(),
    "picture": pa.binary(),
    "pair": pa.struct([("a", pa.int64()), ("b", pa.string())]),
}
VALUES = {
    "vector": [1.0, 2.0, 3.0, 4.0],
    "texts": ["a"],
    "vectors": [[1.0, 2.0]],
    "number": 1.5,
    "flag": False,
    "picture": b"x" * 3000,
    "pair": {"a": 1, "b": None},
}


def objects(names: list[str], rng: np.random.Generator, share: float) -> pa.Table:
    """Make objects of which a share has a value in each column; empty lists are values."""
    columns: dict[str, pa.Array] = {"id": pa.array(names)}
    for name, kind in KINDS.items():
        empty = [] if name in ("texts", "vectors") else VALUES[name]
        given = [VALUES[name] if i % 2 else empty for i in range(len(names))]
        there = rng.random(len(names)) < share
        columns[name] = pa.array(
            [v if t else None for v, t in zip(given, there, strict=True)], kind
        )
    return pa.table(columns)


def counts(archive: Archive) -> dict[str, tuple[int, int]]:
    return {
        name: (archive.filled(name), archive.count(f"`{name}` IS NOT NULL"))
        for name in ("id", "image", *KINDS)
    }


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    archive = Archive.create(tmp_path / "a.skylore")
    archive.add_columns([pa.field(name, kind) for name, kind in KINDS.items()])
    return archive


def test_values_are_counted_as_the_engine_counts_them(archive: Archive) -> None:
    rng = np.random.default_rng(0)
    for turn, share in enumerate((1.0, 0.6, 0.0, 1.0)):
        archive.append(objects([f"g{turn}-{i}" for i in range(ROWS)], rng, share))
        archive.refresh()
        assert all(ours == theirs for ours, theirs in counts(archive).values())
    archive.delete(where="id LIKE '%7'")
    assert all(ours == theirs for ours, theirs in counts(archive).values())
    rows = archive.read(["id"], where="number IS NULL", row_ids=True)["_rowid"].slice(0, 11)
    archive.write(pa.table({"_rowid": rows, "number": np.ones(len(rows))}))
    assert all(ours == theirs for ours, theirs in counts(archive).values())
    archive.compact()
    assert all(ours == theirs for ours, theirs in counts(archive).values())
    assert archive.filled("image") == 0


def test_full_columns_and_known_fragments_are_not_read(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(1)
    archive.append(objects([f"a{i}" for i in range(ROWS)], rng, 1.0))
    archive.append(objects([f"b{i}" for i in range(ROWS)], rng, 0.5))
    archive.refresh()
    read, count = [], counting._read

    def watched(objects: object, column: str, fragments: list[object]) -> object:
        read.append(len(fragments))
        return count(objects, column, fragments)  # type: ignore[arg-type]

    monkeypatch.setattr(counting, "_read", watched)
    assert archive.filled("vector") > ROWS
    assert archive.filled("id") == 2 * ROWS
    archive.append(objects([f"c{i}" for i in range(ROWS)], rng, 0.5))
    later = archive.latest()
    assert later.filled("vector") == later.count("vector IS NOT NULL")
    assert read == [1, 0, 1]


@given(st.integers(2, 6))
def test_what_many_ask_for_is_made_once(threads: int) -> None:
    from concurrent.futures import ThreadPoolExecutor

    kept, made = Kept(), []

    def make() -> int:
        made.append(1)
        return len(made)

    with ThreadPoolExecutor(threads) as pool:
        found = list(pool.map(lambda _: kept.get("key", make), range(threads)))
    assert found == [1] * threads
