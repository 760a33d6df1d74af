from __future__ import annotations

import pytest

from morphology.shapes import archive_of, shape_rows
from skylore.archive.table import Archive


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    """Bars and discs."""
    return archive_of(tmp_path_factory.mktemp("shapes") / "a.skylore", shape_rows(96))
