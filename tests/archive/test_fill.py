from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from archive.lengths import expected, lengths, make_archive
from archive.steps import LengthStep
from skylore.archive.fill import FillOptions
from skylore.archive.provenance import provenance_of
from skylore.archive.table import Archive
from skylore.errors import ArchiveBusyError, ArchiveError, ColumnError

QUIET = FillOptions(progress=False)


def quiet(**changes: object) -> FillOptions:
    return FillOptions(progress=False, **changes)


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return make_archive(tmp_path / "a.skylore", 100)


EXPECTED = expected(100)


def test_fills_every_row_and_records_provenance(archive: Archive) -> None:
    report = archive.fill(LengthStep(), QUIET)
    assert (report.done, report.failed, report.already, report.left) == (100, 0, 0, 0)
    assert lengths(archive) == EXPECTED
    made = provenance_of(archive.schema.field("double"))
    assert made is not None
    assert (made.step, made.parameters) == ("length", {"factor": 1})


def test_second_run_pays_for_nothing(archive: Archive, tmp_path: Path) -> None:
    log = tmp_path / "log"
    archive.fill(LengthStep(log=str(log)), QUIET)
    report = archive.fill(LengthStep(log=str(log)), QUIET)
    assert (report.done, report.already) == (0, 100)
    assert set(Counter(log.read_text().split()).values()) == {1}


def test_limit_and_new_rows(archive: Archive) -> None:
    assert archive.fill(LengthStep(), quiet(limit=30)).left == 70
    assert archive.fill(LengthStep(), QUIET).done == 70
    archive.append(pa.table({"id": ["new"], "image": [b"12345"]}))
    assert archive.fill(LengthStep(), QUIET).done == 1
    assert lengths(archive) == EXPECTED | {"new": 5}


def test_rows_without_input_wait(archive: Archive) -> None:
    archive.append(pa.table({"id": ["empty"], "image": pa.array([None], pa.binary())}))
    report = archive.fill(LengthStep(), QUIET)
    assert (report.done, report.waiting, report.failed) == (100, 1, 0)


@pytest.mark.parametrize("workers", [0, 2])
def test_bad_rows_are_set_aside_one_by_one(archive: Archive, workers: int) -> None:
    step = LengthStep(bad=("g3", "g77"))
    report = archive.fill(step, quiet(workers=workers))
    assert (report.done, report.failed) == (98, 2)
    failures = archive.quarantine.read("length").to_pylist()
    assert {f["id"] for f in failures} == {"g3", "g77"}
    assert {f["reason"] for f in failures} == {"a bad row"}
    assert all("_apply" in f["trace"] for f in failures)
    assert archive.fill(step, QUIET).left == 2
    mended = archive.fill(LengthStep(), quiet(retry_failed=True))
    assert (mended.done, mended.failed) == (2, 0)
    assert archive.quarantine.read().num_rows == 0
    assert lengths(archive) == EXPECTED


def test_worker_that_dies_costs_one_row(archive: Archive) -> None:
    report = archive.fill(LengthStep(deadly=("g42",), processes=True), quiet(workers=2))
    assert (report.done, report.failed) == (99, 1)
    (failure,) = archive.quarantine.read().to_pylist()
    assert (failure["id"], failure["kind"]) == ("g42", "WorkerDiedError")


@pytest.mark.parametrize("workers", [0, 2])
def test_step_that_cannot_be_prepared_sets_nothing_aside(archive: Archive, workers: int) -> None:
    with pytest.raises(RuntimeError, match="cannot be prepared"):
        archive.fill(LengthStep(broken=True), quiet(workers=workers))
    assert archive.quarantine.read().num_rows == 0


def test_hopeless_run_stops(tmp_path: Path) -> None:
    archive = Archive.create(tmp_path / "b.skylore")
    names = [f"g{i}" for i in range(500)]
    archive.append(pa.table({"id": names, "image": [b"x"] * 500}))
    with pytest.raises(ArchiveError, match="a bad row"):
        archive.fill(LengthStep(bad=tuple(names)), QUIET)
    assert archive.quarantine.read().num_rows < 500


def test_other_settings_are_refused_until_overwritten(archive: Archive) -> None:
    archive.fill(LengthStep(), QUIET)
    with pytest.raises(ColumnError, match="--overwrite"):
        archive.fill(LengthStep(factor=3), QUIET)
    archive.fill(LengthStep(factor=3), quiet(overwrite=True))
    assert lengths(archive) == {name: 3 * value for name, value in EXPECTED.items()}


def test_values_made_from_replaced_inputs_are_refused(archive: Archive) -> None:
    later = LengthStep(name="later", inputs=("length",), columns=("later_a", "later_b"))
    archive.fill(LengthStep(), QUIET)
    archive.fill(later, QUIET)
    assert archive.fill(later, QUIET).already == 100
    archive.fill(LengthStep(factor=3), quiet(overwrite=True))
    with pytest.raises(ColumnError, match="other inputs"):
        archive.fill(later, QUIET)
    assert archive.fill(later, quiet(overwrite=True)).done == 100


def test_missing_input_column(archive: Archive) -> None:
    with pytest.raises(ColumnError, match="gini"):
        archive.fill(LengthStep(inputs=("gini", "image")), QUIET)


def test_same_step_twice_at_once(archive: Archive) -> None:
    other = Archive.open(archive.location.root)
    with archive.lock("length"), pytest.raises(ArchiveBusyError):
        other.fill(LengthStep(), QUIET)


def test_fold_often_gives_the_same(archive: Archive) -> None:
    archive.fill(LengthStep(), quiet(fold_rows=20, batch_rows=7))
    assert lengths(archive) == EXPECTED


def test_memory_bounds_the_batch(archive: Archive, tmp_path: Path) -> None:
    archive.append(
        pa.table(
            {
                "id": ["wide"],
                "image": [b"x"],
                "image_width": pa.array([100], pa.int32()),
                "image_height": pa.array([100], pa.int32()),
            }
        )
    )
    seen: list[int] = []

    class Spy(LengthStep):
        def _apply(self, batch: pa.Table):  # type: ignore[no-untyped-def]
            seen.append(batch.num_rows)
            return super()._apply(batch)

    archive.fill(Spy(batch_rows=64), quiet(memory=4 * 100 * 100 * 15 * 2))
    assert max(seen) < 5


def test_time_is_up(archive: Archive) -> None:
    report = archive.fill(LengthStep(seconds=0.05), quiet(seconds=0.08))
    assert 0 < report.done < 100
    assert report.left == 100 - report.done


def test_compaction_keeps_values_and_resume(archive: Archive) -> None:
    archive.fill(LengthStep(), quiet(limit=60))
    archive.compact()
    archive.fill(LengthStep(), QUIET)
    assert lengths(archive) == EXPECTED


def test_integer_ids(tmp_path: Path) -> None:
    archive = Archive.create(tmp_path / "i.skylore", id_type=pa.int64())
    ids = np.array([587722981736579107, 3, -1])
    archive.append(pa.table({"id": ids, "image": [b"a", b"bb", b"ccc"]}))
    archive.fill(LengthStep(bad=("3",)), QUIET)
    assert archive.quarantine.read()["id"].to_pylist() == ["3"]
    archive.fill(LengthStep(), quiet(retry_failed=True))
    assert archive.read(["id", "length"]).to_pydict() == {"id": ids.tolist(), "length": [1, 2, 3]}
