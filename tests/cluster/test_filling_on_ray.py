"""Steps on a real Ray cluster of this machine."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock, Thread

import pytest

from archive.lengths import expected, lengths, make_archive
from archive.steps import KnownStep, LengthStep
from cluster.killing import one_worker_killed
from skylore.archive.fill import FillOptions
from skylore.archive.table import Archive
from skylore.errors import ArchiveError

TESTS = Path(__file__).parents[1]
ROWS = 240


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return make_archive(tmp_path / "a.skylore", ROWS)


def on_ray(**changes: object) -> FillOptions:
    return FillOptions(progress=False, engine="ray", fold_rows=64, batch_rows=8, **changes)


EXPECTED = expected(ROWS)


@pytest.mark.slow
@pytest.mark.usefixtures("cluster")
def test_a_worker_that_is_killed_on_the_way(archive: Archive, tmp_path: Path) -> None:
    folder = tmp_path / "workers"
    step = KnownStep(folder=str(folder), seconds=0.1, bad=("g7",))
    with one_worker_killed(folder) as killed:
        report = archive.fill(step, on_ray())
    assert (report.done, report.failed, report.left) == (ROWS - 1, 1, 0)
    assert lengths(archive) == EXPECTED | {"g7": None}
    assert archive.quarantine.read()["kind"].to_pylist() == ["ValueError"]
    workers = {int(path.name) for path in folder.iterdir()}
    assert len(workers) >= 3
    assert os.getpid() not in workers
    assert not Path(f"/proc/{killed[0]}").exists()
    assert not [p for p in archive.check().problems if p.check != "images"]
    assert archive.fill(step, on_ray(retry_failed=True)).already == ROWS - 1


@pytest.mark.slow
@pytest.mark.usefixtures("cluster")
def test_a_row_that_kills_its_worker_costs_one_row(archive: Archive) -> None:
    options = on_ray(limit=44).model_copy(update={"batch_rows": 2})
    report = archive.fill(LengthStep(deadly=("g42",)), options)
    assert (report.done, report.failed) == (43, 1)
    (failure,) = archive.quarantine.read().to_pylist()
    assert (failure["id"], failure["kind"]) == ("g42", "WorkerDiedError")


@pytest.mark.slow
@pytest.mark.usefixtures("cluster")
def test_a_step_that_cannot_be_prepared_sets_nothing_aside(archive: Archive) -> None:
    with pytest.raises(RuntimeError, match="cannot be prepared"):
        archive.fill(LengthStep(broken=True), on_ray())
    assert archive.quarantine.read().num_rows == 0


@dataclass(frozen=True)
class RootedStep(LengthStep):
    """Holds what exists in its own process alone."""

    lock: object = field(default_factory=Lock)


@pytest.mark.slow
@pytest.mark.usefixtures("cluster")
def test_a_step_that_cannot_travel(archive: Archive) -> None:
    with pytest.raises(ArchiveError, match="without --engine ray"):
        archive.fill(RootedStep(), on_ray())


@pytest.mark.slow
@pytest.mark.usefixtures("cluster")
def test_rows_deleted_and_versions_removed_meanwhile(archive: Archive) -> None:
    def disturb() -> None:
        time.sleep(0.3)
        other = Archive.open(archive.location.root)
        other.delete(ids=["g200", "g239"])
        other.compact(keep_versions=1)

    thread = Thread(target=disturb)
    thread.start()
    archive.fill(LengthStep(seconds=0.05), on_ray())
    thread.join()
    archive.refresh()
    assert lengths(archive) == {k: v for k, v in EXPECTED.items() if k not in ("g200", "g239")}


def test_ray_is_imported_only_when_asked_for(tmp_path: Path) -> None:
    code = (
        "import sys, pyarrow as pa\n"
        "from archive.steps import LengthStep\n"
        "from skylore.archive.fill import FillOptions\n"
        "from skylore.archive.table import Archive\n"
        f"archive = Archive.create({str(tmp_path / 'b.skylore')!r})\n"
        "archive.append(pa.table({'id': ['a'], 'image': [b'x']}))\n"
        "print(archive.fill(LengthStep(), FillOptions(progress=False)).done, 'ray' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(TESTS)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["1", "False"]
