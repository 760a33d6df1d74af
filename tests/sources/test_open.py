"""Choosing the source for what lies at a path."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.io import fits
from astropy.table import Table
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from skylore.errors import SourceError
from skylore.sources.folder import FolderSource
from skylore.sources.open import detect_kind, open_source, without_credentials
from skylore.sources.parquet import ParquetSource
from skylore.sources.tables import CatalogueSource


def write_png(path: Path) -> None:
    Image.new("RGB", (9, 9)).save(path)


def write_fits(path: Path) -> None:
    fits.PrimaryHDU(np.zeros((9, 9), np.float32)).writeto(path)


def write_fits_table(path: Path) -> None:
    Table({"id": [1]}).write(path)


def write_parquet(path: Path) -> None:
    pq.write_table(pa.table({"id": [1]}), path)


def write_csv(path: Path) -> None:
    path.write_text("id,n\n1,2\n")


@pytest.mark.parametrize(
    ("name", "write", "kind"),
    [
        ("a.PNG", write_png, "mosaic"),
        ("a.fits", write_fits, "mosaic"),
        ("a.fits", write_fits_table, "table"),
        ("a.parquet", write_parquet, "parquet"),
        ("a.csv", write_csv, "table"),
    ],
)
def test_a_file_is_known_by_its_suffix_and_fits_by_its_content(
    tmp_path: Path, name: str, write, kind: str
) -> None:
    write(tmp_path / name)
    assert detect_kind(str(tmp_path / name)) == kind
    assert open_source(str(tmp_path / name)).settings["kind"] == kind


@pytest.mark.parametrize(
    ("name", "write", "kind"),
    [
        ("a.png", write_png, "folder"),
        ("a.fits", write_fits, "fits"),
        ("a.pq", write_parquet, "parquet"),
    ],
)
def test_a_folder_is_known_by_its_files(tmp_path: Path, name: str, write, kind: str) -> None:
    (tmp_path / "sub").mkdir()
    write(tmp_path / "sub" / name)
    write_csv(tmp_path / "companion.csv")
    assert open_source(str(tmp_path)).settings["kind"] == kind


def test_a_folder_of_several_kinds_must_be_told(tmp_path: Path) -> None:
    write_png(tmp_path / "a.png")
    write_png(tmp_path / "b.png")
    write_parquet(tmp_path / "c.parquet")
    with pytest.raises(SourceError, match=r"2 for kind folder, 1 for kind parquet.*kind="):
        open_source(str(tmp_path))
    assert isinstance(open_source(str(tmp_path), kind="folder"), FolderSource)
    assert isinstance(open_source(str(tmp_path), kind="parquet"), ParquetSource)


def test_options_reach_the_source_and_unknown_ones_are_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"galaxy": ["a"]}), tmp_path / "a.parquet")
    path = str(tmp_path / "a.parquet")
    assert open_source(path, id_column="galaxy").ids().to_pylist() == ["a"]
    table = open_source(path, kind="table", id_column="galaxy")
    assert isinstance(table, CatalogueSource)
    with pytest.raises(SourceError, match="no option size; it takes id_column"):
        open_source(path, size=3)
    with pytest.raises(SourceError, match='no kind of source "root"'):
        open_source(path, kind="root")


def test_paths_that_cannot_be_opened_say_why(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="There is nothing at"):
        open_source(str(tmp_path / "nowhere"))
    with pytest.raises(SourceError, match="None of the 0 files"):
        open_source(str(tmp_path))
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(SourceError, match=r"ends in none of .*say kind="):
        open_source(str(tmp_path / "a.txt"))
    (tmp_path / "a.fits").write_text("x")
    with pytest.raises(SourceError, match="cannot be read as FITS"):
        open_source(str(tmp_path / "a.fits"))


def test_addresses_are_refused_without_showing_their_secrets() -> None:
    with pytest.raises(SourceError, match="not on this machine") as caught:
        open_source("s3://key:secret@bucket/sky?token=secret#secret")
    assert "s3://bucket/sky" in str(caught.value)
    assert "secret" not in str(caught.value)


letters = st.text("abcdefghij", min_size=1, max_size=8)


@given(letters, letters, letters, letters)
def test_no_part_of_a_secret_survives(user: str, host: str, path: str, token: str) -> None:
    address = f"https://{user.upper()}:{token.upper()}@{host}/{path}?t={token.upper()}"
    assert without_credentials(address) == f"https://{host}/{path}"
    assert without_credentials(path) == path


def test_addresses_that_are_no_urls_show_nothing() -> None:
    assert without_credentials("s3://secret@[bad") == "s3://…"
