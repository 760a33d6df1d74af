from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from archive.steps import LengthStep
from skylore.archive.fill import FillOptions
from skylore.archive.provenance import Provenance, with_provenance
from skylore.archive.table import Archive
from skylore.errors import ArchiveBusyError, ColumnError

QUIET = FillOptions(progress=False)
LATER = LengthStep(name="later", inputs=("length",), columns=("later_a", "later_b"))


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    archive = Archive.create(tmp_path / "a.skylore")
    ingest = Provenance(step="ingest", parameters={"source": "s"})
    archive.add_columns(
        [
            with_provenance(pa.field("mag", pa.float64()), ingest),
            with_provenance(pa.field("image_vector", pa.list_(pa.float16(), 4)), ingest),
        ]
    )
    vectors = pa.array(np.eye(4, dtype=np.float16)[np.arange(60) % 4].tolist())
    archive.append(
        pa.table(
            {
                "id": [f"g{i}" for i in range(60)],
                "image": [bytes(10 + i) for i in range(60)],
                "ra": [float(i) for i in range(60)],
                "dec": [0.0] * 60,
                "mag": [None if i % 2 else float(i) for i in range(60)],
                "image_vector": vectors.cast(pa.list_(pa.float16(), 4)),
            }
        )
    )
    archive.fill(LengthStep(), QUIET)
    archive.fill(LATER, QUIET)
    return archive


def test_a_changed_image_empties_all_that_was_made_of_it(archive: Archive) -> None:
    rows = archive.rows_of(["g7"])["_rowid"]
    report = archive.update(
        pa.table({"id": ["g7", "g8", "new"], "image": [b"other", bytes(18), b"x"]})
    )
    assert (report.updated, report.unchanged, report.unknown) == (1, 1, 1)
    assert report.emptied == dict.fromkeys(("length", "double", "later_a", "later_b"), 1)
    assert archive.count("length IS NULL AND later_a IS NULL") == 1
    assert archive.rows_of(["g7"])["_rowid"] == rows
    assert archive.fill(LengthStep(), QUIET).done == 1
    assert archive.fill(LATER, QUIET).done == 1
    (row,) = archive.read(["length", "mag", "ra"], where="id = 'g7'").to_pylist()
    assert row == {"length": 5, "mag": None, "ra": 7.0}


def test_a_changed_catalogue_value_keeps_what_was_not_made_of_it(archive: Archive) -> None:
    report = archive.update(pa.table({"id": ["g1", "g2", "g4"], "mag": [1.0, None, 4.0]}))
    assert (report.updated, report.unchanged, report.emptied) == (2, 1, {})
    assert archive.filled("length") == 60
    values = archive.read(["id", "mag"], where="id IN ('g1', 'g2', 'g4')").to_pylist()
    assert {v["id"]: v["mag"] for v in values} == {"g1": 1.0, "g2": None, "g4": 4.0}


def test_where_inputs_were_not_recorded_everything_is_emptied(archive: Archive) -> None:
    old = Provenance(step="old")
    archive.add_columns([with_provenance(pa.field("old", pa.int64()), old)])
    rows = archive.read([], row_ids=True)["_rowid"]
    archive.write(pa.table({"_rowid": rows, "old": list(range(60))}))
    assert archive.update(pa.table({"id": ["g1"], "mag": [1.0]})).emptied == {"old": 1}


def test_positions_bring_their_cells(archive: Archive) -> None:
    archive.update(pa.table({"id": ["g3"], "ra": [200.0], "dec": [-45.0]}))
    from skylore.archive.sky import healpix_29

    cell = archive.read(["_healpix_29"], where="id = 'g3'")["_healpix_29"][0].as_py()
    assert cell == healpix_29(np.array([200.0]), np.array([-45.0]))[0]


def test_vectors_are_compared_value_by_value(archive: Archive) -> None:
    given = archive.read(["id", "image_vector"], where="id IN ('g0', 'g1')")
    assert archive.update(given).updated == 0
    other = pa.array([[0, 0, 0, 1.0]] * 2).cast(given.schema.field("image_vector").type)
    assert archive.update(given.set_column(1, "image_vector", other)).updated == 2


def test_nothing_changes_while_a_step_is_at_work(archive: Archive) -> None:
    with archive.lock("length"), pytest.raises(ArchiveBusyError, match="length"):
        archive.update(pa.table({"id": ["g3"], "image": [b"new"]}))
    assert archive.count("length IS NULL") == 0


def test_rows_set_aside_get_another_try(tmp_path: Path) -> None:
    archive = Archive.create(tmp_path / "b.skylore")
    archive.append(pa.table({"id": ["a", "b"], "image": [b"1", b"22"]}))
    archive.fill(LengthStep(bad=("b",)), QUIET)
    archive.update(pa.table({"id": ["b"], "image": [b"333"]}))
    assert archive.quarantine.read().num_rows == 0
    assert archive.fill(LengthStep(), QUIET).done == 1


def test_indexes_find_new_values_and_not_old_ones(archive: Archive) -> None:
    archive.objects.create_scalar_index("mag", "BTREE")
    archive.refresh()
    archive.update(pa.table({"id": ["g4"], "mag": [99.0]}))
    assert archive.read(["id"], where="mag = 99")["id"].to_pylist() == ["g4"]
    assert archive.count("mag = 4") == 0


def test_a_column_that_is_not_there(archive: Archive) -> None:
    with pytest.raises(ColumnError, match="redshift"):
        archive.update(pa.table({"id": ["g3"], "redshift": [1.0]}))
