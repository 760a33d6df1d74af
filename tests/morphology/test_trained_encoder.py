from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from morphology.shapes import QUICK, SMALL, archive_of, shape, shape_rows
from skylore.encoders.base import ImageEncoder
from skylore.encoders.registry import load_image_encoder
from skylore.encoders.trained import TrainedEncoder
from skylore.errors import ImageError, ModelError
from skylore.morphology.canvas import stack
from skylore.morphology.encoder_model import EncoderConfig, EncoderModel
from skylore.morphology.labels import LearntLabels
from skylore.morphology.network import frames_of
from skylore.morphology.service import pretrain_encoder
from skylore.morphology.tree import DecisionTree, Question
from skylore.morphology.turning import rotation_cosine

SHAPES = [shape(("bar", "disc")[i % 2], np.random.default_rng(i)) for i in range(40)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trained encoder."""
    path = tmp_path_factory.mktemp("trained")
    settings = QUICK.model_copy(
        update={"network": SMALL.model_copy(update={"drop_path": 0.5}), "self_supervision": 0.1}
    )
    archive = archive_of(path / "a.skylore", shape_rows(64))
    pretrain_encoder(archive, path / "model", settings, progress=False)
    return path / "model"


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    """The same to be damaged."""
    return Path(shutil.copytree(folder, tmp_path / "copy"))


def test_floats_are_refused_at_inference(folder):
    model = EncoderModel.load(folder)
    for give in (model.features, model.vectors, lambda x: frames_of(x, SMALL)):
        with pytest.raises(TypeError, match="8-bit"):
            give(torch.zeros(1, 3, 32, 32))


def test_the_same_image_gives_bitwise_the_same_vector(folder):
    encoder = TrainedEncoder(f"model:{folder}")
    first = encoder.encode(SHAPES)
    torch.manual_seed(99)
    assert np.array_equal(encoder.encode(SHAPES), first)
    assert np.array_equal(TrainedEncoder(f"model:{folder}").encode(SHAPES), first)


def test_a_vector_does_not_depend_on_its_neighbours(folder):
    encoder = TrainedEncoder(f"model:{folder}")
    together = encoder.encode(SHAPES)
    for i in (0, 31, 39):
        np.testing.assert_allclose(encoder.encode([SHAPES[i]])[0], together[i], atol=1e-5)
    np.testing.assert_allclose(encoder.encode(SHAPES[::-1])[::-1], together, atol=1e-5)


def test_features_are_of_test_time_whatever_the_mode(folder):
    model = EncoderModel.load(folder)
    pixels = stack(SHAPES[:8], SMALL.canvas)
    with torch.inference_mode():
        features, vectors = model.features(pixels), model.vectors(pixels)
        model.train()
        before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        assert torch.equal(model.features(pixels), features)
        assert torch.equal(model.vectors(pixels), vectors)
    assert model.network.training
    assert all(torch.equal(model.state_dict()[name], t) for name, t in before.items())


def test_the_encoder_sees_the_canvas_it_was_trained_on(folder):
    """Given the side of a frame, a network of two frames saw images of half the size."""
    model = EncoderModel.load(folder)
    pixels = torch.stack([torch.from_numpy(s).permute(2, 0, 1) for s in SHAPES[:4]])
    with torch.inference_mode():
        vectors = torch.nn.functional.normalize(model.vectors(pixels), dim=1)
    encoder = TrainedEncoder(f"model:{folder}")
    np.testing.assert_allclose(encoder.encode(SHAPES[:4]), vectors, atol=1e-5)


def test_vectors_lie_about_the_centre_of_the_images_trained_on(folder):
    encoder = TrainedEncoder(f"model:{folder}")
    shapes = [shape(("bar", "disc")[i % 2], np.random.default_rng(100 + i)) for i in range(64)]
    vectors = encoder.once(shapes)
    apart = np.linalg.norm(vectors, axis=1).mean()
    assert np.linalg.norm(vectors.mean(axis=0)) < 0.5 * apart


def test_what_turns_with_the_image_counts_less(folder):
    model = EncoderModel.load(folder)
    images = torch.stack([torch.from_numpy(s).permute(2, 0, 1) for s in SHAPES])
    weighed = rotation_cosine(model, images)
    model.feature_scale.fill_(1)
    assert weighed > rotation_cosine(model, images)


def test_an_encoder_is_found_by_its_folder(folder):
    encoder = load_image_encoder(f"model:{folder}")
    assert isinstance(encoder, ImageEncoder)
    assert encoder.name == f"model:{folder}"
    assert encoder.dimension == SMALL.dimension == 16
    vectors = encoder.encode(SHAPES)
    assert vectors.shape == (40, 16)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert encoder.encode([]).shape == (0, 16)
    assert encoder.revision == EncoderModel.load(folder).identity


def test_an_encoder_trained_anew_is_loaded_anew(folder, tmp_path):
    place = tmp_path / "own"
    shutil.copytree(folder, place)
    before = load_image_encoder(f"model:{place}")
    assert load_image_encoder(f"model:{place}") is before
    model = EncoderModel.load(place)
    model.feature_scale.mul_(2)
    model.save(place, "card")
    after = load_image_encoder(f"model:{place}")
    assert after.revision == model.identity != before.revision


@pytest.mark.parametrize("name", ["scattering", "", "hf:facebook/dinov2-small"])
def test_names_of_other_encoders_are_refused(name):
    with pytest.raises(ModelError, match="names no encoder that Skylore trained"):
        TrainedEncoder(name)


@pytest.mark.parametrize(
    "image", [SHAPES[0] / 255, SHAPES[0][:, :, 0], SHAPES[0][:4], np.zeros((32, 32, 4), np.uint8)]
)
def test_what_is_no_display_image_is_refused(folder, image):
    with pytest.raises(ImageError, match="image number 1"):
        TrainedEncoder(f"model:{folder}").encode([SHAPES[0], image])


def test_another_model_has_another_revision(copy):
    before = TrainedEncoder(f"model:{copy}").revision
    tensors = load_file(copy / "model.safetensors")
    tensors["feature_mean"][0] += 1e-3
    save_file(tensors, copy / "model.safetensors")
    assert TrainedEncoder(f"model:{copy}").revision != before


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
@pytest.mark.parametrize("harm", ["missing", "empty", "cut", "noise"])
def test_damaged_files_are_model_errors(copy, name, harm):
    file = copy / name
    content = file.read_bytes()
    if harm == "missing":
        file.unlink()
    else:
        torn = {"empty": b"", "cut": content[: len(content) // 2], "noise": b"\xff" * 300}
        file.write_bytes(torn[harm])
    with pytest.raises(ModelError, match="no trained encoder can be read"):
        load_image_encoder(f"model:{copy}")


@pytest.mark.parametrize(
    "change",
    [
        {"network": {"width": 5}},
        {"network": {"depths": [1]}},
        {"network": {"depths": [], "multipliers": []}},
        {"network": {"pixels": 0}},
        {"labels": []},
        {"labels": [{"name": "v", "kind": "votes", "columns": ["a_b"]}]},
        {"unheard": "of"},
    ],
)
def test_configurations_that_do_not_fit_are_model_errors(copy, change):
    config = json.loads((copy / "config.json").read_text())
    if "network" in change:
        config["network"] |= change["network"]
    else:
        config |= change
    (copy / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match="no trained encoder can be read"):
        load_image_encoder(f"model:{copy}")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused(copy, value):
    tensors = load_file(copy / "model.safetensors")
    tensors["network.body.0.0.weight"][0, 0, 0, 0] = value
    save_file(tensors, copy / "model.safetensors")
    with pytest.raises(ModelError, match="not finite"):
        load_image_encoder(f"model:{copy}")


def test_a_model_comes_back_as_it_was_saved(tmp_path):
    tree = DecisionTree(name="v1.2", questions=(Question(name="bar", answers=("yes", "no")),))
    labels = (
        LearntLabels(name="votes-v1.2", kind="votes", columns=tree.columns, tree=tree),
        LearntLabels(name="type", kind="classes", columns=("type",), classes=("a", "b")),
        LearntLabels(name="figures", kind="figures", columns=("x",), centre=(1,), scale=(2,)),
    )
    model = EncoderModel(EncoderConfig(network=SMALL, labels=labels)).eval()
    model.save(tmp_path, "the card", "{}")
    again = EncoderModel.load(tmp_path)
    assert again.config == model.config
    assert again.identity == model.identity
    assert not again.training
    assert list(again.objectives) == ["votes-v1.2", "type", "figures"]
    assert (tmp_path / "README.md").read_text() == "the card"
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "README.md",
        "config.json",
        "model.safetensors",
        "training.json",
    ]
