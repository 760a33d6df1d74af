"""One stage of the pipeline beside its bare parts, in a process of its own.

``python -m benchmarks.pipeline_stages STAGE FOLDER ROUNDS`` prints what it took as JSON. Times are
processor seconds of all threads, since the machines are shared. Imports and models are loaded
before the clock starts; the peak memory is that of the whole process.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks.pipeline_bare import BARE
from benchmarks.pipeline_data import (
    ASKED,
    CAPTIONED,
    EMBEDDED,
    GALAXIES,
    IMAGES,
    INDEXED,
    MEASURED,
    SEARCHED,
    TEXTS,
    large_codebook,
    queries,
)
from benchmarks.pipeline_took import Took
from benchmarks.usage import peak, size_of
from skylore import pipeline
from skylore.archive.fill import FillOptions
from skylore.archive.table import Archive
from skylore.pipeline.steps import IMAGE_ENCODER, TEXT_ENCODER

__all__ = ["OURS"]

HERE = FillOptions(progress=False, workers=0)


def copied(name: str, folder: Path) -> Archive:
    """Give a fresh copy of a prepared archive."""
    place = folder / "run" / name
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(folder / name, place)
    return Archive.open(place)


def filled(name: str, folder: Path, work: Callable[[Archive], object], column: str) -> Took:
    """Run a step on a copy of an archive, from empty columns to the last commit."""
    archive = copied(name, folder)
    took, before = Took(len(archive)), size_of(archive.location.folder)
    with took.timed("all"):
        work(archive)
    archive.refresh()
    if archive.filled(column) < 0.98 * len(archive):
        raise RuntimeError(f"{column} is empty in {len(archive) - archive.filled(column)} rows")
    took.disk = size_of(archive.location.folder) - before
    return took


def ingest_ours(folder: Path) -> Took:
    from skylore.intake.ingest import IngestOptions, ingest
    from skylore.sources.open import open_source

    place = folder / "run" / "ingested.skylore"
    shutil.rmtree(place, ignore_errors=True)
    took = Took(len(Archive.open(folder / IMAGES)))
    with took.timed("all"):
        archive = Archive.create(place)
        source = open_source(str(GALAXIES))
        ingest(archive, source, IngestOptions(progress=False, limit=took.rows))
    took.disk = size_of(place)
    return took


def measure_ours(folder: Path) -> Took:
    from skylore.imaging.steps import Measure

    Measure().prepare()
    return filled(MEASURED, folder, lambda archive: pipeline.measure(archive, HERE), "measure_flag")


def caption_ours(folder: Path) -> Took:
    return filled(CAPTIONED, folder, lambda archive: pipeline.caption(archive, HERE), "caption")


def embed_ours(folder: Path) -> Took:
    from skylore.encoders.registry import load_image_encoder

    load_image_encoder(IMAGE_ENCODER)
    return filled(EMBEDDED, folder, lambda archive: pipeline.embed(archive, HERE), "vector")


def texts_ours(folder: Path) -> Took:
    from skylore.encoders.registry import load_text_encoder
    from skylore.encoders.steps import EmbedTexts

    load_text_encoder(TEXT_ENCODER).encode(["warm"])
    step = EmbedTexts(TEXT_ENCODER)
    return filled(TEXTS, folder, lambda archive: archive.fill(step, HERE), "caption_vectors")


def codes_ours(folder: Path) -> Took:
    from skylore.search.codes.coding import code_parts
    from skylore.search.codes.fragments import ArchiveVectors
    from skylore.search.codes.segment import Segment, write_segment

    source = ArchiveVectors(Archive.open(folder / INDEXED), "vector")
    book, place = large_codebook(source), folder / "run" / "codes"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    took = Took(source.rows)
    with took.timed("all"):
        for made in code_parts(source, list(source.parts()), book):
            if isinstance(made, Segment):
                write_segment(place, made)
    took.disk = size_of(place)
    return took


def index_ours(folder: Path) -> Took:
    from skylore.search.index import IndexOptions, build_indexes

    archive = copied(SEARCHED, folder)
    took, before = Took(len(archive)), size_of(archive.location.folder)
    with took.timed("all"):
        build_indexes(archive, IndexOptions(vector_rows=256))
    took.disk = size_of(archive.location.folder) - before
    return took


def search_ours(folder: Path) -> Took:
    from skylore.search.query import Query, VectorTerm

    archive = Archive.open(folder / INDEXED)
    asked = [Query(terms=(VectorTerm(values=tuple(v.tolist())),), k=20) for v in queries(archive)]
    for query in asked[:5]:
        archive.answer(query)
    took = Took(ASKED)
    with took.timed("all"):
        for query in asked:
            archive.answer(query)
    return took


OURS: dict[str, Callable[[Path], Took]] = {
    "ingest": ingest_ours,
    "measure": measure_ours,
    "caption": caption_ours,
    "embed images": embed_ours,
    "embed captions": texts_ours,
    "index: codes": codes_ours,
    "index: ids, words, filters": index_ours,
    "search": search_ours,
}


def run(stage: str, folder: Path, rounds: int) -> None:
    """Take ours and the bare parts in turns, and print what they took."""
    ours, bare = OURS[stage], BARE.get(stage)
    warm = ours(folder)
    found: dict[str, object] = {"rows": warm.rows, "disk": warm.disk, "peak": peak()}
    turns = []
    for _ in range(rounds):
        alone = bare(folder).per_row if bare else {}
        turns.append({"ours": ours(folder).per_row["all"], "bare": alone})
    print(json.dumps(found | {"turns": turns}))


if __name__ == "__main__":
    run(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
