from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import normalize

from skylore.alignment.losses import (
    LARGEST_SCALE,
    caption_targets,
    contrastive_loss,
    matryoshka_loss,
)

SCALE = torch.tensor(math.log(10.0), dtype=torch.float64)
shapes = st.tuples(st.integers(2, 12), st.integers(2, 10), st.integers(0, 2**16))


def unit_rows(count: int, dim: int, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return normalize(torch.randn(count, dim, generator=generator, dtype=torch.float64), dim=1)


@settings(deadline=None)
@given(shapes)
def test_identity_targets_are_plain_infonce_written_out(shape):
    count, dim, seed = shape
    images, texts = unit_rows(count, dim, seed), unit_rows(count, dim, seed + 1)
    logits = 10 * images @ texts.T
    by_image = -(logits.diagonal() - logits.logsumexp(dim=1)).mean()
    by_text = -(logits.diagonal() - logits.logsumexp(dim=0)).mean()
    expected = (by_image + by_text) / 2
    plain = contrastive_loss(images, texts, SCALE)
    soft = contrastive_loss(images, texts, SCALE, torch.eye(count, dtype=torch.float64))
    torch.testing.assert_close(plain, expected)
    torch.testing.assert_close(soft, expected)


@settings(deadline=None)
@given(shapes)
def test_order_and_sides_do_not_matter(shape):
    count, dim, seed = shape
    images, texts = unit_rows(count, dim, seed), unit_rows(count, dim, seed + 1)
    targets = caption_targets(texts, 0.5)
    loss = contrastive_loss(images, texts, SCALE, targets)
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
    shuffled = contrastive_loss(images[order], texts[order], SCALE, targets[order][:, order])
    torch.testing.assert_close(shuffled, loss)
    torch.testing.assert_close(contrastive_loss(texts, images, SCALE, targets.T), loss)


@settings(deadline=None)
@given(shapes, st.floats(0, 2))
def test_caption_targets_are_weights_of_similarity(shape, temperature):
    count, dim, seed = shape
    texts = unit_rows(count, dim, seed)
    targets = caption_targets(texts, temperature)
    torch.testing.assert_close(targets, targets.T)
    assert (targets.diagonal() == 1).all()
    assert ((targets >= 0) & (targets <= 1)).all()


def test_equal_captions_are_positives_of_each_other():
    texts = unit_rows(3, 8, 0)[[0, 1, 0]]
    targets = caption_targets(texts, 0.02)
    assert targets[0, 2] == pytest.approx(1, abs=1e-9)
    assert targets[0, 1] < 1e-3
    images = unit_rows(3, 8, 1)[[0, 1, 0]]
    swapped = images[[2, 1, 0]]
    torch.testing.assert_close(
        contrastive_loss(images, texts, SCALE, targets),
        contrastive_loss(swapped, texts, SCALE, targets),
    )


def test_soft_targets_stop_pushing_equal_captions_apart():
    rows = unit_rows(3, 8, 0)[[0, 1, 0]]
    plain = contrastive_loss(rows, rows, SCALE)
    soft = contrastive_loss(rows, rows, SCALE, caption_targets(rows, 0.02))
    images = rows.clone().requires_grad_()
    contrastive_loss(images, rows, SCALE, caption_targets(rows, 0.02)).backward()
    torch.testing.assert_close(plain, soft)
    torch.testing.assert_close(images.grad[0], images.grad[2])


@settings(deadline=None)
@given(shapes, st.floats(-5, 60))
def test_gradients_are_finite_at_any_temperature(shape, log_scale):
    count, dim, seed = shape
    images = unit_rows(count, dim, seed).requires_grad_()
    texts = unit_rows(count, dim, seed + 1).requires_grad_()
    scale = torch.tensor(log_scale, dtype=torch.float64, requires_grad=True)
    targets = caption_targets(texts.detach(), 0.1)
    loss = matryoshka_loss(images, texts, scale, (1, dim), targets)
    loss.backward()
    assert all(torch.isfinite(x.grad).all() for x in (images, texts, scale))


def test_the_scale_is_clamped():
    images, texts = unit_rows(4, 5, 0), unit_rows(4, 5, 1)
    at_limit = contrastive_loss(images, texts, torch.tensor(math.log(LARGEST_SCALE)).double())
    beyond = contrastive_loss(images, texts, torch.tensor(50.0).double())
    torch.testing.assert_close(at_limit, beyond)


def test_matryoshka_is_the_mean_over_renormalised_prefixes():
    images, texts = unit_rows(6, 8, 0), unit_rows(6, 8, 1)
    short = contrastive_loss(normalize(images[:, :2], dim=1), normalize(texts[:, :2], dim=1), SCALE)
    whole = contrastive_loss(images, texts, SCALE)
    torch.testing.assert_close(matryoshka_loss(images, texts, SCALE, (2, 8)), (short + whole) / 2)


@pytest.mark.parametrize("dims", [(), (0, 4), (4, 9)])
def test_lengths_that_do_not_fit_are_refused(dims):
    rows = unit_rows(3, 8, 0)
    with pytest.raises(ValueError, match="do not fit"):
        matryoshka_loss(rows, rows, SCALE, dims)
