"""Small files in the layouts in which Galaxy10 DECaLS and GalaxyMNIST are published."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from skylore.symbols.library import load_symbols

SCALE = 0.262


def pictures(symbols: str, labels: NDArray[np.int64], side: int) -> NDArray[np.uint8]:
    """Draw each class as its symbol, blurred by a coarser grid and with noise."""
    drawn, rng = load_symbols(symbols), np.random.default_rng(0)
    found = np.empty((len(labels), side, side, 3), np.uint8)
    for row, label in enumerate(labels):
        small = drawn.sample(drawn.classes[label], rng, 48)
        large = np.asarray(Image.fromarray(small).resize((side, side)), float)
        found[row] = np.clip(large + rng.normal(20, 6, large.shape), 0, 255)
    return found


def write_galaxy10(
    path: Path, each: int = 2, *, redshift: str | None = "dec", repeats: int = 0
) -> Path:
    """Write ``Galaxy10_DECals.h5``; the first ``repeats`` galaxies are there twice, 1″ apart."""
    labels = np.tile(np.arange(10), each)
    labels = np.concatenate([labels, labels[:repeats]])
    count = 10 * each
    ra, dec = 10 + 0.5 * np.arange(count), np.linspace(-5, 30, count)
    ra = np.concatenate([ra, ra[:repeats]])
    dec = np.concatenate([dec, dec[:repeats] + 1 / 3600])
    with h5py.File(path, "w") as file:
        file["images"] = pictures("galaxy10-decals", labels, 256)
        file["ans"] = labels.astype(np.uint8)
        file["ra"], file["dec"] = ra, dec
        file["pxscale"] = np.full(len(labels), SCALE)
        if redshift == "dec":
            file["redshift"] = dec
        elif redshift is not None:
            file["redshift"] = np.linspace(0.01, 0.2, len(labels))
    return path


def write_galaxymnist(folder: Path, each: int = 3, side: int = 64) -> Path:
    """Write ``train_dataset.hdf5`` and ``test_dataset.hdf5``."""
    folder.mkdir(parents=True, exist_ok=True)
    for split, count in (("train", each), ("test", max(1, each // 2))):
        labels = np.tile(np.arange(4), count)
        with h5py.File(folder / f"{split}_dataset.hdf5", "w") as file:
            file["images"] = pictures("galaxymnist", labels, side)
            file["labels"] = labels.astype(np.uint8)
    return folder
