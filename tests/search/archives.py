"""Archives for tests of search: vectors, positions, numbers and captions of known values."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa

from skylore.archive.provenance import Provenance, with_provenance
from skylore.archive.sky import cells_of
from skylore.archive.table import Archive

CAPTIONS = ("edge-on disk galaxy", "smooth red elliptical", "blue spiral arms", "interacting pair")


def vectors_archive(
    path: Path, rows: int = 500, dimension: int = 16, seed: int = 0, repeats: int = 1
) -> tuple[Archive, np.ndarray]:
    """Make an archive of unit vectors; each vector stands ``repeats`` times."""
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(rows, dimension)).astype(np.float32)
    vectors = np.repeat(vectors[: -(-rows // repeats)], repeats, axis=0)[:rows]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    sky = pa.table(
        {
            "ra": rng.uniform(0, 360, rows),
            "dec": np.degrees(np.arcsin(rng.uniform(-1, 1, rows))),
        }
    )
    archive = Archive.create(path)
    provenance = Provenance(step="ingest", model="given")
    kind = pa.list_(pa.float32(), dimension)
    archive.add_columns(
        [
            with_provenance(pa.field("image_vector", kind), provenance),
            pa.field("mag", pa.float64(), metadata={"unit": "mag"}),
            pa.field("bright", pa.bool_()),
            pa.field("caption", pa.string()),
        ]
    )
    mag = rng.uniform(15, 22, rows)
    archive.append(
        pa.table(
            {
                "id": [f"g{i:05d}" for i in rng.permutation(rows)],
                "ra": sky["ra"],
                "dec": sky["dec"],
                "_healpix_29": cells_of(sky),
                "image_vector": pa.FixedSizeListArray.from_arrays(vectors.ravel(), dimension),
                "mag": np.where(np.arange(rows) % 10 == 0, np.nan, mag),
                "bright": mag < 18,
                "caption": [CAPTIONS[i % len(CAPTIONS)] for i in range(rows)],
            }
        )
    )
    return archive, vectors
