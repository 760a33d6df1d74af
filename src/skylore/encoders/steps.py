"""The steps that turn images and captions into vectors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import numpy as np
import pyarrow as pa

from skylore.archive.provenance import Provenance
from skylore.archive.reason import Reason
from skylore.archive.step import Apply, Values
from skylore.cores import usable_cores
from skylore.encoders.base import (
    FluxEncoder,
    ImageEncoder,
    PairedEncoder,
    Pixels,
    TextEncoder,
    Vectors,
)
from skylore.encoders.registry import load_encoder, load_text_encoder
from skylore.errors import ImageError
from skylore.imaging.decode import decode
from skylore.imaging.flux import BANDS, FLUX, SHAPE, read_flux

__all__ = ["EmbedImages", "EmbedTexts", "vector_array"]

_MOST_AHEAD = 15

Given = TypeVar("Given")


def vector_array(vectors: Vectors) -> pa.FixedSizeListArray:
    """Give rows ``(N, D)`` as an Arrow column in half precision."""
    flat = pa.array(np.ascontiguousarray(vectors, np.float16).ravel())
    return pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1])


@dataclass(frozen=True)
class EmbedImages:
    """Fills ``image_vector`` from ``image``, or from flux where the encoder reads that.

    Batches overlap: while the network computes one, others are decoded and prepared.
    """

    encoder: str
    batch_rows: int = 256
    processes: bool = False
    name: str = "embed"

    @property
    def _loaded(self) -> ImageEncoder | FluxEncoder:
        return load_encoder(self.encoder)

    @property
    def inputs(self) -> tuple[str, ...]:
        """The display image, or the columns of flux."""
        return ("image",) if isinstance(self._loaded, ImageEncoder) else (BANDS, SHAPE, FLUX)

    @property
    def batches_at_once(self) -> int:
        """One for the device, and as many as cores can prepare meanwhile."""
        return 1 + min(_MOST_AHEAD, max(2, usable_cores()))

    @property
    def outputs(self) -> pa.Schema:
        """One vector, half precision."""
        kind = pa.list_(pa.float16(), self._loaded.dimension)
        metadata = {"description": "image in the image encoder's own space, unit length"}
        return pa.schema([pa.field("image_vector", kind, metadata=metadata)])

    @property
    def provenance(self) -> Provenance:
        """Encoder and revision, and the encoder of texts into the same space if there is one."""
        encoder = self._loaded
        texts = encoder.text_encoder if isinstance(encoder, PairedEncoder) else None
        paired = {"name": texts.name, "revision": texts.revision} if texts else None
        return Provenance(
            step=self.name,
            parameters={"text_encoder": paired} if paired else {},
            model=encoder.name,
            revision=encoder.revision,
        )

    def prepare(self) -> Apply:
        """Load the encoder."""
        encoder = self._loaded
        if isinstance(encoder, ImageEncoder):
            return partial(_embed_images, encoder)
        return partial(_embed_flux, encoder)


def _embed_images(encoder: ImageEncoder, batch: pa.Table) -> Values:
    images: list[Pixels | Reason] = []
    for data in batch["image"].to_pylist():
        try:
            images.append(decode(data))
        except ImageError as error:
            images.append(Reason.of(error))
    return _embedded(encoder.encode, images, encoder.dimension)


def _embed_flux(encoder: FluxEncoder, batch: pa.Table) -> Values:
    missing = Reason.of(ImageError("it has bands and no flux; ingest the object again"))
    cutouts = [missing if cutout is None else cutout for cutout in read_flux(batch)]
    return _embedded(encoder.encode_flux, cutouts, encoder.dimension)


def _embedded(
    encode: Callable[[list[Given]], Vectors], given: Sequence[Given | Reason], dimension: int
) -> Values:
    failures = {i: item for i, item in enumerate(given) if isinstance(item, Reason)}
    good = [item for item in given if not isinstance(item, Reason)]
    vectors = np.zeros((len(given), dimension), np.float32)
    if good:
        vectors[[i for i in range(len(given)) if i not in failures]] = encode(good)
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
