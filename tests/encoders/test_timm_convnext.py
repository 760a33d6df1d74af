from __future__ import annotations

import json
import re

import numpy as np
import pytest
import torch
from encoder_images import draw_galaxy
from safetensors.torch import load_file, save_file

from skylore.encoders.base import ImageEncoder
from skylore.encoders.convnext import is_plain_convnext
from skylore.encoders.registry import load_image_encoder
from skylore.encoders.timm_image import timm_preprocessing
from skylore.errors import ModelError

transformers = pytest.importorskip("transformers")

IMAGES = [draw_galaxy("spiral", size=90), draw_galaxy("ring", size=71)[:60], draw_galaxy("disc")]
PRETRAINED = {
    "input_size": [3, 64, 64],
    "interpolation": "bicubic",
    "crop_pct": 0.95,
    "crop_mode": "center",
    "mean": [0.5, 0.4, 0.3],
    "std": [0.2, 0.3, 0.4],
}
# What timm calls the weights that transformers calls otherwise.
NAMES = (
    (r"embeddings\.patch_embeddings", "stem.0"),
    (r"embeddings\.layernorm", "stem.1"),
    (r"encoder\.stages\.(\d)\.downsampling_layer", r"stages.\1.downsample"),
    (r"encoder\.stages\.(\d)\.layers", r"stages.\1.blocks"),
    (r"dwconv", "conv_dw"),
    (r"layernorm", "norm"),
    (r"pwconv(\d)", r"mlp.fc\1"),
    (r"layer_scale_parameter", "gamma"),
)


def timm_name(name):
    for pattern, ours in NAMES:
        name = re.sub(pattern, ours, name)
    return f"head.{name}" if name.startswith("norm") else name


@pytest.fixture(scope="module")
def reference():
    torch.manual_seed(0)
    shape = transformers.ConvNextConfig(hidden_sizes=[8, 12, 16, 24], depths=[1, 2, 3, 1])
    network = transformers.ConvNextModel(shape).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(0.3 * torch.randn(parameter.shape))
    return network


@pytest.fixture(scope="module")
def folder(reference, tmp_path_factory):
    """A checkpoint laid out as timm puts one on the hub, which is how Zoobot's encoders are."""
    place = tmp_path_factory.mktemp("convnext")
    weights = {timm_name(n): t.detach().clone() for n, t in reference.state_dict().items()}
    # The small variants have 1 × 1 convolutions for linear layers; the mathematics is the same.
    pointwise = {
        n: t[:, :, None, None].clone() for n, t in weights.items() if n.endswith("fc1.weight")
    }
    classifier = {"head.fc.weight": torch.ones(5, 24), "head.fc.bias": torch.ones(5)}
    save_file({**weights, **pointwise, **classifier}, place / "model.safetensors")
    config = {"architecture": "convnext_nano", "num_classes": 0, "num_features": 24}
    (place / "config.json").write_text(json.dumps({**config, "pretrained_cfg": PRETRAINED}))
    return place


def test_a_convnext_of_timm_encodes_as_the_one_of_transformers(folder, reference):
    encoder = load_image_encoder(f"timm:local-dir:{folder}")
    assert isinstance(encoder, ImageEncoder)
    vectors = encoder.encode(IMAGES)
    assert vectors.shape == (3, encoder.dimension) == (3, 24)
    pixels = torch.from_numpy(encoder._preprocessing.apply(IMAGES))
    assert pixels.shape == (3, 3, 64, 64)
    # transformers normalises the pooled features with an epsilon of 1e-12, timm with 1e-6.
    reference.layernorm.eps = 1e-6
    with torch.inference_mode():
        expected = torch.nn.functional.normalize(reference(pixels).pooler_output, dim=1)
    np.testing.assert_allclose(vectors, expected.numpy(), atol=1e-5)


def test_the_image_is_resized_and_cropped_as_timm_evaluates(folder):
    encoder = load_image_encoder(f"timm:local-dir:{folder}")
    edge = np.zeros((200, 200, 3), np.uint8)
    edge[100:] = 255
    prepared = encoder._preprocessing.apply([edge])[0]
    assert prepared[0, 0, 0] == pytest.approx(-0.5 / 0.2)
    assert prepared[2, -1, -1] == pytest.approx(0.7 / 0.4)


def test_an_odd_margin_is_rounded_as_torchvision_does():
    image = np.zeros((235, 235, 3), np.uint8)
    image[6, :], image[:, 6] = 255, 255
    settings = {"input_size": [3, 224, 224], "crop_pct": 0.95, "mean": [0, 0, 0], "std": [1, 1, 1]}
    prepared = timm_preprocessing(settings).apply([image])[0]
    assert prepared[0, 0].all()
    assert not prepared[0, 1, 1:].any()


def changed(folder, place, *, config=None, weights=None):
    kept = json.loads((folder / "config.json").read_text())
    (place / "config.json").write_text(json.dumps({**kept, **(config or {})}))
    tensors = load_file(folder / "model.safetensors")
    save_file({n: t for n, t in tensors.items() if n != weights}, place / "model.safetensors")
    return f"timm:local-dir:{place}"


@pytest.mark.parametrize("lost", ["stages.2.blocks.1.conv_dw.bias", "stages.1.blocks.0.gamma"])
def test_weights_that_lack_something_are_refused(folder, tmp_path, lost):
    with pytest.raises(ModelError, match="plain ConvNeXt"):
        load_image_encoder(changed(folder, tmp_path, weights=lost))


def test_another_way_to_crop_is_refused(folder, tmp_path):
    squashed = {"pretrained_cfg": {**PRETRAINED, "crop_mode": "squash"}}
    with pytest.raises(ModelError, match="squash"):
        load_image_encoder(changed(folder, tmp_path, config=squashed))


def test_a_folder_without_a_model_says_what_is_missing(tmp_path):
    with pytest.raises(ModelError, match=r"config\.json"):
        load_image_encoder(f"timm:local-dir:{tmp_path}")


def test_only_plain_convnexts_are_read_without_timm():
    assert all(map(is_plain_convnext, ["convnext_nano", "convnext_base.fb_in22k", "convnext_tiny"]))
    others = [
        "convnextv2_nano",
        "convnext_nano_ols",
        "convnext_tiny_hnf",
        "convnext_xxlarge",
        "vit",
    ]
    assert not any(map(is_plain_convnext, others))
