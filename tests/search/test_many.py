from __future__ import annotations

import csv
import io
import json
import subprocess
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from newcomer import SKYLORE
from search.archives import vectors_archive
from skylore.archive.table import Archive
from skylore.errors import QueryError
from skylore.search.vector_file import read_vectors


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    return vectors_archive(tmp_path_factory.mktemp("many") / "a.skylore")[0]


@pytest.fixture(scope="module")
def vectors(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("vectors") / "q.npy"
    np.save(file, np.random.default_rng(3).normal(size=(4, 16)).astype(np.float32))
    return file


def run(archive: Archive, *given: object) -> str:
    command = [SKYLORE, "search", archive.location.root, *map(str, given)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_each_row_is_a_query(archive: Archive, vectors: Path, tmp_path: Path) -> None:
    expected = [
        [hit.id for hit in archive.search(vector=vector, k=5, where="mag < 20")]
        for vector in read_vectors(vectors)
    ]
    asked = ("--vector", vectors, "-k", "5", "--where", "mag < 20")
    lines = [json.loads(line) for line in run(archive, *asked, "--recall", "0.9").splitlines()]
    assert [line["query"] for line in lines] == [0, 1, 2, 3]
    assert [[hit["id"] for hit in line["hits"]] for line in lines] == expected
    rows = list(csv.DictReader(io.StringIO(run(archive, *asked, "--format", "csv"))))
    assert [[r["id"] for r in rows if r["query"] == str(n)] for n in range(4)] == expected
    for name in ("a.parquet", "a.csv", "a.jsonl"):
        run(archive, *asked, "-o", tmp_path / name)
    table = pq.read_table(tmp_path / "a.parquet")
    assert table["query"].to_pylist() == [n for n in range(4) for _ in range(5)]
    assert table["id"].to_pylist() == [name for names in expected for name in names]
    assert len((tmp_path / "a.jsonl").read_text().splitlines()) == 4
    assert len((tmp_path / "a.csv").read_text().splitlines()) == 21


@pytest.mark.parametrize("shape", [(2, 3, 4), (0, 4), (0,)])
def test_other_shapes_are_refused(tmp_path: Path, shape: tuple[int, ...]) -> None:
    np.save(tmp_path / "v.npy", np.zeros(shape))
    with pytest.raises(QueryError, match="shape"):
        read_vectors(tmp_path / "v.npy")


def test_one_vector_is_one_query(tmp_path: Path) -> None:
    np.save(tmp_path / "v.npy", np.arange(3.0))
    assert read_vectors(tmp_path / "v.npy") == [(0.0, 1.0, 2.0)]
