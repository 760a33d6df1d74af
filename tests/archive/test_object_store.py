"""An archive on a real S3-compatible server on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from archive.buckets import bucket
from archive.steps import LengthStep
from skylore.archive.fill import FillOptions
from skylore.archive.table import Archive
from skylore.errors import ArchiveExistsError, ArchiveNotFoundError


@pytest.fixture(scope="module")
def options() -> Iterator[dict[str, str]]:
    with bucket("skies") as environment:
        yield {name.lower(): value for name, value in environment.items()}


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
