"""Catalogues of every format."""

from __future__ import annotations

import gzip
from pathlib import Path

import astropy.units as u
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.coordinates import SkyCoord
from astropy.table import MaskedColumn, Table
from hypothesis import given, settings
from hypothesis import strategies as st

from skylore.errors import DuplicateIdError, SourceError
from skylore.sources.base import Source
from skylore.sources.tables import CatalogueSource, load_catalogue, read_catalogue

SHARED = Path(__file__).parents[2].parent / "shared" / "data"


def catalogue(tmp_path: Path, text: str | bytes, name: str = "c.csv") -> Path:
    path = tmp_path / name
    data = text.encode() if isinstance(text, str) else text
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return path


@pytest.mark.parametrize("name", ["c.csv", "c.csv.gz", "c.tsv"])
def test_types_are_inferred_and_missing_values_null(tmp_path: Path, name: str) -> None:
    text = "objid,RA,Dec,z,kind,flag,id\n12,-5,3.5,0.1,NA,true,x\n13,5,3.5,nan,E,false,\n"
    text = text.replace(",", "\t") if name == "c.tsv" else text
    table = read_catalogue(catalogue(tmp_path, text, name), id_column="objid")
    assert table.to_pydict() == {
        "id": [12, 13],
        "ra": [355.0, 5.0],
        "dec": [3.5, 3.5],
        "z": [0.1, None],
        "kind": [None, "E"],
        "flag": [True, False],
        "catalogue_id": ["x", None],
    }


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        (["1", "20", "-3"], [1, 20, -3]),
        (["007", "8"], ["007", "8"]),
        (["-0", "8"], ["-0", "8"]),
        (["+1", "8"], ["+1", "8"]),
        (["1.0", "8"], ["1.0", "8"]),
        (["1e3", "8"], ["1e3", "8"]),
        (["9223372036854775807"], [2**63 - 1]),
        (["9223372036854775808", "1"], ["9223372036854775808", "1"]),
        (["587722981742084097", "J1200"], ["587722981742084097", "J1200"]),
        (["2020-01-01"], ["2020-01-01"]),
        (["true", "false"], ["true", "false"]),
    ],
)
def test_ids_are_numbers_only_if_nothing_is_lost(
    tmp_path: Path, ids: list[str], expected: list[object]
) -> None:
    path = catalogue(tmp_path, "id,n\n" + "".join(f"{value},1\n" for value in ids))
    assert read_catalogue(path)["id"].to_pylist() == expected


@settings(max_examples=60, deadline=None)
@given(st.lists(st.from_regex(r"[0-9A-Za-z+.-]{1,20}", fullmatch=True), min_size=1, unique=True))
def test_written_ids_are_read_back_to_the_letter(
    tmp_path_factory: pytest.TempPathFactory, ids: list[str]
) -> None:
    missing = {"nan", "NaN", "NAN", "null", "NULL", "Null", "NA"}
    path = catalogue(tmp_path_factory.mktemp("ids"), "\n".join(["id,n", *(f"{i},1" for i in ids)]))
    if missing & set(ids):
        with pytest.raises(SourceError, match=f"{len(missing & set(ids))} rows without an id"):
            read_catalogue(path)
    else:
        assert [str(value) for value in read_catalogue(path)["id"].to_pylist()] == ids


def test_types_are_inferred_from_all_rows_not_the_first_ones(tmp_path: Path) -> None:
    rows = [f"{n},7" for n in range(700_000)]
    table = read_catalogue(catalogue(tmp_path, "\n".join(["id,n", *rows, "-1,late"])))
    assert table["n"].type == pa.string()
    assert table["n"][-1].as_py() == "late"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"id,n\n1,2\n3\n", "Row #3: Expected 2 columns, got 1"),
        (b"id,n\n1,2\n3,4,5\n", "Row #3: Expected 2 columns, got 3"),
        (b"id,n\n1,a\n2,\xe9\n", "is not UTF-8 text, line 3"),
        (b"id,\xe9\n1,2\n", "is not UTF-8 text, line 1"),
        (b"n,m\n1,2\n", r"id_column=. There are: n, m"),
        (b"id,n,n\n1,2,3\n", 'several columns called "n"'),
        (b"id,n\n1,2\n,3\nNA,4\n", "2 rows without an id"),
    ],
)
def test_malformed_text_is_one_clear_line(tmp_path: Path, text: bytes, message: str) -> None:
    with pytest.raises(SourceError, match=message) as caught:
        read_catalogue(catalogue(tmp_path, text))
    assert "\n" not in str(caught.value)


def test_a_damaged_gzip_file_is_refused(tmp_path: Path) -> None:
    path = catalogue(tmp_path, "id,n\n" + "1,2\n" * 10_000, "c.csv.gz")
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(SourceError, match="cannot be read as a table of text"):
        read_catalogue(path)


def test_marks_and_blanks_around_the_header_are_not_part_of_names(tmp_path: Path) -> None:
    path = catalogue(tmp_path, b"\xef\xbb\xbf# id , mag_r\na,2\n")
    assert read_catalogue(path).to_pydict() == {"id": ["a"], "mag_r": [2]}


def test_duplicate_ids_are_counted_and_the_first_ten_listed(tmp_path: Path) -> None:
    ids = [n for n in range(12) for _ in range(2)] + [99]
    path = catalogue(tmp_path, "id,n\n" + "".join(f"{n},0\n" for n in ids))
    with pytest.raises(DuplicateIdError, match=r"12 ids in more than one row: 0, 1, 2.*9, …"):
        read_catalogue(path)


def test_a_table_without_rows_is_empty(tmp_path: Path) -> None:
    assert read_catalogue(catalogue(tmp_path, "id,n\n")).num_rows == 0


def astropy_table() -> Table:
    return Table(
        {
            "OBJID": np.array([3, 4], dtype=">i8"),
            "RA": np.array([10.0, 700.0]) * u.deg,
            "DEC": np.array([-1.0, 2.0]) * u.deg,
            "NAME": ["NGC 1", "NGC 2"],
            "MAG": MaskedColumn([1.5, 2.5], mask=[False, True], dtype=">f4"),
            "SPECTRUM": np.zeros((2, 3)),
        }
    )


@pytest.mark.parametrize(
    ("name", "format"),
    [("t.fits", "fits"), ("t.fits.gz", "fits"), ("t.vot", "votable"), ("t.ecsv", "ascii.ecsv")],
)
def test_tables_of_astronomy_are_read_alike(tmp_path: Path, name: str, format: str) -> None:  # noqa: A002
    astropy_table().write(tmp_path / name, format=format)
    found = load_catalogue(tmp_path / name)
    assert found.table.to_pydict() == {
        "id": [3, 4],
        "ra": [10.0, None],
        "dec": [-1.0, None],
        "NAME": ["NGC 1", "NGC 2"],
        "MAG": [1.5, None],
    }
    assert found.positions_refused == 1
    assert list(found.left_out) == ["SPECTRUM"]


def test_columns_of_several_values_are_left_out_of_ecsv(tmp_path: Path) -> None:
    table = Table({"id": ["a"], "place": SkyCoord([1.0] * u.deg, [2.0] * u.deg)})
    table.write(tmp_path / "t.ecsv")
    assert "place" in load_catalogue(tmp_path / "t.ecsv").left_out


@pytest.mark.parametrize("name", ["t.fits", "t.vot", "t.ecsv"])
@pytest.mark.parametrize("data", [b"", b"nonsense\n" * 100])
def test_corrupt_tables_are_refused(tmp_path: Path, name: str, data: bytes) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(SourceError, match="cannot be read"):
        read_catalogue(tmp_path / name)


def test_a_truncated_fits_table_is_refused(tmp_path: Path) -> None:
    Table({"id": np.arange(5000)}).write(tmp_path / "t.fits")
    data = (tmp_path / "t.fits").read_bytes()
    (tmp_path / "t.fits").write_bytes(data[:20_000])
    with pytest.raises(SourceError, match="cannot be read"):
        read_catalogue(tmp_path / "t.fits")


def test_a_parquet_catalogue_leaves_its_images_unread(tmp_path: Path) -> None:
    table = pa.table({"id": ["a", "b"], "image": [b"x", b"y"], "n": [1, 2]})
    pq.write_table(table, tmp_path / "t.parquet")
    assert read_catalogue(tmp_path / "t.parquet").to_pydict() == {"id": ["a", "b"], "n": [1, 2]}


def test_a_catalogue_is_a_source_of_objects_without_images(tmp_path: Path) -> None:
    path = catalogue(tmp_path, "id,n\na,1\nb,2\nc,3\n")
    source = CatalogueSource(path)
    assert isinstance(source, Source)
    assert source.ids().to_pylist() == ["a", "b", "c"]
    batches = list(source.batches(np.array([True, False, True]), 1))
    assert [batch.objects.to_pylist() for batch in batches] == [
        [{"id": "a", "n": 1, "source_item": "c.csv:0"}],
        [{"id": "c", "n": 3, "source_item": "c.csv:2"}],
    ]


def test_missing_and_foreign_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="There is nothing at"):
        read_catalogue(tmp_path / "nowhere.csv")
    (tmp_path / "a.txt").write_text("id\n1\n")
    with pytest.raises(SourceError, match="is no table"):
        read_catalogue(tmp_path / "a.txt")


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs the shared survey data")
def test_hipparcos_is_read_whole() -> None:
    found = load_catalogue(SHARED / "hipparcos_stars.csv.gz")
    assert found.table.num_rows == 113_179
    assert found.roles.id == "hip"
    assert found.table["id"].type == pa.int64()
    assert found.table["ra"].null_count == found.positions_refused == 0
    assert found.table["spec_class"].type == pa.string()
