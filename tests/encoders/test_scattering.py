from __future__ import annotations

import numpy as np
import pytest
from encoder_images import draw_galaxy, real_sample
from hypothesis import given, settings
from hypothesis import strategies as st

from skylore.encoders.base import ImageEncoder
from skylore.encoders.scattering import ScatteringEncoder
from skylore.errors import ImageError

ENCODER = ScatteringEncoder()
KINDS = ("disc", "edge-on", "spiral", "ring")


def noise(height: int, width: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_obeys_the_protocol():
    assert isinstance(ENCODER, ImageEncoder)
    vectors = ENCODER.encode([draw_galaxy(kind) for kind in KINDS])
    assert vectors.shape == (4, ENCODER.dimension)
    assert vectors.dtype == np.float32
    assert ENCODER.encode([]).shape == (0, ENCODER.dimension)
    assert ScatteringEncoder().revision == ENCODER.revision


@settings(max_examples=25, deadline=None)
@given(
    side=st.integers(8, 150),
    seed=st.integers(0, 2**16),
    quarter_turns=st.integers(0, 3),
    mirror=st.booleans(),
)
def test_quarter_turns_and_mirroring_change_nothing(side, seed, quarter_turns, mirror):
    image = noise(side, side, seed)
    turned = np.rot90(image, quarter_turns)
    turned = turned[:, ::-1] if mirror else turned
    first, second = ENCODER.encode([image, turned])
    np.testing.assert_allclose(first, second, atol=1e-4)


def test_any_angle_changes_little():
    straight, tilted, other = ENCODER.encode(
        [draw_galaxy("spiral"), draw_galaxy("spiral", angle=0.6), draw_galaxy("ring")]
    )
    assert straight @ tilted > 0.98 > straight @ other


@settings(max_examples=25, deadline=None)
@given(st.integers(8, 200), st.integers(8, 200), st.integers(0, 2**16))
def test_any_size_gives_a_unit_vector(height, width, seed):
    vector = ENCODER.encode([noise(height, width, seed)])[0]
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_blank_image_has_a_vector(level):
    vector = ENCODER.encode([np.full((40, 40, 3), level, dtype=np.uint8)])[0]
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)


def test_kinds_of_galaxy_are_told_apart_whatever_the_noise_and_angle():
    images = [draw_galaxy(kind, angle=seed * 0.7, seed=seed) for kind in KINDS for seed in range(4)]
    vectors = ENCODER.encode(images)
    similarity = vectors @ vectors.T - 2 * np.eye(16)
    np.testing.assert_array_equal(similarity.argmax(axis=1) // 4, np.arange(16) // 4)


def test_size_and_exposure_matter_little():
    image = draw_galaxy("spiral", size=192)
    small = draw_galaxy("spiral", size=64)
    dim = (image * 0.7).astype(np.uint8)
    base, resized, dimmed, other = ENCODER.encode([image, small, dim, draw_galaxy("disc")])
    assert min(base @ resized, base @ dimmed) > 0.95 > base @ other


def test_a_vector_does_not_depend_on_its_batch():
    images = [noise(40, 50, seed) for seed in range(40)]
    together = ENCODER.encode(images)
    np.testing.assert_array_equal(together, ENCODER.encode(images))
    np.testing.assert_allclose(together[37:], ENCODER.encode(images[37:]), atol=1e-5)


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        (np.zeros((7, 40, 3), dtype=np.uint8), "at least 8"),
        (np.zeros((40, 40, 3)), "8-bit"),
        (np.zeros((40, 40), dtype=np.uint8), "RGB"),
        (np.zeros((40, 40, 4), dtype=np.uint8), "RGB"),
        ("galaxy.png", "RGB"),
    ],
)
def test_what_is_not_a_display_image_is_refused(image, reason):
    with pytest.raises(ImageError, match=f"number 1 .*{reason}"):
        ENCODER.encode([draw_galaxy("disc"), image])


@pytest.mark.parametrize(
    ("name", "column", "gain"),
    [("gz1_sdss", "gz1_class", 0.05), ("gz2_kaggle_sdss", "class5", 0.2)],
)
def test_neighbours_of_real_galaxies_share_their_class(name, column, gain):
    images, labels = real_sample(name, column, 400)
    vectors = ENCODER.encode(images)
    similarity = vectors @ vectors.T
    np.fill_diagonal(similarity, -2)
    kinds, codes = np.unique(labels, return_inverse=True)
    votes = np.eye(len(kinds))[codes][np.argsort(-similarity, axis=1)[:, :10]].sum(axis=1)
    accuracy = (votes.argmax(axis=1) == codes).mean()
    assert accuracy > np.bincount(codes).max() / len(codes) + gain
