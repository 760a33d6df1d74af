"""The labelled galaxies of several surveys as one table, split by object."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray
from PIL import Image
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from skylore.morphology.dataset import share_by_hash
from skylore.morphology.gz2 import gz2_counts
from skylore.morphology.tree import load_tree

__all__ = ["SETS", "training_table"]

SETS = {
    "gz1": "gz1_sdss.parquet",
    "gz2k": "gz2_kaggle_sdss.parquet",
    "gz2": "gz2_votes_sdss.parquet",
    "rings": "rings_decals.parquet",
    "lenses": "lenses_cfhtls.parquet",
}
TEST_SHARE = 0.2
_GZ1 = {
    "elliptical": "elliptical",
    "spiral-clockwise": "spiral",
    "spiral-anticlockwise": "spiral",
    "edge-on": "edge-on",
    "merger": "merger",
}
_THUMBNAIL = 24
_NEAR_DUPLICATE = 0.99
"""Correlation of two thumbnails from which on they are taken to show one galaxy."""


def training_table(folder: Path) -> pa.Table:
    """Read all sets into one table: ``id``, ``image``, ``object``, ``split`` and the labels.

    Labels are ``gz1`` (four classes; "unsure" is no label), ``class5``, ``spiral`` (where any set
    says so), ``ring``, ``lens_grade`` and the votes of Galaxy Zoo 2. Images of one object, by its
    id in two sets or by near-identical pixels, share ``object`` and are never split.
    """
    tables = [_read(folder / file, name) for name, file in SETS.items()]
    table = pa.concat_tables(tables, promote_options="permissive")
    objects = _objects(table)
    test = share_by_hash([f"test {name}" for name in objects], TEST_SHARE)
    table = table.append_column("object", pa.array(objects))
    table = table.append_column("split", pa.array(np.where(test, "test", "train")))
    return table.append_column("spiral", _spiral(table))


def _read(file: Path, name: str) -> pa.Table:
    raw = pq.read_table(file)
    ids = raw["id"].cast(pa.string()).to_pylist()
    first = np.array([ids.index(i) == row for row, i in enumerate(ids)])
    raw = raw.filter(pa.array(first))
    columns = {
        "id": pa.array([f"{name}:{i}" for i in raw["id"].to_pylist()]),
        "object_id": raw["id"].cast(pa.string()),
        "set": pa.array([name] * raw.num_rows),
        "survey": raw["survey"].cast(pa.string()),
        "image": raw["image"].cast(pa.binary()),
    }
    if "gz1_class" in raw.column_names:
        columns["gz1"] = pa.array([_GZ1.get(c) for c in raw["gz1_class"].to_pylist()])
    for kept in ("class5", "odd_spiral", "ring", "lens_grade"):
        if kept in raw.column_names:
            columns[kept] = raw[kept]
    if "total_classifications" in raw.column_names:
        votes = gz2_counts(raw, whole=True)
        columns |= {c: pa.array(v) for c, v in zip(load_tree("gz2").columns, votes.T, strict=True)}
    return pa.table(columns)


def _objects(table: pa.Table) -> list[str]:
    """Name each image's object by the least id among the images of it."""
    ids, own = table["id"].to_pylist(), table["object_id"].to_pylist()
    thumbnails = np.stack([_thumbnail(data) for data in table["image"].to_pylist()])
    first, second = np.nonzero(np.triu(thumbnails @ thumbnails.T, 1) > _NEAR_DUPLICATE)
    places = {name: row for row, name in reversed(list(enumerate(own)))}
    same_id = np.array([places[name] for name in own])
    edges = (np.concatenate([first, np.arange(len(ids))]), np.concatenate([second, same_id]))
    links = coo_array((np.ones(len(edges[0])), edges), shape=(len(ids), len(ids)))
    _, component = connected_components(links, directed=False)
    least: dict[int, str] = {}
    for name, number in zip(ids, component, strict=True):
        least[number] = min(name, least.get(number, name))
    return [least[number] for number in component]


def _thumbnail(data: bytes) -> NDArray[np.float32]:
    grey = Image.open(io.BytesIO(data)).convert("L")
    small = grey.resize((_THUMBNAIL, _THUMBNAIL), Image.Resampling.BOX)
    pixels = np.asarray(small, np.float32).ravel()
    pixels -= pixels.mean()
    unit: NDArray[np.float32] = pixels / max(float(np.linalg.norm(pixels)), 1e-6)
    return unit


def _spiral(table: pa.Table) -> pa.Array:
    """Say whether spiral arms are seen, where a set says so; edge-on disks are left open."""
    gz1 = {"spiral": True, "elliptical": False}
    five = {"face-on-spiral": True, "round-smooth": False, "in-between-smooth": False}
    answers = zip(
        table["gz1"].to_pylist(),
        table["class5"].to_pylist(),
        pc.fill_null(table["odd_spiral"], False).to_pylist(),
        strict=True,
    )
    return pa.array([True if odd else gz1.get(a, five.get(b)) for a, b, odd in answers], pa.bool_())
