from __future__ import annotations

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest

from skylore.encoders.base import TextEncoder
from skylore.encoders.minilm import MiniLMEncoder
from skylore.errors import ModelError

TEXTS = [
    "visible spiral arms",
    "A galaxy.",
    "gravitational lens: a blue arc around a red elliptical galaxy, z ≈ 0.5 (see Fig. 3)",
    "NGC 4676, «Les Souris», 双鱼座星系 — 🌀",
    "smooth round elliptical " * 55,
    "x",
    "The disc is seen edge-on and a dust lane crosses it; " * 9,
]


@pytest.fixture(scope="module")
def encoder() -> MiniLMEncoder:
    return MiniLMEncoder()


def test_equals_sentence_transformers(encoder):
    sentence_transformers = pytest.importorskip("sentence_transformers")
    reference = sentence_transformers.SentenceTransformer(str(encoder._folder), device="cpu")
    reference.max_seq_length = 256
    expected = reference.encode(TEXTS, convert_to_numpy=True, normalize_embeddings=True)
    np.testing.assert_allclose(encoder.encode(TEXTS), expected, atol=1e-5)


def test_obeys_the_protocol_with_unit_rows(encoder):
    assert isinstance(encoder, TextEncoder)
    vectors = encoder.encode(TEXTS)
    assert vectors.shape == (len(TEXTS), encoder.dimension) == (len(TEXTS), 384)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    assert encoder.encode([]).shape == (0, 384)


def test_a_text_has_the_same_vector_alone_and_among_many(encoder):
    many = [f"galaxy number {i} " * (1 + i % 7) for i in range(70)]
    together = encoder.encode(many)
    np.testing.assert_array_equal(together, encoder.encode(many))
    for row in (0, 13, 69):
        np.testing.assert_allclose(encoder.encode([many[row]])[0], together[row], atol=1e-6)


def test_a_long_text_is_read_to_its_end(encoder):
    filler = "the galaxy is smooth and round and red . " * 60
    plain, with_ending = encoder.encode([filler, filler + "a comet crosses the telescope " * 30])
    assert plain @ with_ending < 0.95
    assert plain @ encoder.encode([filler[: len(filler) // 3]])[0] > 0.95


def test_meaning_orders_the_captions(encoder):
    captions = ["two galaxies colliding with tidal tails", "a car park in the rain"]
    query, near, far = encoder.encode(["merging galaxies", *captions])
    assert query @ near > query @ far + 0.3


@pytest.mark.parametrize("text", ["", "  \n\t", 3, None, "\ud800"])
def test_what_is_not_text_is_refused(encoder, text):
    with pytest.raises(ModelError, match=r"text"):
        encoder.encode(["a galaxy", text])


def test_revision_follows_the_weights(encoder, tmp_path):
    assert encoder.revision == MiniLMEncoder().revision
    folder = tmp_path / "model"
    shutil.copytree(encoder._folder, folder)
    assert MiniLMEncoder(folder).revision == encoder.revision
    settings = folder / "sentence_bert_config.json"
    settings.write_text(json.dumps({"max_seq_length": 128}))
    assert MiniLMEncoder(folder).revision != encoder.revision


def test_damaged_weights_are_reported(encoder, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(encoder._folder, folder)
    (folder / "model.safetensors").write_bytes(b"not a model")
    with pytest.raises(ModelError, match="Reinstall"):
        MiniLMEncoder(folder)


def test_encoding_needs_none_of_the_slow_imports():
    code = (
        "import sys; from skylore.encoders.minilm import MiniLMEncoder;"
        "MiniLMEncoder().encode(['a galaxy']);"
        "slow = {'transformers', 'sentence_transformers', 'torchvision', 'scipy', 'sklearn'};"
        "assert not slow & set(sys.modules), slow & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
