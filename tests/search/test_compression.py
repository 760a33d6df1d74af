from __future__ import annotations

from pathlib import Path

import pytest

from search.archives import vectors_archive
from skylore.errors import ColumnError
from skylore.search.codes.compression import FULL, compare_compressions


def test_what_keeps_more_finds_more_and_costs_more(tmp_path: Path) -> None:
    archive, _ = vectors_archive(tmp_path / "a.skylore", rows=3000, dimension=160)
    found = {one.name: one for one in compare_compressions(archive, "image_vector")}
    short, long = (found[f"{n} leading directions, 8 bit"] for n in (64, 128))
    assert short.disk < long.disk < found[FULL].disk
    assert short.recall_at_100 < long.recall_at_100 < found[FULL].recall_at_100 == 1
    assert short.candidates > long.candidates >= found[FULL].candidates == 100
    bits = found["1 bit a dimension"]
    assert bits.disk < short.disk
    assert 0 < bits.recall_at_100 < 1


def test_few_vectors_are_compared_and_fewer_refused(tmp_path: Path) -> None:
    archive, _ = vectors_archive(tmp_path / "few.skylore", rows=60, dimension=32)
    assert {one.name for one in compare_compressions(archive, "image_vector")} == {
        "1 bit a dimension", FULL,
    }  # fmt: skip
    archive, _ = vectors_archive(tmp_path / "fewer.skylore", rows=9, dimension=32)
    with pytest.raises(ColumnError, match="at least 10"):
        compare_compressions(archive, "image_vector")
