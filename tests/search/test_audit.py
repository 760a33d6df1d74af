from __future__ import annotations

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
    assert 0.9 < audit.recall_at_100 <= 1
    assert audit.worst_at_100 <= audit.recall_at_100
    assert "recall@100" in str(audit)
