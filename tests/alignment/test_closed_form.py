from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from skylore.alignment.closed_form import canonical_projections, start_in_closed_form
from skylore.alignment.config import AlignmentConfig, EncoderReference
from skylore.alignment.heads import ContrastiveHeads
from skylore.alignment.model import Alignment
from skylore.alignment.pairs import check_pairs
from skylore.alignment.settings import TrainingSettings
from skylore.alignment.training import train

ENCODER = EncoderReference(name="given", revision="1")


def sides(count, image_dim=40, text_dim=24, *, shared=6, noise=0.5, seed=0):
    """See the same few numbers of each object from two sides, among noise."""
    maps = np.random.default_rng(99)
    seen, told = maps.normal(size=(shared, image_dim)), maps.normal(size=(shared, text_dim))
    rng = np.random.default_rng(seed)
    latent = rng.normal(size=(count, shared))
    images = latent @ seen + noise * rng.normal(size=(count, image_dim)) + 3
    return images, latent @ told + noise * rng.normal(size=(count, text_dim)) - 2


def centred(rows):
    return torch.from_numpy(rows - rows.mean(axis=0))


@settings(max_examples=25, deadline=None)
@given(st.integers(3, 12), st.integers(3, 12), st.integers(0, 1000))
def test_the_correlations_are_those_of_an_independent_calculation(image_dim, text_dim, seed):
    images, texts = sides(80, image_dim, text_dim, shared=3, seed=seed)
    x, y = centred(images), centred(texts)
    found = canonical_projections(x, y, most=3, ridge=1e-9)
    # Cosines of the principal angles between the spans (Björck & Golub 1973).
    bases = [np.linalg.qr(side.numpy())[0] for side in (x, y)]
    expected = np.linalg.svd(bases[0].T @ bases[1], compute_uv=False)[:3]
    np.testing.assert_allclose(found.correlations, np.minimum(expected, 0.999), atol=1e-4)
    for rows, columns in ((x, found.images), (y, found.texts)):
        scores = (rows @ columns).numpy()
        np.testing.assert_allclose(scores.T @ scores / 80, np.eye(3), atol=1e-4)


def test_the_ridge_shrinks_what_noise_alone_correlates():
    rng = np.random.default_rng(0)
    x, y = centred(rng.normal(size=(50, 40))), centred(rng.normal(size=(50, 40)))
    bare = canonical_projections(x, y, most=40, ridge=1e-9).correlations
    shrunk = canonical_projections(x, y, most=40).correlations
    assert bare[0] > 0.99
    assert shrunk[0] < 0.6
    assert (shrunk[:-1] >= shrunk[1:]).all()


def heads_for(images, texts, embedding=16, hidden=20, text_hidden=24):
    config = AlignmentConfig(
        image_input_dim=images.shape[1],
        text_input_dim=texts.shape[1],
        embedding_dim=embedding,
        image_hidden_dim=hidden,
        text_hidden_dim=text_hidden,
        image_encoder=ENCODER,
        text_encoder=ENCODER,
        matryoshka_dims=(embedding // 4, embedding),
    )
    torch.manual_seed(0)
    return config, ContrastiveHeads(config)


@pytest.mark.parametrize("widths", [(16, 20, 24), (16, 12, 40), (30, 30, 30), (8, 64, 8)])
def test_unseen_pairs_find_one_another_before_the_first_step(widths):
    images, texts = sides(600)
    config, heads = heads_for(images, texts, *widths)
    pairs = check_pairs(images, texts, np.arange(600))
    start_in_closed_form(heads, pairs, torch.Generator().manual_seed(0))
    model = Alignment(config, heads)
    others = sides(200, seed=1)
    seen, told = model.encode_image_vectors(others[0]), model.encode_text_vectors(others[1])
    ranks = (told @ seen.T >= (told * seen).sum(axis=1)[:, None]).sum(axis=1)
    assert (ranks == 1).mean() > 0.6
    assert (ranks <= 10).mean() > 0.95


def test_fewer_objects_than_dimensions_and_constant_entries_are_no_obstacle():
    images, texts = sides(20)
    images[:, 3] = 1
    _, heads = heads_for(images, texts)
    start_in_closed_form(
        heads, check_pairs(images, texts, np.arange(20)), torch.Generator().manual_seed(0)
    )
    assert all(torch.isfinite(weights).all() for weights in heads.state_dict().values())


def test_every_weight_can_still_learn():
    images, texts = sides(100)
    _, heads = heads_for(images, texts)
    pairs = check_pairs(images, texts, np.arange(100))
    start_in_closed_form(heads, pairs, torch.Generator().manual_seed(0))
    before = [p.detach().clone() for p in heads.parameters()]
    optimiser = torch.optim.SGD(heads.parameters(), lr=0.1)
    for _ in range(3):
        loss = -(heads.project_images(pairs.images) * heads.project_texts(pairs.texts)).mean()
        optimiser.zero_grad()
        (loss * heads.logit_scale).backward()
        optimiser.step()
    moved = [not torch.equal(a, b) for a, b in zip(before, heads.parameters(), strict=True)]
    assert all(moved)


def fit(settings, count=400):
    images, texts = sides(count)
    return train(
        images,
        texts,
        np.arange(count),
        ids=range(count),
        image_encoder=ENCODER,
        text_encoder=ENCODER,
        settings=settings,
    )


def test_training_goes_on_from_the_closed_form_and_never_ends_worse():
    recipe = TrainingSettings.for_objects(3000).model_copy(update={"steps": 20, "evaluations": 2})
    trained = fit(recipe)
    assert fit(recipe).model.identity == trained.model.identity
    assert trained.report.settings.closed_form
    spoilt = fit(recipe.model_copy(update={"learning_rate": 1.0, "weight_decay": 0.0}))
    assert spoilt.report.chosen_step == 0
    assert spoilt.report.retrieval[-1].text_to_image.recall_at_10.mean > 0.9


def test_small_archives_start_as_before_and_large_ones_in_closed_form():
    assert TrainingSettings.for_objects(2_999) == TrainingSettings()
    assert TrainingSettings.for_objects(3_000).closed_form
    assert not TrainingSettings.published().closed_form
