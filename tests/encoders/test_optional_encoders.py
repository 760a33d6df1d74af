from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler
from typing import ClassVar

import numpy as np
import pytest
from encoder_images import draw_galaxy

from encoders.embedding_endpoint import serving
from skylore.encoders.base import ImageEncoder, TextEncoder
from skylore.encoders.registry import load_image_encoder, load_text_encoder
from skylore.errors import DependencyMissingError, ModelError

IMAGES = [draw_galaxy("spiral", size=50), draw_galaxy("ring", size=71), draw_galaxy("disc")]
SETTINGS = {
    "do_resize": True,
    "size": {"shortest_edge": 36},
    "resample": 3,
    "do_center_crop": True,
    "crop_size": {"height": 32, "width": 32},
    "do_rescale": True,
    "rescale_factor": 1 / 255,
    "do_normalize": True,
    "image_mean": [0.5, 0.4, 0.3],
    "image_std": [0.2, 0.3, 0.4],
}


@pytest.fixture(params=["vit", "dinov2", "convnext"])
def vision_folder(request, tmp_path):
    transformers = pytest.importorskip("transformers")
    small = {"hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2}
    if request.param == "vit":
        shape = transformers.ViTConfig(**small, intermediate_size=32, image_size=32, patch_size=8)
        network = transformers.ViTModel(shape)
    elif request.param == "dinov2":
        shape = transformers.Dinov2Config(**small, image_size=32, patch_size=8)
        network = transformers.Dinov2Model(shape)
    else:
        shape = transformers.ConvNextConfig(hidden_sizes=[8, 8, 16, 24], depths=[1, 1, 1, 1])
        network = transformers.ConvNextModel(shape)
    network.save_pretrained(tmp_path)
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(SETTINGS))
    return tmp_path


def test_a_vision_model_encodes_as_itself(vision_folder):
    import torch
    from transformers import AutoModel

    encoder = load_image_encoder(f"hf:{vision_folder}")
    assert isinstance(encoder, ImageEncoder)
    vectors = encoder.encode(IMAGES)
    assert vectors.shape == (3, encoder.dimension) == (3, 24)
    pixels = torch.from_numpy(encoder.preprocessing.apply(IMAGES))
    with torch.inference_mode():
        states = AutoModel.from_pretrained(vision_folder).eval()(pixels).last_hidden_state
    expected = states.mean(dim=(2, 3)) if states.ndim == 4 else states[:, 0]
    expected = torch.nn.functional.normalize(expected, dim=1)
    np.testing.assert_allclose(vectors, expected.numpy(), atol=1e-5)
    assert encoder.encode([]).shape == (0, 24)


def test_a_masked_autoencoder_sees_the_whole_image(tmp_path):
    """Its own class hides three quarters of the patches by chance, in use as in training."""
    import torch

    from encoders.hub_models import SMALL

    transformers = pytest.importorskip("transformers")
    shape = transformers.ViTMAEConfig(**SMALL, intermediate_size=32, image_size=32, patch_size=8)
    torch.manual_seed(0)
    network = transformers.ViTMAEModel(shape)
    network.save_pretrained(tmp_path)
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(SETTINGS))
    encoder = load_image_encoder(f"hf:{tmp_path}")
    vectors = encoder.encode(IMAGES)
    np.testing.assert_allclose(encoder.encode(IMAGES), vectors, atol=1e-6)
    changed = [image.copy() for image in IMAGES]
    for image in changed:
        image[: len(image) // 4, : image.shape[1] // 4] = 255
    assert (np.abs(encoder.encode(changed) - vectors).max(axis=1) > 1e-4).all()


def test_a_sentence_model_encodes_as_itself_and_reads_to_the_end():
    from skylore.encoders.minilm import MiniLMEncoder

    pytest.importorskip("sentence_transformers")
    minilm = MiniLMEncoder()
    encoder = load_text_encoder(f"hf:{minilm._folder}")
    assert isinstance(encoder, TextEncoder)
    texts = ["visible spiral arms", "a smooth elliptical galaxy"]
    np.testing.assert_allclose(encoder.encode(texts), minilm.encode(texts), atol=1e-5)
    filler = "the galaxy is smooth and round and red . " * 60
    plain, ending = encoder.encode([filler, filler + "a comet crosses the telescope " * 40])
    assert plain @ ending < 0.99
    with pytest.raises(ModelError, match="number 1 is empty"):
        encoder.encode(["a", " "])


class Server(BaseHTTPRequestHandler):
    """A small embedding endpoint: vectors are letter counts; it can be told to fail."""

    failures: ClassVar[list[int]] = []
    short = False
    zero = False

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        status = self.failures.pop(0) if self.failures else 200
        data = [
            {"object": "embedding", "index": i, "embedding": self.vector(text)}
            for i, text in enumerate(body["input"])
        ]
        answer = {"object": "list", "model": body["model"], "data": data[::-1]}
        answer["usage"] = {"prompt_tokens": 1, "total_tokens": 1}
        if self.short:
            answer["data"].pop()
        if status != 200:
            answer = {"error": {"message": f"bad key {self.headers['Authorization']}"}}
        payload = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(payload)))
        self.send_header("Retry-After-Ms", "1")
        self.end_headers()
        self.wfile.write(payload)

    def vector(self, text):
        return [0.0] * 26 if self.zero else [float(text.count(chr(97 + i))) for i in range(26)]

    def log_message(self, *_):
        pass


@pytest.fixture
def endpoint(monkeypatch):
    pytest.importorskip("openai")
    handler = type("Handler", (Server,), {"failures": []})
    with serving(handler, monkeypatch):
        yield handler


def openai_encoder():
    from skylore.encoders.openai_text import OpenAIEncoder

    return OpenAIEncoder("letters")


def test_an_endpoint_encodes_in_order_over_many_requests(endpoint):
    encoder = openai_encoder()
    vectors = encoder.encode(["abc"[i % 3] for i in range(250)])
    np.testing.assert_array_equal(vectors[:, :3], np.eye(3)[np.arange(250) % 3])
    assert encoder.dimension == 26
    encoder._client.close()


def test_passing_failures_are_retried_and_lasting_ones_raise_without_the_key(endpoint):
    encoder = openai_encoder()
    endpoint.failures = [500, 429]
    assert encoder.encode(["spiral"]).shape == (1, 26)
    endpoint.failures = [401]
    with pytest.raises(ModelError, match="failed") as caught:
        encoder.encode(["spiral"])
    assert "secret" not in str(caught.value)
    encoder._client.close()


def test_answers_that_are_short_or_zero_raise(endpoint):
    encoder = openai_encoder()
    endpoint.short = True
    with pytest.raises(ModelError, match="as many"):
        encoder.encode(["a", "b"])
    endpoint.short, endpoint.zero = False, True
    with pytest.raises(ModelError, match="no usable vector"):
        encoder.encode(["a"])
    encoder._client.close()


def test_unknown_names_say_what_exists():
    with pytest.raises(ModelError, match=r"(?s)'sift'.*scattering.*hf:.*timm:"):
        load_image_encoder("sift")
    with pytest.raises(ModelError, match=r"(?s)minilm.*openai:"):
        load_text_encoder("hf:")
    assert load_text_encoder("minilm") is load_text_encoder("minilm")


def test_missing_weights_and_extras_say_what_to_do(tmp_path):
    with pytest.raises(ModelError, match="give a folder"):
        load_image_encoder(f"hf:{tmp_path}")
    try:
        import timm  # noqa: F401 - only whether it can be imported matters
    except ImportError:
        with pytest.raises(DependencyMissingError, match="skylore\\[timm\\]"):
            load_image_encoder("timm:resnet18")
