from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from app.galaxies import make_archive
from skylore.app.application import create_app
from skylore.app.settings import ServerSettings
from skylore.archive.table import Archive


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    """Forty-five galaxies; tests only read it."""
    return make_archive(tmp_path_factory.mktemp("app") / "hdf.skylore", 45)


@pytest.fixture(scope="module")
def client(archive: Archive) -> Iterator[TestClient]:
    with TestClient(
        create_app(archive, ServerSettings(max_upload_bytes=200_000, max_body_bytes=300_000)),
        base_url="http://127.0.0.1",
        follow_redirects=False,
    ) as client:
        yield client
