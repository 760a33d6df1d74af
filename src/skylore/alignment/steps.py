"""The step that brings images into the space shared with words."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa

from skylore.alignment.model import Alignment
from skylore.archive.location import Location
from skylore.archive.provenance import Provenance
from skylore.archive.step import Apply, Values
from skylore.encoders.steps import vector_array

__all__ = ["Project"]


@dataclass(frozen=True)
class Project:
    """Fills ``vector`` from ``image_vector`` by a model of the archive.

    Attributes
    ----------
    identity : str
        Of the model.
    location : Location
        Of the archive.
    bundled : bool
        Whether the model came with the image encoder, and was not trained on this archive.
    """

    identity: str
    location: Location
    bundled: bool = False
    batch_rows: int = 8192
    processes: bool = False
    name: str = "align"
    inputs: tuple[str, ...] = ("image_vector",)

    @cached_property
    def _model(self) -> Alignment:
        return Alignment.load(self.location.get_folder(f"models/{self.identity}"))

    @property
    def outputs(self) -> pa.Schema:
        """One vector, half precision."""
        kind = pa.list_(pa.float16(), self._model.config.embedding_dim)
        metadata = {"description": "image in the space shared with words, unit length"}
        return pa.schema([pa.field("vector", kind, metadata=metadata)])

    @property
    def provenance(self) -> Provenance:
        """The model, and the encoders on its two sides."""
        config = self._model.config
        encoders = {
            "image_encoder": config.image_encoder.model_dump(),
            "text_encoder": config.text_encoder.model_dump(),
        }
        return Provenance(
            step=self.name,
            parameters={**encoders, "bundled": self.bundled},
            model="alignment",
            revision=self.identity,
        )

    def prepare(self) -> Apply:
        """Load the model."""
        model = self._model

        def apply(batch: pa.Table) -> Values:
            vectors = batch["image_vector"].combine_chunks()
            rows = np.asarray(vectors.flatten(), np.float32).reshape(len(vectors), -1)
            return Values(pa.table({"vector": vector_array(model.encode_image_vectors(rows))}))

        return apply
