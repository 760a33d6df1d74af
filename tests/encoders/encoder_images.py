"""Galaxies drawn from formulae, and the real sample where it is."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

DATA = Path(__file__).parents[3] / "shared" / "data"


def draw_galaxy(kind: str, *, size: int = 96, angle: float = 0.0, seed: int = 0) -> np.ndarray:
    """Draw a disc, an edge-on disc, a two-armed spiral or a ring, with sky noise: uint8 RGB."""
    rng = np.random.default_rng(seed)
    axis = (np.arange(size) - (size - 1) / 2) / size
    y, x = np.meshgrid(axis, axis, indexing="ij")
    u, v = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    radius = np.hypot(u, v * 6 if kind == "edge-on" else v)
    light = np.exp(-radius / 0.1)
    if kind == "spiral":
        turn = np.arctan2(v, u) * 2 - 8 * np.log(radius + 0.03)
        light = light * (1 + 0.9 * np.cos(turn))
    if kind == "ring":
        light = 0.5 * light + 0.6 * np.exp(-0.5 * ((radius - 0.25) / 0.03) ** 2)
    image = 0.05 + 0.6 * light[:, :, None] * [1.0, 0.9, 0.8]
    noisy = image + rng.normal(0, 0.01, image.shape)
    return (np.clip(noisy, 0, 1) * 255).astype(np.uint8)


def real_sample(name: str, column: str, count: int) -> tuple[list[np.ndarray], np.ndarray]:
    """Read ``count`` labelled images of a real data set, or skip the test."""
    path = DATA / f"{name}.parquet"
    if not path.exists():
        pytest.skip(f"needs the real images in {path.name}")
    import pyarrow.parquet as pq

    table = pq.read_table(path, columns=["image", column])
    labels = [
        str(label).split("-clock")[0].split("-anti")[0] for label in table[column].to_pylist()
    ]
    known = [row for row, label in enumerate(labels) if label not in ("None", "unsure")]
    rows = np.random.default_rng(0).permutation(known)[:count]
    blobs = table["image"]
    images = [Image.open(io.BytesIO(blobs[int(row)].as_py())).convert("RGB") for row in rows]
    return [np.asarray(image) for image in images], np.array([labels[row] for row in rows])
