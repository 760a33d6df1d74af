"""The training images of an archive, brought to one size and kept in one file."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from skylore.errors import ImageError, ModelError
from skylore.imaging.decode import decode
from skylore.morphology.canvas import canvas

if TYPE_CHECKING:
    from skylore.archive.table import Archive

__all__ = ["ImageStore", "open_images"]

_ROWS_PER_READ = 512


@dataclass(frozen=True)
class ImageStore:
    """Images on disk, as one array that is mapped into memory.

    Attributes
    ----------
    pixels : ndarray, shape (N, 3, S, S), uint8
    usable : ndarray, shape (N,), bool
        False where an image could not be decoded.
    """

    pixels: NDArray[np.uint8]
    usable: NDArray[np.bool_]

    def take(self, rows: Tensor) -> Tensor:
        """Give the images of these rows as ``(n, 3, S, S)``."""
        return torch.from_numpy(self.pixels[rows.numpy()])


def open_images(
    archive: Archive, rows: pa.Array, side: int, folder: Path, *, progress: bool
) -> ImageStore:
    """Decode the images of these rows into ``folder``, or take what an earlier run left there.

    Raises
    ------
    ModelError
        If no image can be decoded.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file, note = folder / "images.npy", folder / "images.json"
    digest = hashlib.sha256(rows.to_numpy().tobytes()).hexdigest()
    made_of = {"archive": str(archive), "rows": digest, "side": side}
    shape = (len(rows), 3, side, side)
    unusable = _left_by_earlier_run(file, note, made_of, shape)
    if unusable is None:
        # Without its note, a file that is being written anew counts as unfinished.
        note.unlink(missing_ok=True)
        pixels = np.lib.format.open_memmap(file, mode="w+", dtype=np.uint8, shape=shape)
        unusable = _decode_all(archive, rows, side, pixels, progress=progress)
        pixels.flush()
        note.write_text(json.dumps({"made_of": made_of, "unusable": unusable}))
    usable = np.ones(len(rows), dtype=bool)
    usable[unusable] = False
    if not usable.any():
        raise ModelError(f"not one of {len(rows)} images of {archive} can be decoded")
    return ImageStore(np.load(file, mmap_mode="r"), usable)


def _left_by_earlier_run(
    file: Path, note: Path, made_of: dict[str, object], shape: tuple[int, ...]
) -> list[int] | None:
    """Give the places of unusable images, or None where the images must be decoded anew."""
    try:
        kept = json.loads(note.read_text())
        whole = np.load(file, mmap_mode="r").shape == shape
        unusable: list[int] = kept["unusable"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return unusable if whole and kept.get("made_of") == made_of else None


def _decode_all(
    archive: Archive, rows: pa.Array, side: int, pixels: NDArray[np.uint8], *, progress: bool
) -> list[int]:
    unusable = []
    with tqdm(
        total=len(rows), desc="images", unit="image", disable=not progress, file=sys.stderr
    ) as bar:
        for place, data in enumerate(_read(archive, rows)):
            try:
                pixels[place] = canvas(decode(data), side).numpy()
            except ImageError:
                unusable.append(place)
            bar.update()
    return unusable


def _read(archive: Archive, rows: pa.Array) -> Iterator[bytes]:
    for start in range(0, len(rows), _ROWS_PER_READ):
        batch = rows.slice(start, _ROWS_PER_READ)
        yield from archive.take(batch, ("image",))["image"].to_pylist()
