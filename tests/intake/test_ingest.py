from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from skylore.archive.provenance import provenance_of
from skylore.archive.sky import healpix_29
from skylore.archive.table import Archive
from skylore.errors import ColumnError, DuplicateIdError, SourceError
from skylore.intake.ingest import IngestOptions, ingest
from skylore.intake.join import join_catalogue
from skylore.sources.open import open_source

QUIET = IngestOptions(progress=False)


def picture(seed: int, size: tuple[int, int] = (24, 32), mode: str = "RGB") -> Image.Image:
    rng = np.random.default_rng(seed)
    return Image.fromarray(rng.integers(0, 255, (*size, 3), np.uint8)).convert(mode)


def encoded(image: Image.Image, kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return buffer.getvalue()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    (folder / "deep").mkdir(parents=True)
    for i in range(6):
        picture(i).save(folder / f"g{i}.png")
    picture(6).save(folder / "deep" / "g6.jpg")
    picture(7, mode="L").save(folder / "grey.png")
    picture(8, mode="RGBA").save(folder / "clear.png")
    Image.fromarray(np.arange(900, dtype=np.uint16).reshape(30, 30) * 70).save(
        folder / "deep16.png"
    )
    (folder / "broken.png").write_bytes((folder / "g0.png").read_bytes()[:200])
    (folder / "empty.jpg").touch()
    picture(9, size=(1, 1)).save(folder / "dot.png")
    (folder / "notes.txt").write_text("not an image")
    return folder


def make(tmp_path: Path, id_type: pa.DataType | None = None) -> Archive:
    return Archive.create(tmp_path / "a.skylore", id_type=id_type)


def test_folder_of_all_kinds(tmp_path: Path, folder: Path) -> None:
    archive = make(tmp_path)
    report = ingest(archive, open_source(str(folder)), QUIET)
    assert (report.added, report.failed, report.already) == (10, 3, 0)
    rows = {row["id"]: row for row in archive.read().to_pylist()}
    assert rows["g3"]["image"] == (folder / "g3.png").read_bytes()
    assert rows["g3"]["image_rendering"] == "as given"
    assert (rows["g3"]["image_width"], rows["g3"]["image_height"]) == (32, 24)
    assert rows["deep/g6"]["source_item"] == "deep/g6.jpg"
    for name in ("grey", "clear", "deep16"):
        assert rows[name]["image_rendering"] != "as given"
        assert Image.open(io.BytesIO(rows[name]["image"])).mode == "RGB"
    aside = {f["id"]: f["reason"] for f in archive.quarantine.read("ingest").to_pylist()}
    assert set(aside) == {"broken", "empty", "dot"}


def test_again_adds_only_what_is_new(tmp_path: Path, folder: Path) -> None:
    archive = make(tmp_path)
    first = ingest(archive, open_source(str(folder)), QUIET.model_copy(update={"limit": 4}))
    assert first.added + first.failed == 4
    picture(20).save(folder / "new.png")
    report = ingest(archive, open_source(str(folder)), QUIET)
    assert (report.added, report.already) == (11 - first.added, first.added)
    assert ingest(archive, open_source(str(folder)), QUIET).added == 0
    picture(0).save(folder / "broken.png")
    mended = ingest(
        archive, open_source(str(folder)), IngestOptions(retry_failed=True, progress=False)
    )
    assert (mended.added, mended.failed) == (1, 2)
    assert set(archive.quarantine.read()["id"].to_pylist()) == {"empty", "dot"}
    assert len(archive) == 12


def test_duplicates_are_refused_before_anything_is_written(tmp_path: Path, folder: Path) -> None:
    picture(30).save(folder / "g1.jpg")
    archive = make(tmp_path)
    with pytest.raises(DuplicateIdError, match="g1"):
        ingest(archive, open_source(str(folder)), QUIET)
    assert len(archive) == 0


def test_ids_of_another_source_are_refused(tmp_path: Path, folder: Path) -> None:
    archive = make(tmp_path)
    ingest(archive, open_source(str(folder)), QUIET)
    other = tmp_path / "others"
    other.mkdir()
    picture(1).save(other / "g1.png")
    with pytest.raises(DuplicateIdError, match="already has from"):
        ingest(archive, open_source(str(other)), QUIET)


def parquet(path: Path, rows: int = 20, **columns: object) -> Path:
    table = {
        "object_id": np.arange(rows) + 587722981736579000,
        "image": [encoded(picture(i), "JPEG") for i in range(rows)],
        "ra": np.linspace(0, 350, rows),
        "dec": np.linspace(-80, 80, rows),
        "gini": np.linspace(0, 1, rows),
        "mag": np.linspace(14, 20, rows),
        **columns,
    }
    pq.write_table(pa.table(table), path)
    return path


def test_parquet_with_integer_ids_positions_and_catalogue(tmp_path: Path) -> None:
    path = parquet(tmp_path / "survey.parquet")
    archive = make(tmp_path, pa.int64())
    assert ingest(archive, open_source(str(path)), QUIET).added == 20
    rows = archive.read(["id", "ra", "dec", "_healpix_29", "mag", "catalogue_gini"])
    assert rows["id"].to_pylist()[0] == 587722981736579000
    cells = healpix_29(rows["ra"].to_numpy(), rows["dec"].to_numpy())
    assert rows["_healpix_29"].to_pylist() == cells.tolist()
    made = provenance_of(archive.schema.field("mag"))
    assert made is not None
    assert made.parameters["source"] == str(path)


def test_ready_made_vectors(tmp_path: Path) -> None:
    vectors = np.random.default_rng(0).normal(size=(20, 8)).astype(np.float32)
    column = pa.FixedSizeListArray.from_arrays(vectors.ravel(), 8)
    path = parquet(tmp_path / "v.parquet", emb=column)
    archive = make(tmp_path, pa.int64())
    ingest(archive, open_source(str(path), vector_column="emb"), QUIET)
    found = archive.search(vector=vectors[4].tolist(), k=1)
    assert next(iter(found)).id == 587722981736579004
    assert next(iter(found)).score == pytest.approx(1)


def test_repeated_ids_can_be_left_out(tmp_path: Path) -> None:
    path = tmp_path / "twice.parquet"
    table = pq.read_table(parquet(tmp_path / "once.parquet"))
    pq.write_table(pa.concat_tables([table, table.slice(3, 4)]), path)
    archive = make(tmp_path, pa.int64())
    with pytest.raises(DuplicateIdError, match="--keep-first"):
        ingest(archive, open_source(str(path)), QUIET)
    options = QUIET.model_copy(update={"keep_first": True})
    assert ingest(archive, open_source(str(path)), options).added == 20
    assert ingest(archive, open_source(str(path)), options).added == 0
    assert len(set(archive.read(["id"])["id"].to_pylist())) == len(archive) == 20


def test_a_join_never_touches_positions_that_are_there(tmp_path: Path) -> None:
    archive = make(tmp_path, pa.int64())
    ingest(archive, open_source(str(parquet(tmp_path / "survey.parquet"))), QUIET)
    first = archive.read(["id", "ra", "dec", "_healpix_29"]).to_pylist()[0]
    other = pa.table({"id": [first["id"]], "ra": [77.0], "dec": [7.0]})
    report = join_catalogue(archive, other, "other.csv")
    assert report.columns == ("catalogue_ra", "catalogue_dec")
    after = archive.read(["id", "ra", "dec", "_healpix_29"]).to_pylist()
    assert next(row for row in after if row["id"] == first["id"]) == first


def test_a_join_of_nothing_is_an_error(tmp_path: Path) -> None:
    archive = make(tmp_path)
    archive.append(pa.table({"id": ["g1"]}))
    with pytest.raises(SourceError, match="no column"):
        join_catalogue(archive, pa.table({"id": ["g1"]}), "ids.csv")


def test_types_that_do_not_fit(tmp_path: Path, folder: Path) -> None:
    archive = make(tmp_path, pa.int64())
    with pytest.raises(SourceError, match="ids of type string"):
        ingest(archive, open_source(str(folder)), QUIET)


def test_join_by_id(tmp_path: Path, folder: Path) -> None:
    archive = make(tmp_path)
    ingest(archive, open_source(str(folder)), QUIET)
    table = pa.table(
        {
            "id": ["g1", "g2", "nobody"],
            "z": [0.1, float("nan"), 3],
            "ra": [1.0, 2, 3],
            "dec": [4.0, 5, 6],
        }
    )
    report = join_catalogue(archive, table, "cat.csv")
    assert (report.joined, report.unmatched) == (2, 1)
    rows = {r["id"]: r for r in archive.read(["id", "z", "ra", "_healpix_29"]).to_pylist()}
    assert (rows["g1"]["z"], rows["g2"]["z"], rows["g3"]["z"]) == (0.1, None, None)
    assert rows["g2"]["_healpix_29"] is not None
    with pytest.raises(ColumnError, match="already"):
        join_catalogue(archive, table, "other.csv")
    with pytest.raises(SourceError, match="no id"):
        join_catalogue(archive, table.slice(2), "cat.csv")
