"""The bare parts of each stage: decoding, arithmetic on what is in memory, one plain write."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa

from benchmarks.pipeline_data import (
    ASKED,
    CAPTIONED,
    EMBEDDED,
    IMAGES,
    INDEXED,
    MEASURED,
    TEXTS,
    large_codebook,
    queries,
)
from benchmarks.pipeline_took import Took, written
from skylore.archive.table import Archive
from skylore.pipeline.steps import IMAGE_ENCODER, TEXT_ENCODER

__all__ = ["BARE"]


def ingest_bare(folder: Path) -> Took:
    from benchmarks.rates import decode_all

    table = Archive.open(folder / IMAGES).read()
    took = Took(table.num_rows)
    with took.timed("decode"):
        decode_all(table["image"].to_pylist())
    written(took, table, folder)
    return took


def measure_bare(folder: Path) -> Took:
    from skylore.imaging.decode import decode
    from skylore.imaging.measure import measure
    from skylore.imaging.steps import Measure

    Measure().prepare()
    images = Archive.open(folder / MEASURED).read(["image"])["image"].to_pylist()
    took = Took(len(images))
    with took.timed("decode"):
        pixels = [decode(data) for data in images]
    with took.timed("compute"):
        figures = [dict(measure(image)) for image in pixels]
    written(took, pa.Table.from_pylist(figures, schema=Measure().outputs), folder)
    return took


def caption_bare(folder: Path) -> Took:
    from skylore.captions.from_measurements import describe
    from skylore.captions.outputs import OUTPUTS
    from skylore.captions.reference import MeasurementReference
    from skylore.imaging.measurements import MEASUREMENT_SCHEMA

    table = Archive.open(folder / CAPTIONED).read(["id", *MEASUREMENT_SCHEMA.names])
    names, rows = table["id"].to_pylist(), table.drop_columns(["id"]).to_pylist()
    known = [{k: float("nan") if v is None else float(v) for k, v in r.items()} for r in rows]
    reference = MeasurementReference.fit(table)
    took = Took(len(rows))
    with took.timed("compute"):
        said = [describe(k, reference, name) for k, name in zip(known, names, strict=True)]
    texts = {"caption": [s.caption for s in said]}
    lists = {"captions": [[s.caption, *s.variants] for s in said]}
    written(took, pa.table(texts | lists, schema=OUTPUTS), folder)
    return took


def embed_bare(folder: Path) -> Took:
    from benchmarks.encoding_rate import bare, prepared_batches
    from skylore.encoders.network import NetworkEncoder
    from skylore.encoders.registry import load_image_encoder
    from skylore.encoders.steps import vector_array
    from skylore.imaging.decode import decode

    encoder = load_image_encoder(IMAGE_ENCODER)
    if not isinstance(encoder, NetworkEncoder):
        raise TypeError(f"{IMAGE_ENCODER} is no network")
    archive = Archive.open(folder / EMBEDDED)
    images: list[bytes] = archive.read(["image"])["image"].to_pylist()
    took = Took(len(images))
    with took.timed("decode"):
        for data in images:
            decode(data)
    batches = prepared_batches(encoder, images)
    bare(encoder, batches[:1])
    with took.timed("compute"):
        bare(encoder, batches)
    rng = np.random.default_rng(0)
    vectors = vector_array(rng.normal(size=(len(images), encoder.dimension)).astype(np.float32))
    written(took, pa.table({"image_vector": vectors, "vector": vectors}), folder)
    return took


def texts_bare(folder: Path) -> Took:
    from skylore.encoders.registry import load_text_encoder
    from skylore.encoders.steps import EmbedTexts, vector_array

    encoder = load_text_encoder(TEXT_ENCODER)
    encoder.encode(["warm"])
    captions = Archive.open(folder / TEXTS).read(["captions"])["captions"].combine_chunks()
    took = Took(len(captions))
    size = EmbedTexts(TEXT_ENCODER).batch_rows
    made = []
    for start in range(0, len(captions), size):
        texts = captions.slice(start, size).flatten().dictionary_encode()
        distinct = texts.dictionary.to_pylist()
        with took.timed("compute"):
            vectors = encoder.encode(distinct)
        made.append(vector_array(vectors[texts.indices.to_numpy()]))
    values = pa.concat_arrays(made)
    written(took, pa.table({"v": pa.ListArray.from_arrays(captions.offsets, values)}), folder)
    return took


def codes_bare(folder: Path) -> Took:
    from skylore.search.codes.fragments import ArchiveVectors

    source = ArchiveVectors(Archive.open(folder / INDEXED), "vector")
    book = large_codebook(source)
    took = Took(source.rows)
    codes = bytearray()
    for part in source.parts():
        for _, vectors in source.read(part):
            with took.timed("compute"):
                made, lists = book.encode(vectors)
            codes += made.tobytes() + lists.tobytes()
    with took.timed("write"), (folder / "bare.codes").open("wb") as file:
        file.write(codes)
    return took


def search_bare(folder: Path) -> Took:
    archive = Archive.open(folder / INDEXED)
    took = Took(ASKED)
    nearest = {"column": "vector", "k": 20, "metric": "cosine", "use_index": False}
    for i, vector in enumerate([*queries(archive)[:5], *queries(archive)]):
        with took.timed("compute" if i >= 5 else "warming"):
            archive.objects.to_table(columns=["id"], nearest=nearest | {"q": vector})
    del took.seconds["warming"]
    return took


BARE = {
    "ingest": ingest_bare,
    "measure": measure_bare,
    "caption": caption_bare,
    "embed images": embed_bare,
    "embed captions": texts_bare,
    "index: codes": codes_bare,
    "search": search_bare,
}
