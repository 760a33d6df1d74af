from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from search.archives import vectors_archive
from skylore.archive.table import Archive
from skylore.cli.app import app
from skylore.errors import ArchiveError, ArchiveExistsError, ColumnError
from skylore.exporting.partitions import partition
from skylore.exporting.service import export
from skylore.intake.ingest import IngestOptions
from skylore.pipeline import ingest


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    made, _ = vectors_archive(tmp_path_factory.mktemp("export") / "a.skylore", rows=3000)
    made.append(pa.table({"id": ["nowhere"], "mag": [17.5]}))
    return made


def by_id(table: pa.Table, names: list[str]) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = table.select(["id", *names]).sort_by("id").to_pylist()
    return rows


NAMES = ["ra", "dec", "_healpix_29", "mag", "bright", "caption", "image_vector"]


@pytest.mark.parametrize("most", [200, 1_000_000])
def test_a_hats_catalogue_is_whole(archive: Archive, tmp_path: Path, most: int) -> None:
    report = export(archive, tmp_path / "cat", rows_a_file=most)
    assert (report.rows, report.left_out) == (3000, 1)
    assert "1 objects have no position" in str(report)
    assert "without image" in str(report)
    files = sorted((tmp_path / "cat/dataset").rglob("Npix=*.parquet"))
    assert len(files) == report.files
    tables = [pq.read_table(file, partitioning=None) for file in files]
    assert all(table.column_names[0] == "_healpix_29" for table in tables)
    for file, table in zip(files, tables, strict=True):
        order, pixel = int(file.parts[-3].split("=")[1]), int(file.stem.split("=")[1])
        cells = table["_healpix_29"].to_numpy()
        assert np.all(np.diff(cells) >= 0)
        assert np.all(cells >> 2 * (29 - order) == pixel)
        assert table.num_rows <= most
    written = by_id(pa.concat_tables(tables), NAMES)
    assert written == by_id(archive.read(["id", *NAMES], where="ra IS NOT NULL"), NAMES)
    info = (tmp_path / "cat/partition_info.csv").read_text().splitlines()
    assert info[0] == "Norder,Npix"
    assert len(info) == 1 + len(files)
    metadata = pq.read_metadata(tmp_path / "cat/dataset/_metadata")
    assert metadata.num_rows == 3000
    paths = {metadata.row_group(g).column(0).file_path for g in range(metadata.num_row_groups)}
    assert paths == {file.relative_to(tmp_path / "cat/dataset").as_posix() for file in files}


def test_a_catalogue_comes_back(archive: Archive, tmp_path: Path) -> None:
    export(archive, tmp_path / "cat", rows_a_file=500)
    again, report = ingest(
        tmp_path / "b.skylore",
        tmp_path / "cat",
        IngestOptions(progress=False, vector_encoder="given"),
        vector_column="image_vector",
    )
    names = [n for n in NAMES if n not in ("_healpix_29", "caption", "bright")]
    assert len(again) == 3000, str(report)
    assert by_id(again.read(), ["_healpix_29", *names]) == by_id(
        archive.read(where="ra IS NOT NULL"), ["_healpix_29", *names]
    )


@pytest.mark.parametrize("most", [1, 7, 1000, 5000])
def test_plain_files_hold_every_row(tmp_path: Path, most: int) -> None:
    small, _ = vectors_archive(tmp_path / "a.skylore", rows=30 if most < 1000 else 3000)
    report = export(small, tmp_path / "out", form="parquet", rows_a_file=most)
    files = sorted((tmp_path / "out").iterdir())
    assert len(files) == report.files == -(-len(small) // most)
    table = pa.concat_tables([pq.read_table(file) for file in files])
    assert by_id(table, NAMES) == by_id(small.read(), NAMES)
    assert table.schema.field("mag").metadata[b"unit"] == b"mag"


def test_the_command_writes_chosen_columns(archive: Archive, tmp_path: Path) -> None:
    arguments = ["export", archive.location.root, str(tmp_path / "out"), "--columns", "id,mag"]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    assert "without" not in done.output
    (file, *_) = (tmp_path / "out/dataset").rglob("Npix=*.parquet")
    assert pq.read_schema(file).names == ["_healpix_29", "ra", "dec", "id", "mag"]


def test_nothing_is_overwritten_or_left_half_done(archive: Archive, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/mine").touch()
    with pytest.raises(ArchiveExistsError):
        export(archive, tmp_path / "out")
    with pytest.raises(ColumnError, match="no column 'nope'"):
        export(archive, tmp_path / "new", columns=["nope"])
    empty = Archive.create(tmp_path / "empty.skylore")
    with pytest.raises(ArchiveError, match="no objects"):
        export(empty, tmp_path / "new")
    empty.append(pa.table({"id": ["a"]}))
    with pytest.raises(ColumnError, match="has a position"):
        export(empty, tmp_path / "new")
    assert {path.name for path in tmp_path.iterdir()} == {"out", "empty.skylore"}


@given(
    st.lists(st.integers(0, 12 * 4**29 - 1), min_size=1, max_size=200),
    st.integers(1, 50),
    st.integers(0, 10),
)
def test_partitions_cut_the_sky(cells: list[int], most: int, finest: int) -> None:
    ordered = np.sort(np.array(cells, np.int64))
    parts = partition(ordered, most, finest)
    assert [part.start for part in parts] == [0, *(part.end for part in parts[:-1])]
    assert parts[-1].end == len(ordered)
    for part in parts:
        inside = ordered[part.start : part.end] >> 2 * (29 - part.order)
        assert np.all(inside == part.pixel)
        assert part.end - part.start <= most or part.order == finest
        if part.order:
            shift = 2 * (30 - part.order)
            assert np.sum(ordered >> shift == part.pixel >> 2) > most
