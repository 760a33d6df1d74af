"""Archives of round and barred images that a small encoder tells apart in seconds."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from PIL import Image

from skylore.archive.table import Archive
from skylore.morphology.augment import Augmentation
from skylore.morphology.labels import ClassLabels, FigureLabels
from skylore.morphology.network import NetworkConfig
from skylore.morphology.settings import PretrainSettings

SIDE = 32
SMALL = NetworkConfig(pixels=16, frames=2, width=4, depths=(1, 1), multipliers=(1, 2))
STILL = Augmentation(zoom=0, shift=0, blur=0, noise=0, level=0, gain=0)
QUICK = PretrainSettings(
    labels=(ClassLabels(column="shape"),),
    network=SMALL,
    steps=12,
    batch_size=16,
    checkpoint_steps=4,
    evaluations=3,
    precision="float32",
)


def grid(side: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give x and y of the pixels, in half sides from the middle."""
    line = (np.arange(side) + 0.5) / side * 2 - 1
    return np.meshgrid(line, line)


def disc(side: int, radius: float) -> NDArray[np.uint8]:
    """Draw a white disc about the middle; the radius is in sides."""
    x, y = grid(side)
    inside = np.hypot(x, y) <= 2 * radius
    return np.repeat((inside * 255).astype(np.uint8)[:, :, None], 3, axis=2)


def shape(kind: str, chance: np.random.Generator) -> NDArray[np.uint8]:
    """Draw a round or a barred blob, in any direction, with noise."""
    x, y = grid(SIDE)
    angle = chance.uniform(0, np.pi)
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    size = chance.uniform(0.25, 0.35)
    narrow = size / 4 if kind == "bar" else size
    light = 180 * np.exp(-0.5 * ((along / size) ** 2 + (across / narrow) ** 2))
    noisy = light[:, :, None] + chance.normal(20, 5, (SIDE, SIDE, 3))
    drawn: NDArray[np.uint8] = np.clip(noisy, 0, 255).astype(np.uint8)
    return drawn


def png(pixels: NDArray[np.uint8]) -> bytes:
    """Write PNG bytes."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def shape_rows(count: int, seed: int = 0) -> dict[str, Sequence[Any]]:
    """Draw so many shapes, bars and discs in turn, with an elongation and a survey."""
    chance = np.random.default_rng(seed)
    kinds = [("bar", "disc")[i % 2] for i in range(count)]
    return {
        "id": [f"s{i:04d}" for i in range(count)],
        "image": [png(shape(kind, chance)) for kind in kinds],
        "shape": kinds,
        "elongation": [4.0 if kind == "bar" else 1.0 for kind in kinds],
        "galaxy": [f"g{i // 4}" for i in range(count)],
    }


def archive_of(path: Path, rows: Mapping[str, Sequence[Any]]) -> Archive:
    """Make an archive of these columns."""
    table = pa.table(dict(rows))
    archive = Archive.create(path)
    there = set(archive.schema.names)
    archive.add_columns([field for field in table.schema if field.name not in there])
    archive.append(table)
    return archive


def kill_settings(steps: int) -> PretrainSettings:
    """Choose settings under which everything that a checkpoint must hold matters."""
    return QUICK.model_copy(
        update={
            "labels": (ClassLabels(column="shape"), FigureLabels(columns=("elongation",))),
            "self_supervision": 0.5,
            "steps": steps,
            "checkpoint_steps": 3,
            "network": SMALL.model_copy(update={"drop_path": 0.3}),
        }
    )
