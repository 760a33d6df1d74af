from __future__ import annotations

import threading
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pyarrow as pa

from search.archives import vectors_archive
from skylore.archive.sky import cells_of
from skylore.archive.table import Archive
from skylore.search.codes.fragments import to_vectors
from skylore.search.codes.options import CodeOptions
from skylore.search.index import IndexOptions, build_indexes

COLUMN, D = "image_vector", 32
OPTIONS = IndexOptions(
    vector_rows=1000, codes=CodeOptions(bytes_a_row=16, segment_rows=1024, progress=False)
)
FILTERS = (None, "mag < 20", "mag < 16", "ra < 90 AND dec > 0", "bright AND mag > 15.5")
ROUNDS = 8
K = 20


def unit(rows: int, rng: np.random.Generator) -> np.ndarray:
    vectors = rng.normal(size=(rows, D)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def as_column(vectors: np.ndarray) -> pa.Array:
    return pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), D)


def write(path: Path) -> None:
    """Append, delete, turn vectors, index and compact, in a process of its own."""
    rng = np.random.default_rng(1)
    archive = Archive.open(path)
    for turn in range(ROUNDS):
        mag = rng.uniform(15, 22, 300)
        sky = {"ra": rng.uniform(0, 360, 300), "dec": rng.uniform(-80, 80, 300)}
        new = {"id": [f"n{turn}-{i}" for i in range(300)], "mag": mag, "bright": mag < 18, **sky}
        new |= {"_healpix_29": cells_of(pa.table(sky)), COLUMN: as_column(unit(300, rng))}
        archive.append(pa.table(new))
        archive.refresh()
        ids = archive.read(["id"])["id"].to_pylist()
        archive.delete(ids=rng.choice(ids, 100, replace=False).tolist())
        archive.refresh()
        rows = archive.read(["id"], limit=150, row_ids=True)["_rowid"]
        archive.write(pa.table({"_rowid": rows, COLUMN: as_column(unit(150, rng))}))
        archive.refresh()
        if turn % 3 == 1:
            archive.compact()
            archive.refresh()
        if turn % 2:
            build_indexes(archive, OPTIONS)


def share_found(archive: Archive, where: str | None, query: np.ndarray) -> float:
    """Search, and check every hit against the version that was searched."""
    hits = list(archive.search(vector=query.tolist(), k=K, where=where))
    table = archive.read(["id", COLUMN], where=where)
    exact = to_vectors(table[COLUMN]) @ (query / np.linalg.norm(query))
    scores = dict(zip(table["id"].to_pylist(), exact.tolist(), strict=True))
    assert len(hits) == len({hit.id for hit in hits}) == min(K, len(scores))
    for hit in hits:
        assert abs(scores[str(hit.id)] - float(hit.score or 0)) < 1e-5
    lowest = np.sort(exact)[::-1][:K][-1]
    return sum(scores[str(hit.id)] >= lowest - 1e-6 for hit in hits) / len(hits)


def test_searches_beside_a_writer_are_right(tmp_path: Path) -> None:
    path = tmp_path / "a.skylore"
    archive, _ = vectors_archive(path, rows=4000, dimension=D)
    build_indexes(archive, OPTIONS)
    writer = get_context("spawn").Process(target=write, args=(path,))
    shared, shares, failed = [Archive.open(path)], [], []
    versions: set[int] = set()

    def ask(seed: int) -> None:
        rng = np.random.default_rng([7, seed])
        try:
            while writer.is_alive():
                shared[0] = found = shared[0].latest()
                versions.add(found.version)
                where = FILTERS[rng.integers(len(FILTERS))]
                shares.append(share_found(found, where, rng.normal(size=D)))
        except BaseException as error:  # noqa: BLE001 - told in the thread of the test
            failed.append(error)

    writer.start()
    readers = [threading.Thread(target=ask, args=(seed,)) for seed in range(3)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    writer.join()
    assert failed == []
    assert writer.exitcode == 0
    assert len(versions) > ROUNDS
    assert np.mean(shares) >= 0.95
    assert min(shares) > 0.5
