"""The heads that bring words and the encoder's vectors into one space."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from recipes.facts import Fact, Known, measured_facts, simulated_facts, volunteers_facts
from recipes.statements import write_statements
from skylore.alignment.config import EncoderReference
from skylore.alignment.statement_settings import StatementSettings
from skylore.alignment.statement_training import StatementModel, train_on_statements
from skylore.alignment.statements import Statements
from skylore.archive.table import Archive
from skylore.encoders.registry import load_text_encoder
from skylore.encoders.trained import TrainedEncoder
from skylore.imaging.decode import decode
from skylore.morphology.dataset import share_by_hash
from skylore.simulation.truth import TRUTH_SCHEMA

__all__ = ["image_vectors", "train_heads"]

_VALIDATION = 0.1


def image_vectors(
    archive: Archive, encoder: TrainedEncoder, where: str
) -> tuple[pd.DataFrame, NDArray[np.float32]]:
    """Read the objects, without their images, and encode them."""
    names = [n for n in archive.schema.names if n != "image" and not n.startswith("_")]
    table = archive.read([*names, "image"], where=where).sort_by("id")
    images = table["image"].to_pylist()
    parts = [
        encoder.encode([decode(data) for data in images[i : i + 512]])
        for i in range(0, len(images), 512)
    ]
    return table.drop_columns(["image"]).to_pandas(), np.concatenate(parts)


def train_heads(
    objects: pd.DataFrame,
    vectors: NDArray[np.float32],
    simulations: pa.Table,
    encoder: EncoderReference,
    *,
    volunteers: bool,
    settings: StatementSettings | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> StatementModel:
    """Train on what is known of real objects and of simulated ones.

    Parameters
    ----------
    objects, vectors
        As :func:`image_vectors` gives them.
    simulations
        Id and truth of the simulated objects among them.
    encoder
        Of the vectors.
    volunteers
        Whether answers of people may be used; else measurements and simulations alone.
    settings, progress
        Of the training.
    """
    facts = _facts(objects, simulations, volunteers=volunteers)
    corpus = write_statements(facts, seed=0)
    words = load_text_encoder("minilm")
    return train_on_statements(
        vectors,
        Statements(words.encode(corpus.texts), corpus.truth),
        image_encoder=encoder,
        text_encoder=EncoderReference(name=words.name, revision=words.revision),
        settings=settings,
        weights=corpus.weights,
        groups=objects["set"].tolist(),
        held_out=share_by_hash(objects["object"].tolist(), _VALIDATION),
        progress=progress,
    )


def _facts(objects: pd.DataFrame, simulations: pa.Table, *, volunteers: bool) -> dict[Fact, Known]:
    simulated = (objects["set"] == "sim").to_numpy()
    real = objects[~simulated]
    known = measured_facts(real)
    if volunteers:
        known |= volunteers_facts(real)
    truths = {
        f"sim:{row['id']}": row
        for row in simulations.select(["id", *TRUTH_SCHEMA.names]).to_pylist()
    }
    told = simulated_facts([truths[name] for name in objects["id"][simulated]])
    joined = {}
    for fact in sorted({*known, *told}):
        column = np.full(len(objects), np.nan, np.float32)
        column[~simulated] = known.get(fact, np.nan)
        column[simulated] = told.get(fact, np.nan)
        joined[fact] = column
    return joined
