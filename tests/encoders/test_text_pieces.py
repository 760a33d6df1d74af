from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skylore.encoders.minilm import MiniLMEncoder
from skylore.encoders.registry import load_text_encoder
from skylore.encoders.texts import encode_whole, pieces
from skylore.errors import ModelError

CAPTIONS = Path(__file__).parents[3] / "shared" / "data" / "legacy_benchmark64_captions.parquet"
words = st.text("ab c.?! \n", max_size=200)


@pytest.fixture(scope="module")
def captions():
    if not CAPTIONS.exists():
        pytest.skip("the published captions are not here")
    texts = pq.read_table(CAPTIONS, columns=["description"])["description"].to_pylist()
    return sorted((t for t in texts if t), key=len)[-6:]


@given(words, st.integers(1, 40))
def test_pieces_fit_and_lose_nothing_but_blanks(text, limit):
    parts = pieces(text, fits=lambda part: len(part) <= limit)
    assert all(len(part) <= limit for part in parts)
    assert "".join("".join(parts).split()) == "".join(text.split())


def test_real_captions_are_divided_at_the_ends_of_sentences(captions):
    for text in captions:
        parts = pieces(text, fits=lambda part: len(part) <= 1000)
        assert len(parts) > 1
        ended = [part.rstrip("*_ )\"'")[-1:] in ".!?;:" or "\n" in text for part in parts[:-1]]
        assert all(ended)


def counting(texts):
    return np.array([[text.count("a"), text.count("b"), 1] for text in texts], float).reshape(-1, 3)


def test_a_long_text_is_the_mean_of_its_pieces_by_their_sizes():
    text = "aaaaaaaa. bbb bbb"
    given = {"encode": counting, "size": len, "encoder": "letters"}
    whole = encode_whole([text], limit=10, **given)[0]
    left, right = encode_whole(["aaaaaaaa.", "bbb bbb"], limit=None, **given)
    expected = 9 * left + 7 * right
    np.testing.assert_allclose(whole, expected / np.linalg.norm(expected), atol=1e-6)
    alone = encode_whole(["ab"], limit=10, **given)
    np.testing.assert_array_equal(encode_whole(["ab", text], limit=10, **given)[0], alone[0])


def test_nothing_is_encoded_where_one_text_is_empty():
    asked = []
    with pytest.raises(ModelError, match="number 1 is empty"):
        encode_whole(["a", " "], encode=asked.append, size=len, limit=5, encoder="letters")
    assert asked == []


def test_the_ends_of_long_real_captions_count(captions):
    """What follows the limit of 256 tokens moves the vector, with and without transformers."""
    pytest.importorskip("sentence_transformers")
    minilm = MiniLMEncoder()
    for encoder in (minilm, load_text_encoder(f"hf:{minilm._folder}")):
        cut = [text[: len(text) // 2] for text in captions]
        changed = [head + " A cat sleeps on a red sofa in the kitchen." * 20 for head in cut]
        vectors, others = encoder.encode(captions), encoder.encode(changed)
        near = (vectors * others).sum(axis=1)
        assert near.max() < 0.98
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
