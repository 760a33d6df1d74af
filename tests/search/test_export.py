from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from astropy.io import fits
from astropy.io.votable import parse
from astropy.table import Table
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import csv, parquet

from skylore.archive.provenance import Provenance, with_provenance
from skylore.archive.table import Archive
from skylore.errors import QueryError
from skylore.search.export import FORMATS, SUFFIXES, dumps, to_astropy, write
from skylore.search.fits_file import escape, transliterate
from skylore.search.query import Query
from skylore.search.results import Results

CAPTIONS = ["Café at 5″ × 3″, α = 2", None, "<b>bold</b> & \x07bell", "plain", "日本 galaxy"]


def described(name: str, kind: pa.DataType, unit: str = "", text: str = "") -> pa.Field:
    field = pa.field(name, kind, metadata={"unit": unit, "description": text})
    return with_provenance(field, Provenance(step="measure"))


FIELDS = [
    described("caption", pa.string(), text="what it shows"),
    described("flux", pa.float32(), "erg / (s cm2)", "total flux"),
    described("count", pa.int64(), "", "sources blended"),
    described("flag", pa.bool_()),
    described("odd", pa.float64(), "furlongs per fortnight"),
    described("names", pa.list_(pa.string())),
    described("vec", pa.list_(pa.float32(), 3)),
    described("small", pa.uint32()),
    described("box", pa.struct([("x", pa.int32())])),
    described("seen", pa.timestamp("us", tz="UTC")),
]


@pytest.fixture
def results(tmp_path: Path) -> Results:
    archive = Archive.create(tmp_path / "a.skylore")
    archive.add_columns(FIELDS)
    table = pa.table(
        {
            "id": ["a", "b", "c", "d", "é"],
            "ra": [10.0, 20.0, 30.0, 40.0, None],
            "dec": [1.0, 2.0, 3.0, 4.0, None],
            "caption": CAPTIONS,
            "flux": pa.array([1.0, 2.5, None, 4.0, 5.0], pa.float32()),
            "count": [1, 999999, None, -5, 2**60],
            "flag": [True, None, False, True, False],
            "odd": [1.0, 2.0, 3.0, 4.0, 5.0],
            "names": [["NGC 1", "M 2"], [], None, ["x"], ["y", "z"]],
            "vec": pa.array([[1, 2, 3], None, [4, 5, 6], [7, 8, 9], [0, 0, 1]], FIELDS[6].type),
            "small": pa.array([1, None, 3, 4, 2**32 - 1], pa.uint32()),
            "box": [{"x": 1}, None, {"x": 3}, {"x": 4}, {"x": 5}],
            "seen": pa.array([0, 1, None, 3, 4], pa.timestamp("us", tz="UTC")),
        }
    )
    archive.append(table)
    names = ("ra", "dec", *(f.name for f in FIELDS))
    return archive.answer(Query.build(columns=names, where="count IS NULL OR count > -99"))


def test_astropy_carries_units_descriptions_ucds_masks_and_the_query(results: Results) -> None:
    table = to_astropy(results)
    assert table.colnames == results.table.column_names
    assert str(table["ra"].unit) == "deg"
    assert table["flux"].unit == "erg / (s cm2)"
    assert table["odd"].unit is None
    assert "furlongs per fortnight" in table["odd"].description
    assert "made by: measure" in table["flux"].description
    assert [table[n].meta["ucd"] for n in ("id", "ra", "dec")] == [
        "meta.id;meta.main",
        "pos.eq.ra;meta.main",
        "pos.eq.dec;meta.main",
    ]
    assert list(table["flux"].mask) == [False, False, True, False, False]
    assert table["names"][0] == "NGC 1; M 2"
    assert table["vec"].shape == (5, 3)
    assert table["vec"].mask[1].all()
    assert Query.model_validate_json(table.meta["query"]) == results.query


def test_fits_is_ascii_says_so_and_keeps_nulls_numbers_and_the_query(
    results: Results, tmp_path: Path
) -> None:
    write(results, tmp_path / "a.fits")
    with fits.open(tmp_path / "a.fits") as hdus:
        hdus.verify("exception")
        header, data = hdus[1].header, hdus[1].data
        assert data["caption"][0] == r"Cafe at 5\u2033 x 3\u2033, alpha = 2"
        assert data["id"][4] == r"\xe9"
        assert "Column caption" in str(header["COMMENT"])
        assert json.loads(header["SKYQUERY"]) == json.loads(to_astropy(results).meta["query"])
        assert header["TUCD2"] == "meta.id;meta.main"
    table = Table.read(tmp_path / "a.fits")
    assert list(np.ma.filled(table["count"], -1)) == [1, 999999, -1, -5, 2**60]
    assert np.isnan(np.ma.filled(table["flux"], np.nan)[2])
    assert list(table["small"].filled(7)) == [1, 7, 3, 4, 2**32 - 1]
    assert table["flag"][0]
    assert table["flux"].unit == "erg / (s cm2)"


def test_fits_header_holds_a_long_query(results: Results) -> None:
    long = Query.build(["spiral " * 500], where="1 = 1")
    data = dumps(Results(long, results.plan, results.table, results.archive), "fits")
    assert isinstance(data, bytes)
    with fits.open(io.BytesIO(data)) as hdus:
        assert Query.model_validate_json(hdus[1].header["SKYQUERY"]) == long


@pytest.mark.filterwarnings("ignore:.*W50")  # astropy does not read the erg that it writes
def test_votable_reads_back_with_nulls_ucds_and_the_query(results: Results, tmp_path: Path) -> None:
    write(results, tmp_path / "a.vot")
    document = parse(tmp_path / "a.vot", verify="warn")
    infos = {info.name: info.value for info in document.resources[0].infos}
    assert Query.model_validate_json(infos["query"]) == results.query
    fields = {field.name: field for field in document.get_first_table().fields}
    assert fields["ra"].ucd == "pos.eq.ra;meta.main"
    assert fields["ra"].ref == "icrs"
    table = document.get_first_table().to_table()
    assert table["caption"][0] == CAPTIONS[0]
    assert table["caption"][2] == "<b>bold</b> & \ufffdbell"
    assert list(table["count"].filled(-1)) == [1, 999999, -1, -5, 2**60]
    assert list(table["small"].filled(7)) == [1, 7, 3, 4, 2**32 - 1]
    assert list(table["vec"][2]) == [4, 5, 6]


def test_csv_parquet_and_json_hold_the_same_values(results: Results, tmp_path: Path) -> None:
    for suffix in (".csv", ".parquet", ".json"):
        write(results, tmp_path / f"a{suffix}")
    back = parquet.read_table(tmp_path / "a.parquet")
    assert back.select(results.table.column_names).to_pylist() == results.table.to_pylist()
    assert back.schema.metadata[b"skylore:query"].decode() == to_astropy(results).meta["query"]
    assert back.schema.field("flux").metadata[b"unit"] == b"erg / (s cm2)"
    flat = csv.read_csv(tmp_path / "a.csv")
    assert flat["caption"].to_pylist()[0] == CAPTIONS[0]
    assert flat["vec"].to_pylist()[:2] == ["[1.0, 2.0, 3.0]", ""]
    loaded = json.loads((tmp_path / "a.json").read_text())
    assert [hit["id"] for hit in loaded["hits"]] == results.table["id"].to_pylist()
    assert Query.model_validate(loaded["query"]) == results.query


def test_integer_ids_stay_integers(tmp_path: Path) -> None:
    archive = Archive.create(tmp_path / "i.skylore", id_type=pa.int64())
    archive.append(pa.table({"id": [2**53 + 1, 7]}))
    results = archive.answer(Query())
    for suffix in (".fits", ".vot"):
        write(results, tmp_path / f"i{suffix}")
        assert set(Table.read(tmp_path / f"i{suffix}")["id"]) == {2**53 + 1, 7}


@pytest.mark.parametrize("kind", FORMATS)
def test_an_empty_answer_is_written_in_every_format(results: Results, kind: str) -> None:
    empty = results.archive.answer(Query.build(where="ra > 300"))
    assert len(empty) == 0
    written = dumps(empty, kind)
    assert isinstance(written, bytes) or written.endswith("\n")
    assert written


def test_bytes_are_left_out_of_flat_formats_and_that_is_said(tmp_path: Path) -> None:
    archive = Archive.create(tmp_path / "b.skylore")
    archive.append(pa.table({"id": ["a"], "image": [b"\x89PNG"]}))
    table = to_astropy(archive.answer(Query(columns=("image",))))
    assert table.colnames == ["rank", "id", "score"]
    assert table.meta["left_out"] == "image"


def test_refuses_what_it_cannot_write(results: Results, tmp_path: Path) -> None:
    with pytest.raises(QueryError, match=r"\.csv, \.parquet, \.fits, \.vot"):
        write(results, tmp_path / "a.xlsx")
    with pytest.raises(QueryError, match="no folder"):
        write(results, tmp_path / "missing" / "a.csv")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(QueryError, match="cannot write"):
        write(results, tmp_path / "folder.csv")
    with pytest.raises(QueryError, match="use one of table, csv"):
        dumps(results, "xlsx")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.skylore", "folder.csv"]


def test_every_suffix_is_written(results: Results, tmp_path: Path) -> None:
    for suffix in SUFFIXES:
        write(results, tmp_path / f"all{suffix.upper()}")
        assert (tmp_path / f"all{suffix.upper()}").stat().st_size > 100


@given(width=st.integers(20, 160))
def test_terminal_lines_fit(width: int) -> None:
    table = pa.table(
        {
            "rank": [1, 2],
            "id": ["a", "b" * 90],
            "score": pa.array([0.5, None], pa.float32()),
            "caption": ["日本" * 40, "esc\x1b[31mred"],
            "mag": [1.0, 2.0],
        }
    )
    text = str(dumps(Results(Query(), _plan(), table, None), "table", width=width))  # type: ignore[arg-type]
    lines = [line for line in text.splitlines() if "shown" not in line]
    assert all(sum(2 if c in "日本" else 1 for c in line) <= width for line in lines)
    assert "\x1b" not in text


def _plan():
    from skylore.search.planner import Plan

    return Plan(method="list", reason="", rows=2)


@given(st.text())
def test_ascii_forms_are_printable_and_escapes_lose_nothing(text: str) -> None:
    plain = transliterate(text)
    assert plain.isascii()
    assert not plain or plain.isprintable()
    escaped = escape(text)
    assert escaped.encode("ascii").decode("unicode_escape") == text
