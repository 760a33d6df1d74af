from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from skylore.alignment.config import EncoderReference
from skylore.alignment.statement_settings import StatementSettings
from skylore.alignment.statement_training import train_on_statements
from skylore.alignment.statements import Statements, mean_precision, statement_loss
from skylore.errors import ModelError

IMAGE = EncoderReference(name="galaxy-nano", revision="1")
TEXT = EncoderReference(name="minilm", revision="2")
QUICK = StatementSettings(embedding=16, hidden=32, steps=200, images=64, statements=16)
KINDS = 5


def world(count: int, seed: int, known: float = 0.7):
    """Images of a few kinds; several wordings of each kind; truth with gaps."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(7)
    seen, told = centres.normal(size=(KINDS, 24)), centres.normal(size=(KINDS, 12))
    kind = np.arange(count) % KINDS
    said = np.repeat(np.arange(KINDS), 8)
    images = (seen[kind] + 0.6 * rng.normal(size=(count, 24))).astype(np.float32)
    texts = (told[said] + 0.2 * rng.normal(size=(len(said), 12))).astype(np.float32)
    truth = (said[:, None] == kind).astype(np.int8)
    truth[rng.random(truth.shape) > known] = -1
    return images, Statements(texts, truth), said, kind


def fit(images, statements, **changes):
    given = {"image_encoder": IMAGE, "text_encoder": TEXT, "settings": QUICK} | changes
    return train_on_statements(images, statements, **given)


def test_unseen_wordings_find_unseen_images():
    images, statements, _, _ = world(200, seed=0)
    trained = fit(images, statements)
    fresh, asked, said, kind = world(100, seed=1)
    found = trained.model.encode_text_vectors(asked.texts) @ (
        trained.model.encode_image_vectors(fresh).T
    )
    assert (kind[found.argmax(axis=1)] == said).mean() > 0.9
    assert trained.average_precision > 0.9


def test_a_loss_by_hand():
    logits = torch.tensor([[2.0, 1.0, 0.5, -9.0]])
    truth = torch.tensor([[1, 0, 1, -1]])
    ways = np.mean([np.log1p(np.exp(1.0 - 2.0)), np.log1p(np.exp(1.0 - 0.5))])
    # From the images' side each has one text only, so that there is no contrast.
    assert statement_loss(logits, truth).item() == pytest.approx(ways / 2, rel=1e-6)


@given(st.integers(0, 10_000))
def test_what_is_not_known_and_other_true_pairs_do_not_count(seed):
    rng = np.random.default_rng(seed)
    truth = torch.from_numpy(rng.integers(-1, 2, size=(4, 6)))
    logits = torch.from_numpy(rng.normal(size=(4, 6)))
    changed = torch.where(truth == -1, logits + 50 * torch.randn(4, 6), logits)
    torch.testing.assert_close(statement_loss(changed, truth), statement_loss(logits, truth))


def test_without_any_contrast_the_loss_and_its_gradient_are_zero():
    logits = torch.randn(3, 5, requires_grad=True)
    loss = statement_loss(logits, torch.full((3, 5), -1))
    loss.backward()
    assert loss.item() == 0
    assert logits.grad.abs().sum() == 0


def test_the_look_of_a_survey_does_not_stand_for_the_answer():
    """One survey answers "yes" more often; within a survey, only the object itself tells."""
    rng = np.random.default_rng(0)
    survey = np.repeat([0, 1], 200)
    ring = rng.random(400) < np.where(survey == 0, 0.8, 0.1)
    images = rng.normal(size=(400, 8)).astype(np.float32)
    images[:, 0] += 6 * survey
    images[:, 1] += 2.5 * ring
    texts = rng.normal(size=(6, 12)).astype(np.float32)
    truth = np.tile(np.where(ring, 1, 0).astype(np.int8), (6, 1))
    names = [f"survey {number}" for number in survey]
    trained = fit(images, Statements(texts, truth), groups=names)
    space = trained.model.encode_image_vectors(images)
    scores = (trained.model.encode_text_vectors(texts) @ space.T).mean(axis=0)
    across = np.corrcoef(scores, survey)[0, 1]
    own = np.mean([np.corrcoef(scores[survey == s], ring[survey == s])[0, 1] for s in (0, 1)])
    assert own > 0.6
    assert abs(across) < own


def test_the_same_seed_gives_the_same_model():
    images, statements, _, _ = world(80, seed=0)
    first, second = fit(images, statements), fit(images, statements)
    assert first.model.identity == second.model.identity


def test_mean_precision_asks_only_where_the_answer_is_known():
    scores = np.array([[0.9, 0.8, 0.7, 0.6], [0.1, 0.2, 0.3, 0.4]], np.float32)
    truth = np.array([[0, -1, 1, -1], [1, 1, 1, -1]], np.int8)
    # The first text finds its image second of two; the second is true of all and asks nothing.
    assert mean_precision(scores, truth) == pytest.approx(0.5)


def test_shapes_that_do_not_fit():
    images, statements, _, _ = world(40, seed=0)
    with pytest.raises(ModelError, match="truth of that shape"):
        fit(images[:10], statements)


def test_nothing_to_tell_apart():
    images, statements, _, _ = world(40, seed=0)
    with pytest.raises(ModelError, match="no statement is true of one image and false"):
        fit(images, Statements(statements.texts, np.ones_like(statements.truth)))
