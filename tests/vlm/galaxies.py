"""Archives of small drawn galaxies, no two alike."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pyarrow as pa
from PIL import Image

from skylore.archive.table import Archive


def png(number: int, size: int = 48) -> bytes:
    """Draw a blob with noise; its number decides about both."""
    rng = np.random.default_rng(number)
    y, x = np.mgrid[:size, :size] - size / 2
    blob = 200 * np.exp(-(x**2 + y**2 * (1 + number % 3)) / (2 * (4 + number % 5) ** 2))
    pixels = np.clip(blob[..., None] + rng.normal(20, 6, (size, size, 3)), 0, 255)
    buffer = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def make_archive(path: Path, count: int, *, size: int = 48) -> Archive:
    """Make an archive of ``count`` galaxies."""
    archive = Archive.create(path)
    images = [png(i, size) for i in range(count)]
    archive.append(
        pa.table(
            {
                "id": [f"g{i}" for i in range(count)],
                "image": images,
                "image_width": pa.array([size] * count, pa.int32()),
                "image_height": pa.array([size] * count, pa.int32()),
            }
        )
    )
    return archive
