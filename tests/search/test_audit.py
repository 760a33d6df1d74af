from __future__ import annotations

import json
from pathlib import Path

import pytest

from search.archives import vectors_archive
from skylore.errors import ColumnError
from skylore.search.audit import audit_index
from skylore.search.index import IndexOptions, build_indexes


def test_audit_compares_with_the_exact_answer(tmp_path: Path) -> None:
    archive, _ = vectors_archive(tmp_path / "a.skylore", rows=5000, dimension=32)
    with pytest.raises(ColumnError, match="no vector index"):
        audit_index(archive)
    build_indexes(archive, IndexOptions(vector_rows=1000))
    (audit,) = audit_index(archive, queries=20)
    assert (audit.column, audit.rows, audit.queries) == ("image_vector", 5000, 20)
    names = [line.filter for line in audit.lines]
    assert names[0] == "none"
    assert any("on one side" in name for name in names)
    assert "1% lowest mag" in names
    for line in audit.lines:
        assert line.recall_at_100 >= 0.95
        assert line.worst_at_100 <= line.recall_at_100
    assert "recall@100" in str(audit)
    assert json.loads(json.dumps(audit.to_json()))["recall"] == 0.95
