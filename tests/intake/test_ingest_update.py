"""Ingesting a source again that has changed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from archive.steps import LengthStep
from skylore import pipeline
from skylore.archive.fill import FillOptions
from skylore.errors import DuplicateIdError
from skylore.intake.ingest import IngestOptions

UPDATE = IngestOptions(progress=False, update=True, batch_rows=3)
QUIET = FillOptions(progress=False)


def image(path: Path, seed: int) -> None:
    noise = np.random.default_rng(seed).integers(0, 255, (16, 16, 3), np.uint8)
    Image.fromarray(noise).save(path)


def test_a_folder_with_a_changed_and_a_new_image(tmp_path: Path) -> None:
    source, path = tmp_path / "images", tmp_path / "a.skylore"
    source.mkdir()
    for i in range(8):
        image(source / f"g{i}.png", i)
    archive, _ = pipeline.ingest(path, source, UPDATE)
    archive.fill(LengthStep(), QUIET)
    image(source / "g3.png", 99)
    image(source / "g8.png", 8)
    plain = IngestOptions(progress=False, limit=0)
    assert pipeline.ingest(path, source, plain)[1].already == 8
    _, report = pipeline.ingest(path, source, UPDATE)
    assert (report.added, report.updated, report.already) == (1, 1, 7)
    assert "1 replaced" in str(report)
    archive.refresh()
    assert archive.images(["g3"])["g3"] == (source / "g3.png").read_bytes()
    assert archive.filled("length") == 7
    assert pipeline.ingest(path, source, UPDATE)[1].updated == 0


def test_a_later_file_of_the_same_objects(tmp_path: Path) -> None:
    first, second, path = (tmp_path / n for n in ("v1.parquet", "v2.parquet", "a.skylore"))
    ids = [f"g{i}" for i in range(5)]
    pq.write_table(pa.table({"id": ids, "mag": [18.0, 19, 20, 21, 22]}), first)
    pq.write_table(pa.table({"id": ids, "mag": [18.0, 19, None, 21, 17]}), second)
    pipeline.ingest(path, first, IngestOptions(progress=False))
    with pytest.raises(DuplicateIdError, match="--update"):
        pipeline.ingest(path, second, IngestOptions(progress=False))
    archive, report = pipeline.ingest(path, second, UPDATE)
    assert (report.added, report.updated, report.already) == (0, 2, 3)
    archive.refresh()
    rows = archive.read(["id", "mag", "source"]).to_pylist()
    assert {r["id"]: r["mag"] for r in rows} == dict(
        zip(ids, [18.0, 19, None, 21, 17], strict=True)
    )
    assert {r["id"] for r in rows if "v2" in r["source"]} == {"g2", "g4"}
