from __future__ import annotations

import json

import numpy as np
import pytest
from encoder_images import draw_galaxy
from hub_models import TOWER, save_clip, save_dino, save_settings, save_siglip
from safetensors.torch import load_file, save_file

from skylore.encoders.base import PairedEncoder, TextEncoder
from skylore.encoders.hub_image import HubImageEncoder
from skylore.encoders.preprocess import Preprocessing
from skylore.encoders.registry import load_image_encoder, load_text_encoder
from skylore.errors import ModelError

transformers = pytest.importorskip("transformers")
torch = pytest.importorskip("torch")

IMAGES = [draw_galaxy("spiral", size=50), draw_galaxy("ring", size=71)[:40], draw_galaxy("disc")]
TEXTS = ["a spiral", "Merging, galaxies!"]
SAVERS = {
    "clip": save_clip,
    "siglip": save_siglip,
    "siglip2-naflex": lambda folder: save_siglip(folder, naflex=True),
}


@pytest.fixture(scope="module", params=list(SAVERS))
def pair(request, tmp_path_factory):
    return SAVERS[request.param](tmp_path_factory.mktemp(request.param))


def unit(found):
    found = getattr(found, "pooler_output", found)
    return torch.nn.functional.normalize(found, dim=1).numpy()


def processed(folder, images):
    """Prepare images by the library's own code, without torchvision."""
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
    from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil
    from transformers.models.siglip2.image_processing_pil_siglip2 import Siglip2ImageProcessorPil

    kinds = [CLIPImageProcessorPil, SiglipImageProcessorPil, Siglip2ImageProcessorPil]
    settings = json.loads((folder / "preprocessor_config.json").read_text())
    name = settings.pop("image_processor_type")
    [kind] = [k for k in kinds if k.__name__ == f"{name}Pil"]
    return kind(**settings)(images, return_tensors="pt")


def test_images_are_encoded_as_by_the_library(pair):
    encoder = load_image_encoder(f"hf:{pair}")
    assert isinstance(encoder, PairedEncoder)
    vectors = encoder.encode(IMAGES)
    assert vectors.shape == (3, encoder.dimension)
    network = transformers.AutoModel.from_pretrained(pair).eval()
    with torch.inference_mode():
        expected = unit(network.get_image_features(**processed(pair, IMAGES)))
    np.testing.assert_allclose(vectors, expected, atol=2e-5)
    assert np.abs(vectors[0] - vectors[2]).max() > 1e-3


def test_texts_are_encoded_as_by_the_library(pair):
    encoder = load_text_encoder(f"hf:{pair}")
    assert isinstance(encoder, TextEncoder)
    vectors = encoder.encode(TEXTS)
    tokenizer = transformers.AutoTokenizer.from_pretrained(pair)
    network = transformers.AutoModel.from_pretrained(pair).eval()
    clip = network.config.model_type == "clip"
    limit = network.config.text_config.max_position_embeddings
    how = {"padding": True} if clip else {"padding": "max_length", "max_length": limit}
    assert len(tokenizer(TEXTS[0])["input_ids"]) <= limit
    for row, text in enumerate(TEXTS):
        tokens = tokenizer([text], return_tensors="pt", **how)
        ids = tokens["input_ids"]
        if ids.shape[1] > limit:
            continue  # a text in pieces has no counterpart in the library
        with torch.inference_mode():
            expected = unit(network.get_text_features(input_ids=ids))
        np.testing.assert_allclose(vectors[row], expected[0], atol=2e-5)


def test_both_sides_lie_in_one_space(pair):
    images, texts = load_image_encoder(f"hf:{pair}"), load_text_encoder(f"hf:{pair}")
    assert images.text_encoder.revision == texts.revision
    assert images.dimension == texts.dimension
    before = texts.revision
    texts.encode(TEXTS)
    assert type(texts)(str(pair)).revision == before


def test_a_long_text_is_read_to_its_end(pair):
    encoder = load_text_encoder(f"hf:{pair}")
    filler = "smooth round " * 20
    plain, ending, again = encoder.encode([filler, filler + "zebra " * 20, filler])
    assert plain @ ending < 0.999
    np.testing.assert_allclose(plain, again, atol=1e-6)
    alone = encoder.encode(["a spiral", "x"])
    np.testing.assert_allclose(encoder.encode(["a spiral"])[0], alone[0], atol=1e-5)
    with pytest.raises(ModelError, match="number 1 is empty"):
        encoder.encode(["a", " "])
    assert encoder.encode([]).shape == (0, encoder.dimension)


def test_settings_of_transformers_5_are_read_too(tmp_path):
    for name in ("preprocessor_config.json", "processor_config.json"):
        (tmp_path / name).mkdir()
        save_clip(tmp_path / name, settings_file=name)
    old, new = (load_image_encoder(f"hf:{folder}") for folder in sorted(tmp_path.iterdir()))
    np.testing.assert_array_equal(old.encode(IMAGES), new.encode(IMAGES))
    assert old.revision == new.revision


@pytest.mark.parametrize("kind", ["dinov2-registers", "dinov3", "dinov3-convnext"])
def test_registers_do_not_enter_the_vector(kind, tmp_path):
    encoder = load_image_encoder(f"hf:{save_dino(tmp_path, kind)}")
    assert encoder.text_encoder is None
    network = transformers.AutoModel.from_pretrained(tmp_path).eval()
    pixels = torch.from_numpy(encoder.preprocessing.apply(IMAGES))
    with torch.inference_mode():
        expected = unit(network(pixel_values=pixels).pooler_output)
    np.testing.assert_allclose(encoder.encode(IMAGES), expected, atol=2e-5)


@pytest.mark.parametrize("edge", [32, 384])
def test_convnext_is_cropped_as_it_is_evaluated(edge):
    from transformers.models.convnext.image_processing_pil_convnext import ConvNextImageProcessorPil

    processor = ConvNextImageProcessorPil(size={"shortest_edge": edge}, crop_pct=0.875)
    expected = processor(IMAGES, return_tensors="np")["pixel_values"]
    ours = Preprocessing.from_config(processor.to_dict()).apply(IMAGES)
    np.testing.assert_allclose(ours, expected, atol=1e-5)


def test_a_model_without_a_tokenizer_says_so(tmp_path):
    save_clip(tmp_path)
    for path in (*tmp_path.glob("*token*"), *tmp_path.glob("vocab*"), *tmp_path.glob("merges*")):
        path.unlink()
    with pytest.raises(ModelError, match=r"tokenizer\.json"):
        load_text_encoder(f"hf:{tmp_path}").encode(["a"])


def test_siglips_tokenizer_is_read_without_sentencepiece(tmp_path):
    save_siglip(tmp_path)
    with_class = load_text_encoder(f"hf:{tmp_path}").encode(TEXTS)
    settings = json.loads((tmp_path / "tokenizer_config.json").read_text())
    settings |= {"tokenizer_class": "SiglipTokenizer", "padding_side": "left"}
    other = tmp_path / "other"
    other.mkdir()
    for path in list(tmp_path.iterdir()):
        if path.is_file():
            (other / path.name).write_bytes(path.read_bytes())
    (other / "tokenizer_config.json").write_text(json.dumps(settings))
    np.testing.assert_allclose(
        load_text_encoder(f"hf:{other}").encode(TEXTS), with_class, atol=1e-6
    )


def test_no_weight_is_made_up(tmp_path):
    from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

    from skylore.encoders.hub_network import load_network

    shape = transformers.ViTConfig(**TOWER, image_size=32, patch_size=8)
    transformers.ViTModel(shape, add_pooling_layer=False).save_pretrained(tmp_path)
    save_settings(SiglipImageProcessorPil(size={"height": 32, "width": 32}), tmp_path)
    revisions = set()
    for _ in range(2):
        load_network.cache_clear()
        revisions.add(HubImageEncoder(str(tmp_path)).revision)
    assert len(revisions) == 1
    weights = load_file(tmp_path / "model.safetensors")
    lost = min(weights)
    del weights[lost]
    save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
    load_network.cache_clear()
    with pytest.raises(ModelError, match=f"lacks 1 weights, such as {lost}"):
        HubImageEncoder(str(tmp_path))
