"""Codes made on a real Ray cluster of this machine."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from typer.testing import CliRunner

from cluster.killing import one_worker_killed
from cluster.slow_vectors import SlowVectors
from skylore.archive.provenance import Provenance, with_provenance
from skylore.archive.table import Archive
from skylore.cli.app import app
from skylore.errors import ArchiveError
from skylore.search.codes.building import build
from skylore.search.codes.fragments import ArchiveVectors
from skylore.search.codes.manifest import Manifest
from skylore.search.codes.on_ray import OnRay
from skylore.search.codes.options import CodeOptions
from skylore.search.codes.segment import ARRAYS, Part, Segment, open_segment
from skylore.search.codes.view import view_of

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("cluster")]

COLUMN = "image_vector"
OPTIONS = CodeOptions(bytes_a_row=8, segment_rows=1024, progress=False)
FRAGMENTS, ROWS = 6, 700


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    made = Archive.create(tmp_path / "a.skylore")
    kind = pa.list_(pa.float32(), 16)
    given = Provenance(step="ingest", model="given")
    made.add_columns([with_provenance(pa.field(COLUMN, kind), given)])
    rng = np.random.default_rng(0)
    for number in range(FRAGMENTS):
        vectors = pa.FixedSizeListArray.from_arrays(
            rng.normal(size=16 * ROWS).astype(np.float32), 16
        )
        ids = [f"g{number}-{i}" for i in range(ROWS)]
        made.append(pa.table({"id": ids, COLUMN: vectors}))
    return made


def segments(folder: Path) -> dict[tuple[Part, ...], Segment]:
    manifest = Manifest.load(folder)
    assert manifest is not None
    opened = [open_segment(folder, name) for name in manifest.segments]
    return {segment.parts: segment for segment in opened}


def assert_same_codes(one: Path, other: Path) -> None:
    first, second = segments(one), segments(other)
    assert len(first) > 1
    assert first.keys() == second.keys()
    for parts, segment in first.items():
        for array in ARRAYS:
            assert np.array_equal(getattr(segment, array), getattr(second[parts], array)), array


def test_codes_are_the_same_though_a_worker_is_killed(archive: Archive, tmp_path: Path) -> None:
    folder = tmp_path / "workers"
    source = ArchiveVectors(archive, COLUMN)
    rows = build(source, tmp_path / "here", OPTIONS)
    slow = SlowVectors(source, folder, seconds=0.5)
    with one_worker_killed(folder) as killed:
        spread = build(slow, tmp_path / "spread", OPTIONS, coding=OnRay(2))
    assert rows == spread == FRAGMENTS * ROWS
    workers = {int(path.name) for path in folder.iterdir()}
    assert len(workers) >= 3
    assert os.getpid() not in workers
    assert not Path(f"/proc/{killed[0]}").exists()
    assert_same_codes(tmp_path / "here", tmp_path / "spread")
    one, other = Manifest.load(tmp_path / "here"), Manifest.load(tmp_path / "spread")
    assert one.codebook == other.codebook
    assert one.calibration == other.calibration


def test_what_was_coded_is_kept_when_workers_die_again_and_again(
    archive: Archive, tmp_path: Path
) -> None:
    source, folder = ArchiveVectors(archive, COLUMN), tmp_path / "workers"
    folder.mkdir()
    last = max(part.fragment for part in source.parts())
    deadly = SlowVectors(source, folder, deadly=last)
    with pytest.raises(ArchiveError, match="died 4 times"):
        build(deadly, tmp_path / "codes", OPTIONS, coding=OnRay(1))
    assert build(source, tmp_path / "codes", OPTIONS, coding=OnRay()) < FRAGMENTS * ROWS
    build(source, tmp_path / "here", OPTIONS)
    assert_same_codes(tmp_path / "here", tmp_path / "codes")


def test_the_command(archive: Archive) -> None:
    command = [
        "index",
        str(archive),
        "--vector-rows",
        "1000",
        "--code-bytes",
        "8",
        "--engine",
        "ray",
    ]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    assert f"codes of 8 bytes for {FRAGMENTS * ROWS} rows" in done.stdout
    archive.refresh()
    view = view_of(archive, COLUMN)
    assert view is not None
    assert (view.rows, view.uncoded) == (FRAGMENTS * ROWS, 0)


def test_workers_without_an_engine_are_refused(archive: Archive) -> None:
    done = CliRunner().invoke(app, ["index", str(archive), "--workers", "2"])
    assert done.exit_code == 2
    assert "--engine ray" in done.output
