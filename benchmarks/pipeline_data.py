"""What the stages of the pipeline begin with: archives of real galaxies, and of copies of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from skylore import pipeline
from skylore.archive.fill import FillOptions
from skylore.archive.provenance import provenance_of
from skylore.archive.sky import cells_of
from skylore.archive.table import Archive
from skylore.search.codes.codebook import Codebook, unit_rows
from skylore.search.codes.fragments import ArchiveVectors, to_vectors
from skylore.search.codes.options import MOST_LISTS

__all__ = [
    "ASKED",
    "CAPTIONED",
    "EMBEDDED",
    "GALAXIES",
    "IMAGES",
    "INDEXED",
    "MEASURED",
    "SEARCHED",
    "TEXTS",
    "bytes_an_object",
    "large_codebook",
    "prepare",
    "queries",
]

GALAXIES = Path(__file__).parents[2] / "shared" / "data" / "gz1_sdss.parquet"
IMAGES, EMBEDDED, MEASURED = "images.skylore", "embedded.skylore", "measured.skylore"
CAPTIONED, TEXTS, SEARCHED = "captioned.skylore", "texts.skylore", "searched.skylore"
INDEXED, EMBEDDED_ONCE = "indexed.skylore", "embedded-once.skylore"
COPIES = 20
ASKED = 200
HERE = FillOptions(progress=False, workers=0)


def prepare(folder: Path, objects: int) -> None:
    """Make all of them, those that take longer with fewer objects."""
    for name, rows in ((IMAGES, objects), (EMBEDDED, objects // 4), (MEASURED, objects // 80)):
        _ingested(folder / name, rows)
    measured = _worked(folder / "described.skylore", objects // 5, pipeline.measure)
    _repeated(measured, folder / CAPTIONED, objects, step="measure")
    pipeline.caption(measured, HERE)
    measured.refresh()
    _repeated(measured, folder / TEXTS, objects // 10, step="caption")
    _repeated(measured, folder / SEARCHED, COPIES * objects)
    embedded = _worked(folder / EMBEDDED_ONCE, objects // 4, pipeline.embed)
    _many_vectors(embedded, folder / INDEXED, COPIES * objects)


def _ingested(place: Path, rows: int) -> Archive:
    from skylore.intake.ingest import IngestOptions, ingest
    from skylore.sources.open import open_source

    if place.exists():  # a run before was stopped
        return Archive.open(place)
    archive = Archive.create(place)
    ingest(archive, open_source(str(GALAXIES)), IngestOptions(progress=False, limit=rows))
    return archive


def _worked(place: Path, rows: int, step: Callable[[Archive, FillOptions], object]) -> Archive:
    archive = _ingested(place, rows)
    step(archive, HERE)
    archive.refresh()
    return archive


def _repeated(origin: Archive, place: Path, rows: int, step: str | None = None) -> None:
    """Write the columns that a step made, or all steps, with new ids and positions."""
    archive = Archive.create(place)
    fields = [f for f in origin.schema if _made_by(f, step)]
    archive.add_columns(fields)
    table = origin.read([f.name for f in fields])
    rng = np.random.default_rng(0)
    for start in range(0, rows, 20_000):
        count = min(20_000, rows - start)
        part = table.take(rng.integers(0, table.num_rows, count))
        z = rng.uniform(-1, 1, count)
        sky = pa.table({"ra": rng.uniform(0, 360, count), "dec": np.degrees(np.arcsin(z))})
        part = part.append_column("id", [[f"g{i:08d}" for i in range(start, start + count)]])
        for name in ("ra", "dec"):
            part = part.append_column(name, sky[name])
        archive.append(part.append_column("_healpix_29", cells_of(sky)))


def _made_by(field: pa.Field, step: str | None) -> bool:
    made = provenance_of(field)
    return made is not None and made.step != "ingest" and step in (None, made.step)


def _many_vectors(origin: Archive, place: Path, rows: int) -> None:
    """Write vectors many times with noise, and index them."""
    vectors = to_vectors(origin.read(["vector"])["vector"].drop_null())
    archive = Archive.create(place)
    archive.add_columns([origin.schema.field("vector")])
    rng = np.random.default_rng(0)
    kind = origin.schema.field("vector").type
    for start in range(0, rows, 20_000):
        near = vectors[rng.integers(0, len(vectors), 20_000)]
        near += rng.normal(scale=0.3 * near.std(), size=near.shape).astype(np.float32)
        flat = pa.array(unit_rows(near).astype(kind.value_type.to_pandas_dtype()).ravel())
        column = pa.FixedSizeListArray.from_arrays(flat, kind.list_size)
        names = [f"g{i:08d}" for i in range(start, start + 20_000)]
        archive.append(pa.table({"id": names, "vector": column}))
    pipeline.index(archive, vector_rows=rows)


def large_codebook(source: ArchiveVectors) -> Codebook:
    """Make a codebook with as many lists as the largest archives have; centres are vectors."""
    sample = unit_rows(source.sample(2 * MOST_LISTS, seed=0))
    book = Codebook.train(sample, length=128, lists=16)
    centres = (sample @ book.projection)[:MOST_LISTS]
    variances = np.repeat(book.variances.mean(axis=0, keepdims=True), len(centres), axis=0)
    book = replace(book, centres=centres, variances=variances)
    book.encode(sample[:8])
    return book


def bytes_an_object(stage: str, folder: Path) -> float | None:
    """Give the bytes on disk of the columns that a stage fills; None if it fills none."""
    from skylore.imaging.measurements import MEASUREMENT_SCHEMA

    places: dict[str, tuple[str, tuple[str, ...]]] = {
        "ingest": (IMAGES, ()),
        "measure": (CAPTIONED, tuple(MEASUREMENT_SCHEMA.names)),
        "caption": (TEXTS, ("caption", "captions")),
        "embed images": (EMBEDDED_ONCE, ("image_vector", "vector")),
        "embed captions": (f"run/{TEXTS}", ("caption_vectors",)),
    }
    if stage not in places:
        return None
    name, columns = places[stage]
    objects = Archive.open(folder / name).objects
    fields = [f for f in objects.lance_schema.fields() if not columns or f.name() in columns]
    sizes = {field.id: field.bytes_on_disk for field in objects.stats.data_stats().fields}
    stored: int = sum(sizes[i] for f in fields for i in _numbers(f))
    rows: int = objects.count_rows()
    return stored / rows


def _numbers(field: Any) -> list[int]:  # noqa: ANN401 - Lance's own field
    return [field.id(), *(i for child in field.children() for i in _numbers(child))]


def queries(archive: Archive) -> list[NDArray[np.float32]]:
    """Give vectors of objects with some noise."""
    rng = np.random.default_rng(1)
    sample = ArchiveVectors(archive, "vector").sample(ASKED, seed=1)
    noise = rng.normal(scale=0.3 * sample.std(), size=sample.shape)
    return list(unit_rows((sample + noise).astype(np.float32)))
