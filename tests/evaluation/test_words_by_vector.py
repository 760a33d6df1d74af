from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from skylore import pipeline
from skylore.archive.fill import FillOptions
from skylore.archive.table import Archive
from skylore.evaluation.protocol import Settings, evaluate_search
from skylore.evaluation.questions import Question
from skylore.evaluation.rankers import choose_modes, image_column


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """Ten discs seen from the side among ten round blobs, in the space shared with words."""
    folder = tmp_path_factory.mktemp("drawn")
    y, x = np.mgrid[-32:32, -32:32] / 32
    rng = np.random.default_rng(0)
    for i in range(20):
        flat = 0.12 if i < 10 else 0.95
        angle = rng.uniform(0, np.pi)
        u, v = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
        light = np.exp(-5 * np.hypot(u, v / flat)) + rng.normal(0, 0.02, x.shape)
        grey = (255 * np.clip(light, 0, 1)).astype(np.uint8)
        (folder / "images").mkdir(exist_ok=True)
        Image.fromarray(np.stack([grey] * 3, axis=-1)).save(folder / "images" / f"g{i:02d}.png")
    made, _ = pipeline.ingest(folder / "a", folder / "images")
    pipeline.embed(made, FillOptions(progress=False))
    made.refresh()
    made.add_columns([pa.field("edge_on", pa.bool_())])
    rows = made.read(["id"], row_ids=True)
    thin = [int(name.removesuffix(".png")[1:]) < 10 for name in rows["id"].to_pylist()]
    made.write(pa.table({"_rowid": rows["_rowid"], "edge_on": thin}))
    return Archive.open(folder / "a")


def test_words_find_what_looks_so(archive):
    question = Question.build(("edge-on galaxy", "a disk galaxy seen edge-on"), "edge_on")
    settings = Settings(modes=("vector",), cuts=(10,), resamples=40, image_queries=5)
    found = evaluate_search(archive, [question], settings).questions[0]
    words, chance = found.method("words, vector"), found.method("random")
    hits = archive.search("edge-on galaxy", k=20)
    table = archive.read(["id", "edge_on"])
    thin = dict(zip(*(column.to_pylist() for column in table.columns), strict=True))
    by_search = sum(thin[hit.id] for hit in hits.top(10))
    assert by_search in (words.figures["hits@10"].worst, words.figures["hits@10"].best)
    assert words.figures["average precision"].mean > chance.figures["average precision"].high
    assert found.method("images, image_vector").figures["average precision"].mean > 0.7


def test_what_an_archive_can_do_is_chosen(archive):
    assert choose_modes(archive) == ("vector",)
    assert image_column(archive) == "image_vector"
