from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import save_file

from alignment.released_models import SIZES, published_vectors, save_released
from newcomer import run
from skylore.alignment.model import Alignment
from skylore.archive.table import Archive
from skylore.errors import ModelError


def rows(count: int, length: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, length)).astype(np.float32)


@pytest.mark.parametrize("seed", range(3))
def test_vectors_are_those_of_the_original(tmp_path, seed):
    weights = save_released(tmp_path / "m", seed=seed)
    model = Alignment.from_aion_search(tmp_path / "m")
    images, texts = rows(50, 24, seed), rows(50, 40, seed + 10)
    ours, theirs = model.encode_image_vectors(images), published_vectors(weights, "image", images)
    np.testing.assert_allclose(ours, theirs, atol=1e-6)
    ours, theirs = model.encode_text_vectors(texts), published_vectors(weights, "text", texts)
    np.testing.assert_allclose(ours, theirs, atol=1e-6)
    assert float(model.weights()["logit_scale"]) == pytest.approx(3.1)


def test_images_of_any_length_and_texts_as_they_are(tmp_path):
    save_released(tmp_path / "m")
    model = Alignment.from_aion_search(tmp_path / "m")
    images, texts = rows(5, 24), rows(5, 40)
    np.testing.assert_allclose(
        model.encode_image_vectors(7 * images), model.encode_image_vectors(images), atol=1e-6
    )
    changed = np.abs(model.encode_text_vectors(7 * texts) - model.encode_text_vectors(texts))
    assert changed.max() > 0.01


def test_it_becomes_one_of_ours_when_saved(tmp_path):
    save_released(tmp_path / "m")
    model = Alignment.from_aion_search(tmp_path / "m")
    model.save(tmp_path / "ours")
    again = Alignment.load(tmp_path / "ours")
    assert again.identity == model.identity
    assert again.config.text_encoder.name == "openai:text-embedding-3-large"
    assert again.config.blocks == 4


def broken(folder, how):
    weights = save_released(folder)
    if how == "no weights":
        (folder / "model.safetensors").unlink()
    elif how == "cut":
        whole = (folder / "model.safetensors").read_bytes()
        (folder / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    elif how == "config":
        (folder / "config.json").write_text(json.dumps({"image_input_dim": 24}))
    elif how == "sizes":
        (folder / "config.json").write_text(json.dumps({**SIZES, "text_hidden_dim": 40}))
    elif how == "attention":
        (folder / "config.json").write_text(json.dumps({**SIZES, "use_mean_embeddings": False}))
    elif how == "nan":
        weights["image_projector.fc_out.bias"][3] = torch.nan
        save_file(weights, folder / "model.safetensors")
    elif how == "more":
        weights["image_projector.blocks.3.7.weight"] = torch.ones(2)
        save_file(weights, folder / "model.safetensors")
    return folder


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("no weights", "as they were released"),
        ("cut", "as they were released"),
        ("config", "text_input_dim"),
        ("sizes", "do not fit its config.json"),
        ("attention", "attends to all tokens"),
        ("nan", "not finite"),
        ("more", "do not fit its config.json"),
    ],
)
def test_what_is_not_the_released_model_is_refused(tmp_path, how, said):
    with pytest.raises(ModelError, match=said):
        Alignment.from_aion_search(broken(tmp_path / "m", how))


@pytest.fixture
def archive(tmp_path):
    vectors = pa.FixedSizeListArray.from_arrays(pa.array(rows(40, 24).ravel()), 24)
    pq.write_table(pa.table({"id": range(40), "aion": vectors}), tmp_path / "v.parquet")
    place = tmp_path / "a.skylore"
    done = run("ingest", place, tmp_path / "v.parquet", "--vectors", "aion")
    assert done.returncode == 0, done.stderr
    return place


def test_the_command_brings_given_vectors_into_its_space(archive, tmp_path):
    weights = save_released(tmp_path / "m")
    done = run("align", archive, "--from", tmp_path / "m")
    assert done.returncode == 0, done.stderr
    assert f"is that of {tmp_path / 'm'}" in done.stdout
    table = Archive.open(archive).read(["id", "image_vector", "vector"]).sort_by("id")
    kept = np.stack([np.asarray(v, np.float32) for v in table["image_vector"].to_pylist()])
    found = np.stack([np.asarray(v, np.float32) for v in table["vector"].to_pylist()])
    np.testing.assert_allclose(found, published_vectors(weights, "image", kept), atol=1e-3)
    again = run("align", archive, "--from", tmp_path / "m")
    assert "0 done, 40 were there already" in again.stdout


@pytest.mark.parametrize(
    ("model", "said"),
    [("nowhere", "no folder nowhere"), ("./nowhere/m", "no folder"), ("empty", "config.json")],
)
def test_models_that_are_not_there_are_told(archive, tmp_path, model, said):
    (tmp_path / "empty").mkdir()
    place = tmp_path / "empty" if model == "empty" else model
    refused = run("align", archive, "--from", place)
    assert refused.returncode == 6
    assert said in refused.stderr
    assert "vector" not in Archive.open(archive).schema.names


def test_images_of_another_encoder_are_refused(archive, tmp_path):
    save_released(tmp_path / "m")
    config = json.loads((tmp_path / "m" / "config.json").read_text())
    wider = save_released(tmp_path / "wide")
    wider["image_projector.fc_in.weight"] = torch.ones(24, 30)
    save_file(wider, tmp_path / "wide" / "model.safetensors")
    (tmp_path / "wide" / "config.json").write_text(json.dumps({**config, "image_input_dim": 30}))
    refused = run("align", archive, "--from", tmp_path / "wide")
    assert refused.returncode == 3
    assert "vectors of 24, and the model" in refused.stderr
