"""Discs drawn from the side and from above."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
from PIL import Image

from skylore import pipeline
from skylore.archive.fill import FillOptions
from skylore.archive.table import Archive


def draw_discs(folder: Path, count: int = 20) -> Path:
    """Draw images of 64 × 64 pixels: first discs seen from the side, then as many from above."""
    y, x = np.mgrid[-32:32, -32:32] / 32
    rng = np.random.default_rng(0)
    folder.mkdir(parents=True)
    for i in range(count):
        flat = 0.12 if i < count // 2 else 0.95
        angle = rng.uniform(0, np.pi)
        u, v = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
        light = np.exp(-5 * np.hypot(u, v / flat)) + rng.normal(0, 0.02, x.shape)
        grey = (255 * np.clip(light, 0, 1)).astype(np.uint8)
        Image.fromarray(np.stack([grey] * 3, axis=-1)).save(folder / f"g{i:02d}.png")
    return folder


def known_discs(path: Path, images: Path, options: FillOptions | None = None) -> Archive:
    """Make an archive of them, embedded, with the truth in ``edge_on``."""
    made, _ = pipeline.ingest(path, images)
    pipeline.embed(made, options or FillOptions(progress=False))
    made.refresh()
    made.add_columns([pa.field("edge_on", pa.bool_())])
    rows = made.read(["id"], row_ids=True)
    thin = [int(name.removesuffix(".png")[1:]) < len(made) // 2 for name in rows["id"].to_pylist()]
    made.write(pa.table({"_rowid": rows["_rowid"], "edge_on": thin}))
    return Archive.open(path)
