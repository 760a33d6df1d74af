"""A folder of image files."""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from skylore.errors import ImageError, SourceError
from skylore.sources.base import Source
from skylore.sources.batching import regroup
from skylore.sources.folder import IMAGE_SUFFIXES, FolderSource
from skylore.sources.walk import file_id, printable


def image_bytes(kind: str = "PNG", shade: int = 7) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (5, 4), (shade, shade, shade)).save(buffer, kind)
    return buffer.getvalue()


def write(path: Path, data: bytes | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(image_bytes() if data is None else data)


def everything(source: Source, rows: int = 100) -> pa.Table:
    wanted = np.ones(len(source.ids()), dtype=bool)
    return pa.concat_tables(batch.objects for batch in source.batches(wanted, rows))


def test_ids_are_relative_paths_in_order_and_bytes_are_as_found(tmp_path: Path) -> None:
    write(tmp_path / "b" / "two.JPG", image_bytes("JPEG"))
    write(tmp_path / "a.tar.png", image_bytes(shade=1))
    write(tmp_path / "b" / "one.webp", image_bytes("WEBP"))
    write(tmp_path / "c.TIFF", image_bytes("TIFF"))
    write(tmp_path / "notes.txt", b"no image")
    write(tmp_path / ".hidden.png")
    write(tmp_path / ".cache" / "thumb.png")
    source = FolderSource(tmp_path)
    assert isinstance(source, Source)
    assert source.ids().to_pylist() == ["a.tar", "b/one", "b/two", "c"]
    assert source.other_files == 1
    table = everything(source)
    assert table["source_item"].to_pylist() == ["a.tar.png", "b/one.webp", "b/two.JPG", "c.TIFF"]
    assert table["image"][0].as_py() == image_bytes(shade=1)


def test_two_suffixes_of_one_name_show_as_duplicate_ids(tmp_path: Path) -> None:
    write(tmp_path / "a.png")
    write(tmp_path / "a.jpg", image_bytes("JPEG"))
    assert FolderSource(tmp_path).ids().to_pylist() == ["a", "a"]


@pytest.mark.parametrize("rows", [1, 2, 3, 10])
def test_only_wanted_files_are_read_in_batches_of_the_asked_size(tmp_path: Path, rows: int) -> None:
    for number in range(7):
        write(tmp_path / f"{number}.png", image_bytes(shade=number))
    wanted = np.array([True, False, True, True, False, True, True])
    batches = list(FolderSource(tmp_path).batches(wanted, rows))
    assert all(batch.objects.num_rows <= rows for batch in batches)
    table = pa.concat_tables(batch.objects for batch in batches)
    assert table["id"].to_pylist() == ["0", "2", "3", "5", "6"]
    assert table["image"].to_pylist() == [image_bytes(shade=n) for n in (0, 2, 3, 5, 6)]


def test_unreadable_files_are_failures_and_the_rest_is_read(tmp_path: Path) -> None:
    write(tmp_path / "good.png")
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere.png")
    (tmp_path / "self.png").symlink_to(tmp_path / "self.png")
    os.mkfifo(tmp_path / "pipe.png")
    (batch,) = FolderSource(tmp_path).batches(np.ones(4, dtype=bool), 10)
    assert batch.objects["id"].to_pylist() == ["good"]
    assert [failure.id for failure in batch.failures] == ["gone", "pipe", "self"]
    assert all(isinstance(failure.error, ImageError) for failure in batch.failures)
    assert "not an ordinary file" in str(batch.failures[1].error)


def test_a_file_larger_than_the_limit_is_a_failure(tmp_path: Path) -> None:
    with (tmp_path / "huge.png").open("wb") as file:
        file.truncate((1 << 30) + 1)
    (batch,) = FolderSource(tmp_path).batches(np.ones(1, dtype=bool), 10)
    assert batch.objects.num_rows == 0
    assert "1,073,741,825 bytes" in str(batch.failures[0].error)


def test_loops_of_links_end_and_real_places_win_over_links(tmp_path: Path) -> None:
    write(tmp_path / "z" / "deep" / "a.png")
    (tmp_path / "z" / "deep" / "up").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "aa").symlink_to(tmp_path / "z", target_is_directory=True)
    assert FolderSource(tmp_path).ids().to_pylist() == ["z/deep/a"]


def test_linked_folders_elsewhere_are_followed_once(tmp_path: Path) -> None:
    write(tmp_path / "elsewhere" / "a.png")
    (tmp_path / "root").mkdir()
    for link in ("one", "two"):
        (tmp_path / "root" / link).symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    assert FolderSource(tmp_path / "root").ids().to_pylist() == ["one/a"]


def test_names_that_are_not_utf8_are_escaped_and_read(tmp_path: Path) -> None:
    write(tmp_path / os.fsdecode(b"gal\xff.png"))
    table = everything(FolderSource(tmp_path))
    assert table["id"].to_pylist() == ["gal\\xff"]
    assert table["source_item"].to_pylist() == ["gal\\xff.png"]
    assert table["image"][0].as_py() == image_bytes()


def test_a_folder_without_images_names_the_suffixes(tmp_path: Path) -> None:
    write(tmp_path / "notes.txt", b"no image")
    with pytest.raises(SourceError, match=r"none of its 1 files ends in \.jpeg, \.jpg, \.png"):
        FolderSource(tmp_path).ids()


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="is not a folder"):
        FolderSource(tmp_path / "nowhere")


def test_a_folder_that_goes_away_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    source = FolderSource(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    with pytest.raises(SourceError, match="gone cannot be listed"):
        source.ids()


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser can list every folder")
def test_a_folder_that_cannot_be_listed_is_not_skipped(tmp_path: Path) -> None:
    write(tmp_path / "a.png")
    (tmp_path / "locked").mkdir(mode=0)
    with pytest.raises(SourceError, match="cannot be listed"):
        FolderSource(tmp_path).ids()


def test_flags_of_another_listing_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "a.png")
    source = FolderSource(tmp_path)
    with pytest.raises(SourceError, match="read its ids again"):
        list(source.batches(np.ones(2, dtype=bool), 10))
    with pytest.raises(ValueError, match="at least one row"):
        list(source.batches(np.ones(1, dtype=bool), 0))


@given(st.binary(min_size=1, max_size=30), st.sampled_from(IMAGE_SUFFIXES))
def test_every_file_name_becomes_valid_text(name: bytes, suffix: str) -> None:
    path = os.fsdecode(name) + suffix
    assert file_id(path, IMAGE_SUFFIXES).encode() == printable(os.fsdecode(name)).encode()


@given(st.lists(st.integers(0, 9), max_size=12), st.integers(1, 7))
def test_regrouping_keeps_every_row_in_order(sizes: list[int], rows: int) -> None:
    numbers = iter(range(sum(sizes)))
    tables = [
        pa.table({"n": pa.array([next(numbers) for _ in range(size)], pa.int64())})
        for size in sizes
    ]
    groups = [group["n"].to_pylist() for group in regroup(tables, rows)]
    assert [n for group in groups for n in group] == list(range(sum(sizes)))
    assert all(len(group) == rows for group in groups[:-1])
    assert all(1 <= len(group) <= rows for group in groups)
