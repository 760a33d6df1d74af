from __future__ import annotations

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from morphology.shapes import SMALL, shape
from skylore.morphology.canvas import canvas
from skylore.morphology.network import GalaxyNetwork, NetworkConfig, frames_of

SHAPES = [shape(("bar", "disc")[i % 2], np.random.default_rng(i)) for i in range(40)]


@pytest.mark.parametrize("config", [SMALL, NetworkConfig(pixels=32, frames=1)])
@pytest.mark.parametrize("level", [0, 128, 255])
def test_images_are_divided_by_255_exactly_once_at_inference(config, level):
    side = config.canvas
    frames = frames_of(torch.full((1, 3, side, side), level, dtype=torch.uint8), config)
    assert len(frames) == config.frames
    for frame in frames:
        assert frame.shape == (1, 3, config.pixels, config.pixels)
        torch.testing.assert_close(frame, torch.full_like(frame, level / 255), atol=1e-7, rtol=0)


def test_frames_are_the_whole_and_its_middle_half():
    image = torch.arange(32 * 32).reshape(1, 1, 32, 32).remainder(251).to(torch.uint8)
    whole, middle = frames_of(image.expand(1, 3, 32, 32), SMALL)
    assert torch.equal(middle[0, 0] * 255, image[0, 0, 8:24, 8:24].float())
    mean = image[0, 0].reshape(16, 2, 16, 2).float().mean(dim=(1, 3))
    torch.testing.assert_close(whole[0, 0] * 255, mean)


def test_canvas_is_the_central_square_with_pixels_averaged():
    wide = np.zeros((64, 100, 3), np.uint8)
    wide[:, 18:82] = 200
    assert (canvas(wide, 32) == 200).all()
    assert (canvas(wide.swapaxes(0, 1), 32) == 200).all()
    checks = np.indices((64, 64)).sum(axis=0) % 2 * 200
    board = np.repeat(checks[:, :, None], 3, axis=2).astype(np.uint8)
    shrunk = canvas(board, 16)[:, 2:-2, 2:-2].int()
    assert (shrunk - 100).abs().max() <= 2
    same = np.random.default_rng(0).integers(0, 255, (32, 32, 3), np.uint8)
    assert np.array_equal(canvas(same, 32).permute(1, 2, 0), same)


def test_arrays_of_any_memory_are_read():
    image = SHAPES[0].copy()
    expected = canvas(image, 32)
    fixed = image.copy()
    fixed.flags.writeable = False
    assert torch.equal(canvas(fixed, 32), expected)
    assert torch.equal(canvas(image[::-1].copy()[::-1], 32), expected)
    assert torch.equal(canvas(np.asfortranarray(image), 32), expected)
    drawn = canvas(image, 32)
    drawn.zero_()
    assert image.any()


def test_dropped_paths_keep_the_expectation_in_training_only():
    torch.manual_seed(0)
    config = NetworkConfig(pixels=16, frames=1, width=4, depths=(1,), multipliers=(1,))
    block = GalaxyNetwork(config.model_copy(update={"drop_path": 0.5})).body[-1]
    torch.nn.init.ones_(block.second[1].weight)
    for layer in (block.first, block.second):
        layer[1].eval()
    x = torch.rand(1, 4, 8, 8).expand(4000, 4, 8, 8)
    block.train()
    for layer in (block.first, block.second):
        layer[1].eval()
    with torch.inference_mode():
        change = (block(x) - x).flatten(1)
        kept = change.abs().sum(dim=1) > 0
        assert abs(float(kept.float().mean()) - 0.5) < 0.04
        block.eval()
        positive = block.second(torch.relu(block.first(x[:1]))).flatten() > 0
        steady = (block(x[:1]) - x[:1]).flatten()
    torch.testing.assert_close(change.mean(dim=0)[positive], steady[positive], rtol=0.1, atol=1e-3)


@pytest.mark.parametrize(
    "wrong", [{"pixels": 8}, {"frames": 3}, {"depths": (1, 2)}, {"drop_path": 1.0}, {"depths": ()}]
)
def test_impossible_networks_are_refused(wrong):
    with pytest.raises(ValidationError):
        NetworkConfig(**wrong)
