from __future__ import annotations

import numpy as np
import pytest
import torch

from skylore.alignment.config import AlignmentConfig, EncoderReference
from skylore.alignment.heads import ContrastiveHeads
from skylore.alignment.model import Alignment
from skylore.alignment.pairs import held_out
from skylore.alignment.settings import ModelSizes, TrainingSettings
from skylore.alignment.training import train
from skylore.errors import ModelError

IMAGE = EncoderReference(name="scattering", revision="1")
TEXT = EncoderReference(name="minilm", revision="2")
QUICK = TrainingSettings(
    steps=200, evaluations=10, sizes=ModelSizes(embedding=32, image_hidden=48, text_hidden=48)
)


def archive(count: int, seed: int = 0, kinds: int = 6):
    """Make objects of a few kinds, each seen and told about with noise; two texts an object."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(99)
    seen, told = centres.normal(size=(kinds, 40)), centres.normal(size=(kinds, 24))
    kind = np.arange(count) % kinds
    images = seen[kind] + 0.5 * rng.normal(size=(count, 40))
    owners = np.repeat(np.arange(count), 2)
    texts = told[kind[owners]] + 0.05 * rng.normal(size=(2 * count, 24))
    return images, texts, owners, kind


def fit(count=60, settings=QUICK, seed=0, **changes):
    images, texts, owners, _ = archive(count)
    given = {"image_vectors": images, "text_vectors": texts, "owners": owners} | changes
    return train(
        **given,
        ids=[f"galaxy-{row}" for row in range(len(given["image_vectors"]))],
        image_encoder=IMAGE,
        text_encoder=TEXT,
        settings=settings,
        seed=seed,
    )


@pytest.fixture(scope="module")
def trained():
    return fit()


def test_unseen_images_are_found_by_unseen_texts(trained):
    images, texts, owners, kind = archive(60, seed=5)
    for dim in trained.model.config.matryoshka_dims:
        found = trained.model.encode_text_vectors(texts, dim) @ (
            trained.model.encode_image_vectors(images, dim).T
        )
        right = (kind[found.argmax(axis=1)] == kind[owners]).mean()
        assert right > (0.9 if dim >= 8 else 0.6), f"{dim} dimensions, against 0.17 by chance"


def test_the_report_beats_a_shuffled_list_and_adds_up(trained):
    report = trained.report
    assert report.training_objects + report.held_out_objects == report.objects == 60
    assert report.texts == 120
    assert [found.dimension for found in report.retrieval] == [4, 8, 16, 32]
    whole = report.retrieval[-1].text_to_image
    assert whole.average_precision.low > whole.random_precision
    best = max(report.history, key=lambda checkpoint: (checkpoint.precision, checkpoint.step))
    assert report.chosen_step == best.step


def test_training_is_decided_by_its_seed(trained):
    assert fit().model.identity == trained.model.identity
    assert fit(seed=1).model.identity != trained.model.identity


def test_training_leaves_the_global_random_state_alone():
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    fit(count=20)
    assert torch.rand(1) == expected


def test_twenty_objects_are_enough():
    assert fit(count=20).report.retrieval[-1].text_to_image.reciprocal_rank.mean > 0.3


def test_the_published_recipe_has_the_published_shape():
    published = TrainingSettings.published()
    result = fit(settings=published.model_copy(update={"steps": 3, "evaluations": 1}))
    config = result.model.config
    assert (config.image_hidden_dim, config.text_hidden_dim, config.embedding_dim) == (
        768,
        1024,
        1024,
    )
    assert config.blocks == 4
    assert config.matryoshka_dims == (1024,)


def test_the_heads_carry_the_names_and_sizes_of_the_released_weights():
    config = AlignmentConfig(
        image_input_dim=768,
        text_input_dim=3072,
        embedding_dim=1024,
        image_hidden_dim=768,
        text_hidden_dim=1024,
        image_encoder=IMAGE,
        text_encoder=TEXT,
        matryoshka_dims=(1024,),
    )
    heads = ContrastiveHeads(config)
    names = dict(heads.named_parameters())
    assert "logit_scale" in names
    for side in ("image", "text"):
        for part in ("fc_in", "blocks.0.0", "blocks.3.3", "fc_out"):
            assert f"{side}_projector.{part}.weight" in names
    assert sum(p.numel() for p in names.values()) == pytest.approx(12.15e6, rel=1e-3)


def test_progress_is_told():
    told = []
    images, texts, owners, _ = archive(20)
    train(
        images,
        texts,
        owners,
        ids=range(20),
        image_encoder=IMAGE,
        text_encoder=TEXT,
        settings=QUICK,
        progress=lambda done, total: told.append((done, total)),
    )
    assert [done for done, _ in told] == list(range(1, len(told) + 1))
    assert {total for _, total in told} == {200}


def test_what_cannot_be_learnt_from_is_refused():
    images, texts, owners, _ = archive(40)
    with pytest.raises(ModelError, match="not tell these objects apart"):
        fit(image_vectors=np.ones_like(images), text_vectors=texts, owners=owners)
    broken = images.copy()
    broken[3, 2] = np.nan
    with pytest.raises(ModelError, match=r"1 of 40 image vectors .*row 3"):
        fit(image_vectors=broken, text_vectors=texts, owners=owners)
    with pytest.raises(ModelError, match="1 of 80 text vectors"):
        fit(image_vectors=images, text_vectors=np.r_[texts[:-1], texts[:1] * 0], owners=owners)
    with pytest.raises(ModelError, match="1 of 40 objects have no text"):
        fit(image_vectors=images, text_vectors=texts[:-2], owners=owners[:-2])
    with pytest.raises(ModelError, match="at least 8"):
        fit(count=7)
    with pytest.raises(ModelError, match=r"must be \(N, Di\)"):
        fit(image_vectors=images, text_vectors=texts, owners=owners[:-1])


def test_the_split_follows_ids_not_order():
    ids = [f"J{row:05d}" for row in range(200)]
    chosen = held_out(ids, 0.2)
    assert chosen.sum() == 40
    np.testing.assert_array_equal(held_out(ids[::-1], 0.2)[::-1], chosen)
    with pytest.raises(ModelError, match="not unique"):
        held_out(["a", "a", "b"], 0.5)


def test_a_model_survives_the_disk(trained, tmp_path):
    folder = tmp_path / "models" / "first"
    trained.model.save(folder)
    again = Alignment.load(folder)
    images, texts, _, _ = archive(10, seed=2)
    assert again.identity == trained.model.identity
    assert again.report == trained.report
    np.testing.assert_array_equal(
        again.encode_image_vectors(images), trained.model.encode_image_vectors(images)
    )
    np.testing.assert_array_equal(
        again.encode_text_vectors(texts, 8), trained.model.encode_text_vectors(texts, 8)
    )
    card = (folder / "README.md").read_text()
    assert "scattering" in card
    assert f"{trained.report.retrieval[-1].text_to_image.average_precision.mean:.3f}" in card
    with pytest.raises(ModelError, match="not overwritten"):
        trained.model.save(folder)
    assert [path.name for path in folder.parent.iterdir()] == ["first"]


def test_vectors_are_unit_rows_of_the_right_length(trained):
    images, texts, _, _ = archive(10, seed=2)
    whole = trained.model.encode_image_vectors(images)
    cut = trained.model.encode_image_vectors(images, 8)
    assert whole.dtype == np.float32
    assert whole.shape == (10, 32)
    np.testing.assert_allclose(np.linalg.norm(cut, axis=1), 1, atol=1e-6)
    head = whole[:, :8] / np.linalg.norm(whole[:, :8], axis=1, keepdims=True)
    np.testing.assert_allclose(cut, head, atol=1e-6)
    with pytest.raises(ModelError, match="cannot be cut at 7"):
        trained.model.encode_text_vectors(texts, 7)
    with pytest.raises(ModelError, match="another encoder"):
        trained.model.encode_text_vectors(images)
    with pytest.raises(ModelError, match="not finite"):
        trained.model.encode_text_vectors(texts * np.nan)


@pytest.mark.parametrize("harm", ["cut weights", "other sizes", "extra key", "no weights", "nan"])
def test_damaged_models_are_refused(trained, tmp_path, harm):
    folder = tmp_path / "model"
    trained.model.save(folder)
    config, weights = folder / "config.json", folder / "model.safetensors"
    if harm == "cut weights":
        weights.write_bytes(weights.read_bytes()[:-100])
    elif harm == "other sizes":
        config.write_text(
            config.read_text().replace('"image_input_dim": 40', '"image_input_dim": 4')
        )
    elif harm == "extra key":
        config.write_text(config.read_text().replace("{", '{"unknown": 1,', 1))
    elif harm == "no weights":
        weights.unlink()
    else:
        from safetensors.torch import load_file, save_file

        save_file({k: v * torch.nan for k, v in load_file(weights).items()}, weights)
    with pytest.raises(ModelError):
        Alignment.load(folder)
