from __future__ import annotations

import io
import json

import numpy as np
import pyarrow as pa
import pytest
from encoder_images import draw_galaxy
from hub_models import save_clip, save_dino
from PIL import Image

from skylore.archive.fill import FillOptions
from skylore.archive.table import Archive
from skylore.encoders.registry import load_image_encoder, load_text_encoder
from skylore.errors import EncoderMismatchError
from skylore.evaluation.rankers import choose_modes
from skylore.pipeline import embed
from skylore.search.query import Query
from skylore.search.space import open_space, words_column

pytest.importorskip("transformers")

KINDS = ("disc", "edge-on", "spiral", "ring")
QUIET = FillOptions(progress=False)


def png(pixels):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def archive(tmp_path):
    images = [draw_galaxy(kind, seed=seed) for seed in range(3) for kind in KINDS]
    sizes = pa.array([len(i) for i in images], pa.int32())
    archive = Archive.create(tmp_path / "a.skylore")
    names = [f"g{i:02d}" for i in range(len(images))]
    columns = {"id": names, "image": [png(i) for i in images]}
    archive.append(pa.table({**columns, "image_width": sizes, "image_height": sizes}))
    return archive


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return f"hf:{save_clip(tmp_path_factory.mktemp('clip'))}"


def test_words_find_images_by_the_models_own_two_towers(archive, clip):
    reports = embed(archive, QUIET, encoder=clip)
    assert [report.done for report in reports] == [12]
    assert words_column(archive) == "image_vector"
    assert choose_modes(archive) == ("vector",)
    images = [draw_galaxy(kind, seed=seed) for seed in range(3) for kind in KINDS]
    text = load_text_encoder(clip).encode(["a spiral galaxy"])[0]
    scores = load_image_encoder(clip).encode(images) @ text
    expected = [f"g{i:02d}" for i in np.argsort(-scores, kind="stable")]
    answer = archive.answer(Query.build("a spiral galaxy", k=12))
    assert [hit.id for hit in answer] == expected
    np.testing.assert_allclose([hit.score for hit in answer], np.sort(scores)[::-1], atol=2e-3)
    both = archive.answer(Query.build("a spiral galaxy", like="g01", k=3))
    assert len(both) == 3


def test_the_space_of_an_earlier_encoder_gives_way(archive, clip):
    embed(archive, QUIET)
    assert words_column(archive) == "vector"
    embed(archive, QUIET.model_copy(update={"overwrite": True}), encoder=clip)
    assert words_column(archive) == "image_vector"
    assert open_space(archive, Query()).column == "image_vector"
    embed(archive, QUIET.model_copy(update={"overwrite": True}), encoder="galaxy-nano")
    assert words_column(archive) == "vector"


def test_a_model_that_has_changed_since_is_not_asked(archive, tmp_path):
    place = save_clip(tmp_path / "model")
    embed(archive, QUIET, encoder=f"hf:{place}")
    tokens = json.loads((place / "tokenizer.json").read_text())
    words = tokens["model"]["vocab"]
    words["a</w>"], words["b</w>"] = words["b</w>"], words["a</w>"]
    (place / "tokenizer.json").write_text(json.dumps(tokens))
    load_text_encoder.cache_clear()
    with pytest.raises(EncoderMismatchError, match="revision"):
        archive.answer(Query.build("a ring", k=1))


def test_images_alone_are_not_searched_in_words(archive, tmp_path):
    embed(archive, QUIET, encoder=f"hf:{save_dino(tmp_path / 'dino', 'dinov3')}")
    assert words_column(archive) is None
    with pytest.raises(EncoderMismatchError, match="no words"):
        archive.answer(Query.build("a ring", k=1))
