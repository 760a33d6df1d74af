from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler

import numpy as np
import pytest

from encoders.embedding_endpoint import serving
from skylore.encoders.minilm import MiniLMEncoder
from skylore.encoders.openai_text import OpenAIEncoder
from skylore.encoders.queries import QueryVectors
from skylore.encoders.registry import load_text_encoder
from skylore.errors import ModelError


class Letters(BaseHTTPRequestHandler):
    """An embedding endpoint that counts letters, and keeps what it was asked."""

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["input"]
        self.asked.append(asked)
        rows = [[float(text.count(chr(97 + i))) for i in range(self.length)] for text in asked]
        data = [
            {"object": "embedding", "index": i, "embedding": row}
            for i, row in enumerate(rows + rows[:1] * self.extra)
        ]
        answer = {"object": "list", "model": "letters", "data": data}
        payload = json.dumps(answer | {"usage": {"prompt_tokens": 1, "total_tokens": 1}}).encode()
        if self.nan:
            payload = payload.replace(b"0.0", b"NaN")
        status = self.statuses.pop(0) if self.statuses else 200
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(payload)))
        self.send_header("Retry-After-Ms", "1")
        self.end_headers()
        self.wfile.write(payload)

    def log_message(self, *_):
        pass


@pytest.fixture
def endpoint(monkeypatch):
    pytest.importorskip("openai")
    state = {"asked": [], "statuses": [], "length": 26, "extra": 0, "nan": False}
    handler = type("Handler", (Letters,), state)
    with serving(handler, monkeypatch):
        yield handler


@pytest.fixture
def encoder(endpoint):
    encoder = OpenAIEncoder("letters")
    yield encoder
    encoder._client.close()


def refuse():
    raise AssertionError("the encoder was loaded for a question that was asked before")


def test_a_question_is_paid_for_once_by_any_process(endpoint, encoder, tmp_path):
    first = QueryVectors("r1", lambda: encoder, tmp_path)
    vector = first.vector("spiral arms")
    np.testing.assert_array_equal(first.vector("spiral arms"), vector)
    assert endpoint.asked == [["spiral arms"]]
    np.testing.assert_array_equal(
        QueryVectors("r1", refuse, tmp_path).vector("spiral arms"), vector
    )
    np.testing.assert_array_equal(encoder.encode(["spiral arms"])[0], vector)
    assert not any("spiral" in str(path) for path in tmp_path.rglob("*"))


def test_another_revision_or_question_is_asked_for(encoder, endpoint, tmp_path):
    QueryVectors("r1", lambda: encoder, tmp_path).vector("ring")
    with pytest.raises(AssertionError, match="was loaded"):
        QueryVectors("r2", refuse, tmp_path).vector("ring")
    with pytest.raises(AssertionError, match="was loaded"):
        QueryVectors("r1", refuse, tmp_path).vector("rings")


@pytest.mark.parametrize("harm", [b"", b"no array", None])
def test_damaged_files_are_made_anew(endpoint, encoder, tmp_path, harm):
    vector = QueryVectors("r1", lambda: encoder, tmp_path).vector("ring")
    [place] = [path for path in tmp_path.rglob("*") if path.is_file()]
    if harm is None:
        np.save(place, np.full(26, np.nan, np.float32))
    else:
        place.write_bytes(harm)
    again = QueryVectors("r1", lambda: encoder, tmp_path).vector("ring")
    np.testing.assert_array_equal(again, vector)
    assert len(endpoint.asked) == 2
    QueryVectors("r1", refuse, tmp_path).vector("ring")


def test_a_failed_question_and_a_folder_that_cannot_be_written(endpoint, encoder, tmp_path):
    endpoint.statuses = [401]
    queries = QueryVectors("r1", lambda: encoder, tmp_path / "file" / "below")
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ModelError, match="failed"):
        queries.vector("ring")
    assert queries.vector("ring").shape == (26,)


def test_kept_vectors_cannot_be_spoilt(encoder):
    vector = QueryVectors("r1", lambda: encoder).vector("ring")
    with pytest.raises(ValueError, match="read-only"):
        vector[0] = 5


def test_long_texts_reach_the_server_whole_but_in_pieces(endpoint, encoder):
    text = "a spiral galaxy with a bar. " * 400 + "zzzz zzzz " * 200
    vector = encoder.encode([text])[0]
    sent = [part for request in endpoint.asked for part in request]
    assert len(sent) > 1
    assert all(len(part.encode()) <= 8191 for part in sent)
    assert "".join("".join(sent).split()) == "".join(text.split())
    assert vector[25] > 0.1


def test_answers_that_do_not_fit_raise(endpoint, encoder):
    encoder.encode(["abc"])
    endpoint.length = 20
    with pytest.raises(ModelError, match="vectors of 20 entries, and of 26 before"):
        encoder.encode(["abc"])
    endpoint.length, endpoint.extra = 26, 1
    with pytest.raises(ModelError, match="2 vectors"):
        encoder.encode(["abc"])
    endpoint.extra, endpoint.nan = 0, True
    with pytest.raises(ModelError, match="no usable vector"):
        encoder.encode(["abc"])


def test_the_dimension_costs_no_request_of_its_own_after_an_answer(endpoint, encoder):
    encoder.encode(["abc"])
    assert encoder.dimension == 26
    assert len(endpoint.asked) == 1


@pytest.fixture(scope="module")
def prompted(tmp_path_factory):
    """Save the real MiniLM with prompts, as E5 is saved."""
    package = pytest.importorskip("sentence_transformers")
    folder = tmp_path_factory.mktemp("models") / "prompted"
    network = package.SentenceTransformer(
        str(MiniLMEncoder()._folder),
        device="cpu",
        prompts={"query": "query: ", "passage": "note: "},
    )
    network.save(str(folder))
    return folder


def test_questions_and_captions_get_the_prompts_of_their_model(prompted):
    encoder, plain = load_text_encoder(f"hf:{prompted}"), MiniLMEncoder()
    texts = ["visible spiral arms", "a smooth elliptical galaxy"]
    captions = plain.encode([f"note: {text}" for text in texts])
    np.testing.assert_allclose(encoder.encode(texts), captions, atol=1e-5)
    questions = plain.encode([f"query: {text}" for text in texts])
    np.testing.assert_allclose(encoder.encode_queries(texts), questions, atol=1e-5)
    asked = QueryVectors(encoder.revision, lambda: encoder).vector(texts[0])
    np.testing.assert_allclose(asked, questions[0], atol=1e-5)
    assert encoder.revision != load_text_encoder(f"hf:{plain._folder}").revision


def test_every_piece_of_a_long_caption_gets_the_prompt_and_fits(prompted):
    encoder = load_text_encoder(f"hf:{prompted}")
    sent = []
    forward = encoder._network.encode
    encoder._network.encode = lambda parts, **given: (
        sent.extend(given["prompt"] + part for part in parts) or forward(parts, **given)
    )
    encoder.encode(["A spiral galaxy with a bright bar and two arms. " * 60])
    del encoder._network.encode
    assert len(sent) > 2
    tokenizer = encoder._network.tokenizer
    limit = encoder._network.max_seq_length
    assert all(part.startswith("note: ") for part in sent)
    assert all(len(tokenizer(part, truncation=False)["input_ids"]) <= limit for part in sent)
