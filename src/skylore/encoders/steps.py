"""The steps that turn images and captions into vectors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from skylore.archive.provenance import Provenance
from skylore.archive.reason import Reason
from skylore.archive.step import Apply, Values
from skylore.encoders.base import ImageEncoder, TextEncoder, Vectors
from skylore.encoders.registry import load_image_encoder, load_text_encoder
from skylore.errors import ImageError
from skylore.imaging.decode import decode

__all__ = ["EmbedImages", "EmbedTexts", "vector_array"]


def vector_array(vectors: Vectors) -> pa.FixedSizeListArray:
    """Give rows ``(N, D)`` as an Arrow column in half precision."""
    flat = pa.array(np.ascontiguousarray(vectors, np.float16).ravel())
    return pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1])


@dataclass(frozen=True)
class EmbedImages:
    """Fills ``image_vector`` from ``image``."""

    encoder: str
    batch_rows: int = 256
    processes: bool = False
    name: str = "embed"
    inputs: tuple[str, ...] = ("image",)

    @property
    def outputs(self) -> pa.Schema:
        """One vector, half precision."""
        kind = pa.list_(pa.float16(), load_image_encoder(self.encoder).dimension)
        metadata = {"description": "image in the image encoder's own space, unit length"}
        return pa.schema([pa.field("image_vector", kind, metadata=metadata)])

    @property
    def provenance(self) -> Provenance:
        """Encoder and revision."""
        encoder = load_image_encoder(self.encoder)
        return Provenance(step=self.name, model=encoder.name, revision=encoder.revision)

    def prepare(self) -> Apply:
        """Load the encoder."""
        encoder = load_image_encoder(self.encoder)
        return lambda batch: _embed_images(encoder, batch["image"])


def _embed_images(encoder: ImageEncoder, column: pa.ChunkedArray) -> Values:
    images, failures = [], {}
    for i, data in enumerate(column.to_pylist()):
        try:
            images.append(decode(data))
        except ImageError as error:
            failures[i] = Reason.of(error)
    vectors = np.zeros((len(column), encoder.dimension), np.float32)
    good = [i for i in range(len(column)) if i not in failures]
    if good:
        vectors[good] = encoder.encode(images)
    return Values(pa.table({"image_vector": vector_array(vectors)}), failures)


@dataclass(frozen=True)
class EmbedTexts:
    """Fills ``caption_vectors`` from ``captions``: a vector a text."""

    encoder: str
    batch_rows: int = 512
    processes: bool = False
    name: str = "embed-captions"
    inputs: tuple[str, ...] = ("captions",)

    @property
    def outputs(self) -> pa.Schema:
        """A list of vectors, half precision."""
        kind = pa.list_(pa.list_(pa.float16(), load_text_encoder(self.encoder).dimension))
        metadata = {"description": "captions in the text encoder's own space, unit length"}
        return pa.schema([pa.field("caption_vectors", kind, metadata=metadata)])

    @property
    def provenance(self) -> Provenance:
        """Encoder and revision."""
        encoder = load_text_encoder(self.encoder)
        return Provenance(step=self.name, model=encoder.name, revision=encoder.revision)

    def prepare(self) -> Apply:
        """Load the encoder."""
        encoder = load_text_encoder(self.encoder)
        return lambda batch: _embed_texts(encoder, batch["captions"].combine_chunks())


def _embed_texts(encoder: TextEncoder, captions: pa.ListArray) -> Values:
    """Encode each distinct text of the batch once."""
    distinct = captions.flatten().dictionary_encode()
    vectors = encoder.encode(distinct.dictionary.to_pylist())
    lengths = captions.value_lengths().fill_null(0).to_numpy()
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    values = vector_array(vectors[distinct.indices.to_numpy()])
    return Values(pa.table({"caption_vectors": pa.ListArray.from_arrays(offsets, values)}))
