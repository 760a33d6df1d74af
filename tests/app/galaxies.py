"""A small archive of real galaxies: cutouts of the Hubble Deep Field."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa
from skimage.data import hubble_deep_field

from skylore.archive.provenance import Provenance, with_provenance
from skylore.archive.schema import PIXEL
from skylore.archive.sky import healpix_29
from skylore.archive.table import Archive
from skylore.encoders.registry import load_image_encoder
from skylore.imaging.cutouts import cut_out
from skylore.imaging.decode import encode_png
from skylore.imaging.detect import detect
from skylore.search.index import build_indexes

__all__ = ["SIDE", "galaxies", "make_archive", "pixels"]

SIDE = 64
PIXEL_SCALE = 0.1 / 3600
"""Degrees, near that of the drizzled mosaic; positions are placed around the field's centre."""
CENTRE = (189.2, 62.2)


@lru_cache(maxsize=1)
def galaxies(count: int = 60) -> pa.Table:
    """Objects with images, positions, captions written from their measurements, and vectors."""
    field = hubble_deep_field()
    found = detect(field)
    rows = []
    for x, y, area in zip(found.x, found.y, found.area, strict=True):
        if len(rows) == count:
            break
        image = cut_out(field, float(x), float(y), SIDE)
        if image is not None:
            rows.append((float(x), float(y), int(area), image))
    names = [f"hdf-{i:03d}" for i in range(len(rows))]
    x, y = np.array([r[0] for r in rows]), np.array([r[1] for r in rows])
    ra = CENTRE[0] - (x - field.shape[1] / 2) * PIXEL_SCALE / np.cos(np.radians(CENTRE[1]))
    dec = CENTRE[1] + (field.shape[0] / 2 - y) * PIXEL_SCALE
    encoded = load_image_encoder("scattering").encode([r[3] for r in rows])
    return pa.table(
        {
            "id": names,
            "ra": ra,
            "dec": dec,
            PIXEL: healpix_29(ra, dec),
            "image": pa.array([encode_png(r[3]) for r in rows], pa.binary()),
            "image_width": pa.array([SIDE] * len(rows), pa.int32()),
            "image_height": pa.array([SIDE] * len(rows), pa.int32()),
            "source": ["Hubble Deep Field"] * len(rows),
            "area": pa.array([r[2] for r in rows], pa.int64()),
            "caption": [_caption(r[2], r[3]) for r in rows],
            "image_vector": pa.FixedSizeListArray.from_arrays(
                pa.array(encoded.ravel()), encoded.shape[1]
            ),
        }
    )


def _caption(area: int, image: np.ndarray) -> str:
    middle = image[24:40, 24:40].reshape(-1, 3).astype(float).mean(axis=0)
    colour = "red" if middle[0] > 1.15 * middle[2] else "blue" if middle[2] > middle[0] else "white"
    size = "large" if area > 400 else "small" if area < 100 else "medium-sized"
    return f"A {size} {colour} galaxy."


def pixels(row: int) -> bytes:
    """Give the PNG of one galaxy."""
    data: bytes = galaxies()["image"][row].as_py()
    return data


def make_archive(path: Path, rows: int = 60) -> Archive:
    """Make an archive of the first galaxies, with vectors and searchable captions."""
    objects = galaxies(rows)
    archive = Archive.create(path)
    encoder = load_image_encoder("scattering")
    made = {
        "area": (
            Provenance(step="detect", parameters={"threshold": 1.5}),
            "isophotal area",
            "pix2",
        ),
        "caption": (Provenance(step="caption", model="rules"), "what the image shows", ""),
        "image_vector": (
            Provenance(step="embed", model=encoder.name, revision=encoder.revision),
            "wavelet scattering coefficients",
            "",
        ),
    }
    archive.add_columns(
        [
            with_provenance(
                objects.schema.field(name).with_metadata({"description": text, "unit": unit}),
                provenance,
            )
            for name, (provenance, text, unit) in made.items()
        ]
    )
    archive.append(objects)
    build_indexes(archive)
    return archive
