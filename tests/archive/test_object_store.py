"""An archive on a real S3-compatible server on loopback."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import boto3
import pyarrow as pa
import pytest

from archive.steps import LengthStep
from skylore.archive.fill import FillOptions
from skylore.archive.table import Archive
from skylore.errors import ArchiveExistsError, ArchiveNotFoundError

KEYS = {"aws_access_key_id": "tester", "aws_secret_access_key": "not-a-secret"}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def options() -> Iterator[dict[str, str]]:
    port = free_port()
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(300):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        endpoint = f"http://127.0.0.1:{port}"
        client = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1", **KEYS)
        client.create_bucket(Bucket="skies")
        yield {**KEYS, "aws_endpoint": endpoint, "allow_http": "true", "aws_region": "us-east-1"}
    finally:
        server.kill()
        server.wait()


def test_the_same_on_an_object_store(options: dict[str, str], tmp_path: Path) -> None:
    url = "s3://skies/deep/hdf.skylore"
    with pytest.raises(ArchiveNotFoundError):
        Archive.open(url, storage_options=options)
    archive = Archive.create(url, storage_options=options)
    with pytest.raises(ArchiveExistsError):
        Archive.create(url, storage_options=options)
    archive.append(
        pa.table({"id": [f"g{i}" for i in range(40)], "image": [b"x" * i for i in range(40)]})
    )
    quiet = FillOptions(progress=False, fold_rows=16)
    assert archive.fill(LengthStep(bad=("g7",)), quiet).failed == 1
    again = Archive.open(url, storage_options=options)
    retried = again.fill(LengthStep(), quiet.model_copy(update={"retry_failed": True}))
    assert retried.done == 1
    assert again.read(["length"])["length"].to_pylist() == list(range(40))
    model = tmp_path / "model"
    model.mkdir()
    (model / "config.json").write_text("{}")
    again.location.put_folder(model, "models/abc")
    assert (again.location.get_folder("models/abc") / "config.json").read_text() == "{}"


def test_upkeep_on_an_object_store(options: dict[str, str]) -> None:
    url = "s3://skies/upkeep/hdf.skylore"
    archive = Archive.create(url, storage_options=options)
    for start in (0, 20):
        names = [f"g{i}" for i in range(start, start + 20)]
        archive.append(pa.table({"id": names, "image": [b"x" * len(n) for n in names]}))
    archive.fill(LengthStep(), FillOptions(progress=False))
    assert archive.delete(ids=["g3", "g30"]) == 2
    assert archive.update(pa.table({"id": ["g4"], "image": [b"other"]})).emptied["length"] == 1
    report = archive.compact(keep_versions=2)
    assert (report.files_after, report.bytes_after) == (1, None)
    assert report.versions_removed > 0
    found = archive.check(deep=True)
    assert {problem.check for problem in found.problems} == {"images"}
    assert len(Archive.open(url, storage_options=options)) == 38


def test_keys_are_never_shown(options: dict[str, str]) -> None:
    url = "s3://user:hidden@skies/x.skylore"
    with pytest.raises(ArchiveNotFoundError) as caught:
        Archive.open(url, storage_options=options)
    assert "hidden" not in str(caught.value)
    assert "not-a-secret" not in repr(
        Archive.open("s3://skies/deep/hdf.skylore", storage_options=options).location
    )
