"""Parquet and Arrow files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skylore.errors import SourceError
from skylore.sources.base import Failure, Source
from skylore.sources.parquet import ParquetSource

SHARED = Path(__file__).parents[2].parent / "shared" / "data"


def objects(count: int, first: int = 0) -> pa.Table:
    numbers = range(first, first + count)
    return pa.table(
        {
            "object_id": pa.array(numbers, pa.int32()),
            "image": [f"picture {n}".encode() for n in numbers],
            "TARGET_RA": [float(n % 360) for n in numbers],
            "TARGET_DEC": [0.5] * count,
            "mag_r": pa.array([n / 8 for n in numbers], pa.float32()),
        }
    )


def read(
    source: ParquetSource, wanted: np.ndarray | None = None, rows: int = 100
) -> tuple[pa.Table, list[Failure]]:
    flags = np.ones(len(source.ids()), dtype=bool) if wanted is None else wanted
    batches = list(source.batches(flags, rows))
    assert all(batch.objects.num_rows + len(batch.failures) <= rows for batch in batches)
    failures = [failure for batch in batches for failure in batch.failures]
    return pa.concat_tables(batch.objects for batch in batches), failures


def write_stream(table: pa.Table, path: Path) -> None:
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=7)


WRITERS = {
    "a.parquet": lambda table, path: pq.write_table(table, path, row_group_size=7),
    "a.feather": lambda table, path: pyarrow.feather.write_feather(table, path, chunksize=7),
    "a.arrow": write_stream,
}


@pytest.mark.parametrize("file", WRITERS)
def test_usual_names_are_guessed_and_rows_are_as_written(tmp_path: Path, file: str) -> None:
    WRITERS[file](objects(20), tmp_path / file)
    source = ParquetSource(tmp_path / file)
    assert isinstance(source, Source)
    assert source.ids().equals(pa.array(range(20), pa.int64()))
    table, failures = read(source, rows=6)
    assert failures == []
    assert table.schema.names == ["id", "ra", "dec", "image", "source_item", "mag_r"]
    assert table["image"][13].as_py() == b"picture 13"
    assert table["ra"].to_pylist() == [float(n) for n in range(20)]
    assert table["mag_r"].type == pa.float32()
    assert table["source_item"][13].as_py() == f"{file}:13"
    assert source.settings["id_column"] == "object_id"


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.booleans(), min_size=24, max_size=24),
    st.integers(1, 30),
    st.sampled_from(list(WRITERS)),
)
def test_exactly_the_wanted_rows_of_a_folder_come_in_order(
    tmp_path_factory: pytest.TempPathFactory, wanted: list[bool], rows: int, file: str
) -> None:
    folder = tmp_path_factory.mktemp("parts")
    WRITERS[file](objects(11), folder / file)
    (folder / "sub").mkdir()
    WRITERS["a.parquet"](objects(13, first=11), folder / "sub" / "b.parquet")
    table, _ = read(ParquetSource(folder), np.array(wanted), rows) if any(wanted) else (None, [])
    expected = [number for number, flag in enumerate(wanted) if flag]
    if table is None:
        assert list(ParquetSource(folder).batches(np.array(wanted), rows)) == []
        return
    assert table["id"].to_pylist() == expected
    assert table["image"].to_pylist() == [f"picture {n}".encode() for n in expected]
    items = [f"{file}:{n}" if n < 11 else f"sub/b.parquet:{n - 11}" for n in expected]
    assert table["source_item"].to_pylist() == items


def test_hugging_face_images_are_unpacked_and_outside_files_are_failures(tmp_path: Path) -> None:
    images = [{"bytes": b"one", "path": "1.png"}, {"bytes": None, "path": "2.png"}, None]
    pq.write_table(pa.table({"id": ["a", "b", "c"], "picture": images}), tmp_path / "a.parquet")
    table, failures = read(ParquetSource(tmp_path / "a.parquet"))
    assert table["id"].to_pylist() == ["a", "c"]
    assert table["image"].to_pylist() == [b"one", None]
    assert [failure.id for failure in failures] == ["b"]
    assert "a file of its own, 2.png" in str(failures[0].error)


@pytest.mark.parametrize(
    ("stored", "kept"),
    [
        (pa.list_(pa.float64()), pa.float32()),
        (pa.list_(pa.float32(), 3), pa.float32()),
        (pa.large_list(pa.float16()), pa.float16()),
    ],
)
def test_vectors_of_every_layout_are_fixed_lists(
    tmp_path: Path, stored: pa.DataType, kept: pa.DataType
) -> None:
    vectors = pa.array([[0.5, 0.25, 1.0], None, [1.0, 2.0, 3.0]], stored)
    pq.write_table(pa.table({"id": [1, 2, 3], "embedding": vectors}), tmp_path / "a.parquet")
    table, failures = read(ParquetSource(tmp_path / "a.parquet", vector_column="embedding"))
    assert failures == []
    assert table["image_vector"].type == pa.list_(kept, 3)
    assert table["image_vector"].to_pylist() == [[0.5, 0.25, 1.0], None, [1.0, 2.0, 3.0]]


def test_vectors_that_cannot_be_used_are_failures_with_the_reason(tmp_path: Path) -> None:
    bad = [[1.0], [1.0, np.nan], [np.inf, 1.0], [0.0, 0.0], [1.0, None], [], [1e300, 1.0]]
    vectors = pa.array([[1.0, 2.0], *bad, *[[3.0, 4.0]] * 3], pa.list_(pa.float64()))
    ids = [f"g{n}" for n in range(len(vectors))]
    pq.write_table(pa.table({"id": ids, "v": vectors}), tmp_path / "a.parquet")
    source = ParquetSource(tmp_path / "a.parquet", vector_column="v")
    table, failures = read(source)
    assert table["id"].to_pylist() == ["g0", "g8", "g9", "g10"]
    assert table["image_vector"].to_pylist() == [[1.0, 2.0], *[[3.0, 4.0]] * 3]
    assert [failure.id for failure in failures] == [f"g{n}" for n in range(1, 8)]
    reasons = [str(failure.error) for failure in failures]
    assert "1 numbers, not 2" in reasons[0]
    assert all("missing, infinite or NaN" in reasons[n] for n in (1, 2, 4, 6))
    assert "zero" in reasons[3]
    assert "0 numbers, not 2" in reasons[5]


def test_a_column_of_no_vectors_is_refused(tmp_path: Path) -> None:
    empty = pa.array([None, []], pa.list_(pa.float32()))
    pq.write_table(pa.table({"id": [1, 2], "v": empty, "n": [1, 2]}), tmp_path / "a.parquet")
    with pytest.raises(SourceError, match="no vector at all"):
        read(ParquetSource(tmp_path / "a.parquet", vector_column="v"))
    with pytest.raises(SourceError, match="type int64; vectors are lists"):
        ParquetSource(tmp_path / "a.parquet", vector_column="n")


def test_owned_names_are_renamed_and_nested_columns_left_out(tmp_path: Path) -> None:
    table = objects(2).append_column("id", pa.array([["x"], ["y"]]))
    table = table.append_column("source", pa.array(["sdss", "sdss"]))
    table = table.append_column("RA", pa.array(["00h", "01h"]))
    pq.write_table(table, tmp_path / "a.parquet")
    source = ParquetSource(tmp_path / "a.parquet")
    assert source.renamed == {"source": "catalogue_source", "RA": "catalogue_RA"}
    assert list(source.left_out) == ["id"]
    assert read(source)[0]["catalogue_RA"].to_pylist() == ["00h", "01h"]


def test_only_the_asked_columns_are_kept(tmp_path: Path) -> None:
    pq.write_table(objects(2).append_column("z", pa.array([1, 2])), tmp_path / "a.parquet")
    source = ParquetSource(tmp_path / "a.parquet", columns=["z"])
    assert read(source)[0].schema.names == ["id", "ra", "dec", "image", "source_item", "z"]
    with pytest.raises(SourceError, match='no column "nope"'):
        ParquetSource(tmp_path / "a.parquet", columns=["nope"])


def test_positions_off_the_sky_are_null_and_counted(tmp_path: Path) -> None:
    table = pa.table({"id": [1, 2, 3], "ra": [-1.0, 500.0, None], "dec": [0.0, 0.0, 0.0]})
    pq.write_table(table, tmp_path / "a.parquet")
    source = ParquetSource(tmp_path / "a.parquet")
    assert read(source)[0]["ra"].to_pylist() == [359.0, None, None]
    assert source.positions_refused == 1


def test_an_id_that_cannot_be_guessed_lists_the_columns(tmp_path: Path) -> None:
    pq.write_table(pa.table({"galaxy": ["a"], "image": [b"x"]}), tmp_path / "a.parquet")
    with pytest.raises(SourceError, match=r"id_column=. There are: galaxy, image"):
        ParquetSource(tmp_path / "a.parquet")
    assert ParquetSource(tmp_path / "a.parquet", id_column="galaxy").ids().to_pylist() == ["a"]
    pq.write_table(pa.table({"id": [0.5], "image": [b"x"]}), tmp_path / "b.parquet")
    with pytest.raises(SourceError, match='Column "id" has type double, and ids are whole numbers'):
        ParquetSource(tmp_path / "b.parquet")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"id_column": "x"}, 'no column "x"'),
        ({"image_column": "mag_r"}, "type float; images are encoded files"),
        ({"ra_column": "mag_r"}, "needs both"),
        ({"ra_column": "image", "dec_column": "mag_r"}, "positions are degrees"),
        ({"id_column": "mag_r", "ra_column": "mag_r", "dec_column": "mag_r"}, "more than one role"),
    ],
)
def test_roles_that_cannot_be_are_refused(
    tmp_path: Path, options: dict[str, str], message: str
) -> None:
    pq.write_table(objects(2), tmp_path / "a.parquet")
    with pytest.raises(SourceError, match=message):
        ParquetSource(tmp_path / "a.parquet", **options)


def test_missing_ids_are_counted_over_all_files(tmp_path: Path) -> None:
    pq.write_table(pa.table({"id": ["a", None, ""]}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"id": [None, "b"]}), tmp_path / "b.parquet")
    with pytest.raises(SourceError, match="3 rows without an id"):
        ParquetSource(tmp_path).ids()


def test_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    twice = pa.table([pa.array([1]), pa.array([2])], names=["id", "id"])
    pq.write_table(twice, tmp_path / "a.parquet")
    with pytest.raises(SourceError, match='several columns called "id"'):
        ParquetSource(tmp_path / "a.parquet")


def test_several_possible_image_columns_are_not_guessed(tmp_path: Path) -> None:
    table = pa.table({"id": [1], "left": [b"x"], "right": [b"y"]})
    pq.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(SourceError, match="may be left, right"):
        ParquetSource(tmp_path / "a.parquet")


def test_files_of_a_folder_may_lack_columns_but_not_disagree(tmp_path: Path) -> None:
    pq.write_table(pa.table({"id": [1], "n": pa.array([1], pa.int32())}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"id": [2], "n": [2.5], "extra": ["e"]}), tmp_path / "b.parquet")
    (tmp_path / "_metadata").write_bytes(b"not data")
    (tmp_path / "_notes.parquet").write_bytes(b"not data")
    table, _ = read(ParquetSource(tmp_path))
    assert table["n"].to_pylist() == [1.0, 2.5]
    assert table["extra"].to_pylist() == [None, "e"]
    pq.write_table(pa.table({"id": ["three"]}), tmp_path / "c.parquet")
    with pytest.raises(SourceError, match="do not have the same columns"):
        ParquetSource(tmp_path)


def test_an_empty_file_has_no_ids(tmp_path: Path) -> None:
    pq.write_table(objects(0), tmp_path / "a.parquet")
    source = ParquetSource(tmp_path / "a.parquet")
    assert source.ids().type == pa.int64()
    assert list(source.batches(np.ones(0, dtype=bool), 5)) == []


@pytest.mark.parametrize("suffix", [".parquet", ".arrow", ".feather"])
@pytest.mark.parametrize("data", [b"", b"PAR1", b"nonsense" * 50, b"ARROW1\0\0" + b"x" * 40])
def test_corrupt_files_are_refused_by_name(tmp_path: Path, suffix: str, data: bytes) -> None:
    (tmp_path / f"bad{suffix}").write_bytes(data)
    with pytest.raises(SourceError, match=f"bad{suffix} cannot be read") as caught:
        ParquetSource(tmp_path / f"bad{suffix}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("file", WRITERS)
def test_a_truncated_file_is_refused_by_name(tmp_path: Path, file: str) -> None:
    WRITERS[file](objects(500), tmp_path / file)
    data = (tmp_path / file).read_bytes()
    (tmp_path / file).write_bytes(data[: len(data) // 2])
    with pytest.raises(SourceError, match="cannot be read"):
        ParquetSource(tmp_path / file).ids()


def test_damage_inside_a_page_is_an_error_not_a_wrong_answer(tmp_path: Path) -> None:
    table = pa.table({"id": pa.array(range(5000)), "n": np.random.default_rng(0).random(5000)})
    pq.write_table(table, tmp_path / "a.parquet", write_page_checksum=True)
    data = bytearray((tmp_path / "a.parquet").read_bytes())
    data[500:520] = b"\xff" * 20
    (tmp_path / "a.parquet").write_bytes(data)
    with pytest.raises(SourceError, match="cannot be read"):
        read(ParquetSource(tmp_path / "a.parquet"))


def test_missing_and_foreign_paths_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="There is nothing at"):
        ParquetSource(tmp_path / "nowhere.parquet")
    with pytest.raises(SourceError, match="No file below"):
        ParquetSource(tmp_path)
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(SourceError, match="does not end in"):
        ParquetSource(tmp_path / "a.txt")


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs the shared survey data")
@pytest.mark.parametrize("file", ["legacy_benchmark64", "rings_decals", "gz2_votes_sdss"])
def test_survey_data_is_read_whole(file: str) -> None:
    source = ParquetSource(SHARED / f"{file}.parquet")
    stored = pq.read_table(SHARED / f"{file}.parquet")
    table, failures = read(source, rows=50)
    assert failures == []
    assert source.left_out == {}
    assert table["id"].to_pylist() == stored["id"].to_pylist()
    assert table["image"].to_pylist() == stored["image"].to_pylist()
    assert table.num_columns == stored.num_columns + 1
