"""Small archives that something can be learnt from in a few steps."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from PIL import Image

from skylore.archive.table import Archive
from skylore.scaling.experiments.settings import EncoderExperiment, Schedule

OBJECTS = 120
SHOTS = 2
"""Images of each object."""

TREE = {
    "name": "tiny",
    "questions": [
        {"name": "shape", "answers": ["round", "long"]},
        {"name": "tilt", "answers": ["level", "steep"], "parent": "shape_long"},
    ],
}


def picture(long: bool, rng: np.random.Generator) -> bytes:
    """A round or a long patch of light with noise, 32 × 32, as PNG."""
    y, x = np.mgrid[:32, :32] - 15.5
    spread = 40.0 if not long else 6.0
    light = 150 * np.exp(-(x**2) / 120 - y**2 / spread)
    grey = np.clip(light + rng.normal(20, 12, (32, 32)), 0, 255).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(np.repeat(grey[..., None], 3, axis=2)).save(file, "PNG")
    return file.getvalue()


def picture_archive(folder: Path, seed: int = 0) -> Archive:
    """Two images of each of 120 objects, with a class, votes, and some without a label."""
    rng = np.random.default_rng(seed)
    long = np.repeat(rng.random(OBJECTS) < 0.3, SHOTS)
    voters = rng.integers(10, 30, OBJECTS * SHOTS)
    said_long = rng.binomial(voters, np.where(long, 0.85, 0.1))
    steep = rng.binomial(said_long, 0.4)
    kinds: list[str | None] = ["long" if one else "round" for one in long]
    kinds[:6] = [None] * 6
    counts = np.stack([voters - said_long, said_long, said_long - steep, steep], axis=1)
    table = pa.table(
        {
            "id": [f"o{i // SHOTS}-{i % SHOTS}" for i in range(OBJECTS * SHOTS)],
            "image": [picture(bool(one), rng) for one in long],
            "kind": kinds,
            "object": [f"o{i // SHOTS}" for i in range(OBJECTS * SHOTS)],
            **dict(zip(COLUMNS, counts.T, strict=True)),
        }
    )
    return _archive(folder, table)


COLUMNS = ("shape_round", "shape_long", "tilt_level", "tilt_steep")


def tree_file(folder: Path) -> str:
    """The tree of the votes as a file."""
    file = folder / "tiny.json"
    file.write_text(json.dumps(TREE))
    return str(file)


def caption_archive(folder: Path, objects: int = 150) -> Archive:
    """Objects of ten kinds as vectors, seen and told about with noise; one or two captions each."""
    rng = np.random.default_rng(1)
    kind = rng.integers(0, 10, objects)
    seen, told = rng.normal(size=(10, 20)), rng.normal(size=(10, 12))
    images = seen[kind] + 0.6 * rng.normal(size=(objects, 20))
    texts = [[told[k] + 0.1 * rng.normal(size=12) for _ in range(1 + k % 2)] for k in kind]
    table = pa.table(
        {
            "id": [f"c{i}" for i in range(objects)],
            "image_vector": vectors(images),
            "caption_vectors": pa.array(
                [[v.astype(np.float32).tolist() for v in one] for one in texts],
                pa.list_(pa.list_(pa.float32(), 12)),
            ),
        }
    )
    return _archive(folder, table)


def vectors(rows: NDArray[np.float64]) -> pa.FixedSizeListArray:
    flat = pa.array(rows.astype(np.float32).ravel())
    return pa.FixedSizeListArray.from_arrays(flat, rows.shape[1])


def _archive(folder: Path, table: pa.Table) -> Archive:
    archive = Archive.create(folder)
    archive.add_columns([f for f in table.schema if f.name not in archive.schema.names])
    archive.append(table)
    return archive


def tiny(task: str = "classification", label: str = "kind", **given: object) -> EncoderExperiment:
    """An encoder that trains in a second."""
    experiment = EncoderExperiment(
        task=task, label=label, group_by="object", schedule=Schedule(steps=12), checks=3, test=0.3,
        validation=0.2,
    )  # fmt: skip
    network = experiment.recipe.network.model_copy(update={"pixels": 16, "frames": 1})
    recipe = {"network": network, "batch_size": 16, **given}
    return experiment.model_copy(update={"recipe": experiment.recipe.model_copy(update=recipe)})
