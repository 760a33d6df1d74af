"""A simulated survey is a Parquet file like any other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from skylore.errors import SourceError
from skylore.imaging.decode import decode
from skylore.simulation.parquet import FILE_SCHEMA, write_parquet
from skylore.simulation.simulator import Simulator


def test_file_holds_the_batch(tmp_path: Path) -> None:
    path = tmp_path / "simulated.parquet"
    write_parquet(path, 7, 3)
    table = pq.read_table(path)
    assert table.schema.equals(FILE_SCHEMA)
    rows = table.to_pylist()
    assert len({row["id"] for row in rows}) == 7
    for row, simulated in zip(rows, Simulator().batch(7, 3), strict=True):
        assert np.array_equal(decode(row["image"]), simulated.image)
        assert row["kind"] == simulated.truth["kind"]
        for name, value in simulated.truth.items():
            if isinstance(value, float):
                assert row[name] == pytest.approx(value, rel=1e-6)
            else:
                assert row[name] == value
    assert list(tmp_path.iterdir()) == [path]


def test_kinds_can_be_chosen(tmp_path: Path) -> None:
    write_parquet(tmp_path / "lenses.parquet", 3, 0, kinds={"lens": 1})
    assert pq.read_table(tmp_path / "lenses.parquet")["kind"].to_pylist() == ["lens"] * 3


def test_nothing_is_overwritten_or_left_half_done(tmp_path: Path) -> None:
    taken = tmp_path / "taken.parquet"
    taken.write_bytes(b"mine")
    with pytest.raises(SourceError, match="exists already"):
        write_parquet(taken, 2, 0)
    assert taken.read_bytes() == b"mine"
    for arguments in ((0, 0), (-2, 0), (2, -1)):
        with pytest.raises(SourceError):
            write_parquet(tmp_path / "new.parquet", *arguments)
    with pytest.raises(SourceError, match="no kind"):
        write_parquet(tmp_path / "new.parquet", 1, 0, kinds={"comet": 1})
    assert list(tmp_path.iterdir()) == [taken]
