from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy.spatial import cKDTree
from scipy.stats import kstest

from morphology.shapes import STILL, disc, grid
from skylore.morphology.augment import Augmentation, augment, rotate
from skylore.morphology.network import NetworkConfig

ONE = NetworkConfig(pixels=64, frames=1)
TWO = NetworkConfig(pixels=32, frames=2)
GEOMETRY = Augmentation(blur=0, noise=0, level=0, gain=0)
WIDEST = Augmentation(zoom=0.5, shift=0.25, blur=0, noise=0, level=0, gain=0)
LOUDEST = Augmentation(zoom=0.5, shift=0.25, blur=1, noise=1, level=1, gain=1)

seeds = st.integers(0, 2**40)


def chance(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def ramps(side: int, step: int, light: np.ndarray | None = None) -> torch.Tensor:
    """An image whose red and green say where a pixel is, and whose blue is light."""
    line = np.arange(side, dtype=np.uint8) * step
    x, y = np.meshgrid(line, line)
    blue = np.zeros_like(x) if light is None else light
    return torch.from_numpy(np.stack([x, y, blue]))


def blobs(count: int, side: int) -> torch.Tensor:
    """Smooth images without any symmetry."""
    x, y = grid(side)
    draw = np.random.default_rng(side)
    images = np.zeros((count, 3, side, side))
    for _ in range(5):
        at, size = draw.uniform(-0.7, 0.7, (2, count, 3, 1, 1)), draw.uniform(0.3, 0.5)
        images += 60 * np.exp(-((x - at[0]) ** 2 + (y - at[1]) ** 2) / (2 * size**2))
    return torch.from_numpy(images.clip(0, 255).astype(np.uint8))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.int64])
def test_images_not_8_bit_are_refused(dtype):
    with pytest.raises(TypeError, match="8-bit"):
        augment(torch.zeros(2, 3, 64, 64, dtype=dtype), ONE, STILL)


@pytest.mark.parametrize("config", [ONE, TWO])
@pytest.mark.parametrize("level", [0, 1, 128, 255])
def test_images_are_divided_by_255_exactly_once(config, level):
    images = torch.full((4, 3, 72, 72), level, dtype=torch.uint8)
    for frame in augment(images, config, STILL, chance(0)):
        assert frame.shape == (4, 3, config.pixels, config.pixels)
        assert frame.dtype == torch.float32
        torch.testing.assert_close(frame, torch.full_like(frame, level / 255), atol=1e-6, rtol=0)


@pytest.mark.parametrize("config", [ONE, TWO])
def test_sky_beyond_the_border_is_neither_black_nor_missing(config):
    images = torch.full((64, 3, 64, 64), 200, dtype=torch.uint8)
    for frame in augment(images, config, WIDEST, chance(1)):
        torch.testing.assert_close(frame, torch.full_like(frame, 200 / 255), atol=1e-6, rtol=0)


def test_border_is_mirrored_not_smeared():
    image = torch.zeros(1, 3, 64, 64)
    image[:, :, :2] = image[:, :, -2:] = 1.0
    image[:, :, :, :2] = image[:, :, :, -2:] = 1.0
    turned = rotate(image, math.pi / 4)
    # The corner lies √2 half sides out along an axis, which mirrors to 0.59: inside, and black.
    for corner in (turned[..., :4, :4], turned[..., -4:, -4:], turned[..., :4, -4:]):
        assert float(corner.max()) == 0.0


@pytest.mark.parametrize("mirrored", [False, True])
def test_any_rotation_is_equally_likely(mirrored):
    angles, flips = angles_and_flips(4000)
    found = angles[flips == mirrored] / (2 * np.pi) % 1
    assert kstest(found, "uniform").pvalue > 1e-3


def test_half_of_the_images_are_mirrored():
    _, flips = angles_and_flips(4000)
    assert abs(flips.mean() - 0.5) < 4 * 0.5 / math.sqrt(4000)


def test_handed_images_are_turned_and_never_mirrored():
    angles, flips = angles_and_flips(500, STILL.model_copy(update={"mirror": False}))
    assert not flips.any()
    assert np.ptp(angles) > 6


def angles_and_flips(count: int, how: Augmentation = STILL) -> tuple[np.ndarray, np.ndarray]:
    """Read each image's change off two ramps."""
    config = NetworkConfig(pixels=16, frames=1)
    images = ramps(16, 15).expand(count, 3, 16, 16)
    (frame,) = augment(images, config, how, chance(5))
    x, y = (frame * 255 / 15).numpy()[:, :2].swapaxes(0, 1)
    right = [(c[:, 7:9, 8] - c[:, 7:9, 7]).mean(axis=1) for c in (x, y)]
    down = [(c[:, 8, 7:9] - c[:, 7, 7:9]).mean(axis=1) for c in (x, y)]
    determinant = right[0] * down[1] - right[1] * down[0]
    np.testing.assert_allclose(np.abs(determinant), 1, atol=1e-3)
    return np.arctan2(-down[0], down[1]), determinant < 0


def test_zoom_and_shift_stay_within_their_bounds_and_reach_them():
    config = NetworkConfig(pixels=16, frames=1)
    how = Augmentation(zoom=0.2, shift=0.06, blur=0, noise=0, level=0, gain=0)
    (frame,) = augment(ramps(16, 15).expand(3000, 3, 16, 16), config, how, chance(6))
    x, y = (frame * 255 / 15).numpy()[:, :2].swapaxes(0, 1)
    scale = np.hypot(x[:, 7, 8] - x[:, 7, 7], y[:, 7, 8] - y[:, 7, 7])
    assert 1 / 1.2 - 1e-3 <= scale.min() < 0.85
    assert 1.18 < scale.max() <= 1.2 + 1e-3
    assert abs(np.log(scale).mean()) < 0.01
    for axis in (x, y):
        middle = (axis[:, 7:9, 7:9].mean(axis=(1, 2)) - 7.5) / 8
        assert 0.058 < np.abs(middle).max() <= 0.06 + 1e-3
        assert abs(middle.mean()) < 0.004


@given(seeds, st.floats(0.02, 0.3))
@settings(max_examples=60)
def test_augmentation_never_loses_the_galaxy(seed, radius):
    light = disc(64, radius)[:, :, 0]
    seen = shown_places(ramps(64, 4, light), GEOMETRY, seed)
    distance, _ = cKDTree(seen).query(np.argwhere(light)[:, ::-1])
    # Neighbouring pixels show places at most 1.2 apart, so that any place in sight is this near.
    assert (distance < 0.9).mean() >= 0.95


@given(seeds)
@settings(max_examples=60)
def test_the_middle_stays_in_sight_however_wide_the_augmentation(seed):
    seen = shown_places(ramps(64, 4), WIDEST, seed)
    distance, _ = cKDTree(seen).query([31.5, 31.5])
    assert distance < 1.1


def shown_places(image: torch.Tensor, how: Augmentation, seed: int) -> np.ndarray:
    """Where the pixels of the augmented image come from: (P, 2), x and y in pixels."""
    (frame,) = augment(image[None], ONE, how, chance(seed))
    return (frame[0, :2] * 255 / 4).flatten(1).T.numpy()


@given(seeds)
@settings(max_examples=25)
def test_both_frames_show_the_same_change(seed):
    how = Augmentation(zoom=0.5, shift=0.25, blur=0, noise=0, level=0.1, gain=0.3)
    whole, middle = augment(blobs(6, 72), TWO, how, chance(seed))
    coarse = torch.nn.functional.avg_pool2d(middle, 2)
    difference = (whole[:, :, 8:24, 8:24] - coarse).abs()
    assert float(difference.mean()) < 0.004
    assert float(difference.max()) < 0.06


def test_frames_of_different_changes_would_differ():
    first, second = (augment(blobs(6, 72), TWO, WIDEST, chance(seed))[0] for seed in (0, 1))
    assert float((first - second).abs().mean()) > 0.03


@given(seeds)
@settings(max_examples=25)
def test_light_stays_between_black_and_white(seed):
    for frame in augment(blobs(4, 64), TWO, LOUDEST, chance(seed)):
        assert torch.isfinite(frame).all()
        assert float(frame.min()) >= 0
        assert float(frame.max()) <= 1


def test_light_changes_by_about_what_was_asked():
    grey = torch.full((3000, 3, 16, 16), 128, dtype=torch.uint8)
    config = NetworkConfig(pixels=16, frames=1)
    still = {"zoom": 0, "shift": 0, "blur": 0, "noise": 0, "level": 0, "gain": 0}
    (noisy,) = augment(grey, config, Augmentation(**{**still, "noise": 0.03}), chance(0))
    deep = noisy.std(dim=(1, 2, 3))
    # Noise is as deep as a half-normal deviate says: its mean is √(2/π) of the deepest's scale.
    assert float(deep.mean()) == pytest.approx(0.03 * math.sqrt(2 / math.pi), rel=0.05)
    (raised,) = augment(grey, config, Augmentation(**{**still, "level": 0.01}), chance(0))
    assert float(raised[:, :, 0, 0].std()) == pytest.approx(0.01, rel=0.05)
    (bright,) = augment(grey, config, Augmentation(**{**still, "gain": 0.1}), chance(0))
    gain = torch.log(bright[:, :, 0, 0] / (128 / 255))
    assert float(gain.std()) == pytest.approx(0.1 * math.hypot(1, 0.5), rel=0.05)
    assert float((gain[:, 0] - gain[:, 1]).std()) == pytest.approx(0.05 * math.sqrt(2), rel=0.05)


def test_blur_spreads_light_and_keeps_its_amount():
    star = torch.zeros(8, 3, 17, 17, dtype=torch.uint8)
    star[:, :, 8, 8] = 255
    config = NetworkConfig(pixels=17, frames=1)
    how = {**STILL.model_dump(), "blur": 0.5}
    (frame,) = augment(star, config, Augmentation(**how), chance(2))
    (sharp,) = augment(star, config, STILL, chance(2))
    torch.testing.assert_close(frame.sum(dim=(2, 3)), sharp.sum(dim=(2, 3)))
    fainter = frame.amax(dim=(1, 2, 3)) < sharp.amax(dim=(1, 2, 3)) - 0.1
    assert int(fainter.sum()) == 4


def test_any_image_of_a_batch_may_be_blurred():
    star = torch.zeros(16, 3, 17, 17, dtype=torch.uint8)
    star[:, :, 8, 8] = 255
    config, how = NetworkConfig(pixels=17, frames=1), STILL.model_copy(update={"blur": 0.25})
    blurred = []
    for seed in (2, 3):
        (frame,), (sharp,) = (augment(star, config, kind, chance(seed)) for kind in (how, STILL))
        fainter = frame.amax(dim=(1, 2, 3)) < sharp.amax(dim=(1, 2, 3)) - 0.1
        blurred.append(set(fainter.nonzero()[:, 0].tolist()))
    assert [len(rows) for rows in blurred] == [4, 4]
    assert blurred[0] != blurred[1] != set(range(4))


def test_chance_is_the_generators_alone_and_the_input_is_left_alone():
    images = blobs(4, 72)
    before = images.clone()
    torch.manual_seed(1)
    first = augment(images, TWO, LOUDEST, chance(3))
    torch.manual_seed(2)
    second = augment(images, TWO, LOUDEST, chance(3))
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert torch.equal(images, before)


def test_rotation_by_a_quarter_turn_moves_pixels_and_no_light():
    images = blobs(2, 32).float()
    turned = rotate(images, math.pi / 2)
    torch.testing.assert_close(turned, torch.rot90(images, 1, (2, 3)), atol=1e-2, rtol=0)
    torch.testing.assert_close(rotate(images, 0.0), images, atol=1e-3, rtol=0)


@pytest.mark.parametrize("wrong", [{"zoom": 0.6}, {"shift": -0.1}, {"noise": math.nan}, {"x": 1}])
def test_impossible_augmentations_are_refused(wrong):
    with pytest.raises(ValidationError):
        Augmentation(**wrong)
