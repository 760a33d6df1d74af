from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from skylore.archive.table import Archive
from skylore.search.index import IndexOptions, build_indexes
from skylore.search.masks.service import masks_missing, rows_matching
from skylore.search.scalar_kinds import chosen_indexes, index_for


@pytest.mark.parametrize(
    ("kind", "distinct", "length", "copied", "chosen"),
    [
        (pa.string(), 3, 5, True, "BITMAP"),
        (pa.string(), 9000, 12, True, "BTREE"),
        (pa.string(), 9000, 300, True, None),
        (pa.string(), 600, 5, True, "BTREE"),
        (pa.bool_(), 2, 0, True, None),
        (pa.float32(), 9000, 0, True, None),
        (pa.bool_(), 2, 0, False, "BITMAP"),
        (pa.float32(), 9000, 0, False, "BTREE"),
        (pa.float64(), 3, 0, False, "BTREE"),
        (pa.int16(), 7, 0, False, "BITMAP"),
        (pa.int64(), 9000, 0, False, "BTREE"),
        (pa.binary(), 5, 0, False, None),
        (pa.list_(pa.float32(), 4), 5, 0, False, None),
    ],
)
def test_the_choice(
    kind: pa.DataType, distinct: int, length: float, copied: bool, chosen: str | None
) -> None:
    given = {"distinct": distinct, "length": length, "copied": copied}
    assert index_for(kind, sampled=10_000, **given) == chosen
    assert index_for(kind, sampled=0, **given) is None


def test_an_archive_gets_what_its_columns_need(tmp_path: Path) -> None:
    rows = 3000
    archive = Archive.create(tmp_path / "a.skylore")
    kinds = {"survey": pa.string(), "name": pa.string(), "mag": pa.float32(), "star": pa.bool_()}
    archive.add_columns([pa.field(name, kind) for name, kind in kinds.items()])
    rng = np.random.default_rng(0)
    table = {
        "id": [f"g{i}" for i in range(rows)],
        "survey": rng.choice(["DR9", "DR10", None], rows),
        "name": [f"NGC {i}" for i in range(rows)],
        "mag": rng.uniform(15, 22, rows).astype(np.float32),
        "star": rng.random(rows) < 0.1,
    }
    archive.append(pa.table(table))
    assert chosen_indexes(archive) == {"survey": "BITMAP", "name": "BTREE"}
    asked = ["`survey` = 'DR9' AND `mag` < 18", "`name` = 'NGC 77'", "NOT `star`"]
    before = [rows_matching(archive, where).tolist() for where in asked]
    assert build_indexes(archive, IndexOptions(vector_rows=10_000)) == ["id: BTREE over 3000 rows"]
    done = build_indexes(archive, IndexOptions(vector_rows=1000))
    assert [line.split(" over ")[0] for line in done[1:]] == ["survey: BITMAP", "name: BTREE"]
    assert done[0].startswith("filters: ")
    assert masks_missing(archive) == 0
    assert [rows_matching(archive, where).tolist() for where in asked] == before
    assert build_indexes(archive, IndexOptions(vector_rows=1000)) == []
