"""Any OpenAI-compatible embedding endpoint as a text encoder."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skylore.encoders.base import Vectors
from skylore.encoders.texts import PIECES, encode_whole
from skylore.errors import DependencyMissingError, ModelError

__all__ = ["OpenAIEncoder", "endpoint_revision"]

_TEXTS_PER_REQUEST = 100
_RETRIES = 4
_TIMEOUT_SECONDS = 60.0
_LONGEST = 8191


class OpenAIEncoder:
    """Encodes texts through the ``/embeddings`` endpoint of OpenAI or of a compatible server.

    ``OPENAI_BASE_URL`` names the server and ``OPENAI_API_KEY`` the key; a server named in the
    first may do without the second. Requests that fail for a passing reason (rate limit, server
    error, lost connection) are retried four times with growing pauses. What still fails raises:
    no vector is ever made up. OpenAI's models take 8,191 tokens; as some servers cut longer texts
    off silently, those of more than 8,191 bytes, which no tokenizer over bytes makes more tokens
    of, are divided, and the vectors of their pieces averaged.

    Parameters
    ----------
    model : str
        The server's name of the embedding model, such as ``text-embedding-3-large``.

    Raises
    ------
    DependencyMissingError
        If the package openai is not installed.
    ModelError
        If neither a key nor a server is set.
    """

    def __init__(self, model: str) -> None:
        self.name = f"openai:{model}"
        self._model = model
        self._key = os.environ.get("OPENAI_API_KEY", "")
        if not self._key and not os.environ.get("OPENAI_BASE_URL"):
            raise ModelError(
                f"the text encoder {self.name} needs OPENAI_API_KEY, or OPENAI_BASE_URL for a "
                "server of your own. Set one of them, or use minilm, which needs neither."
            )
        self._dimension = 0
        self._client: Any = _connect(self._key or "no-key-needed", self.name)

    @property
    def dimension(self) -> int:
        """The length of a vector, as of the first answer; a short request asks for one if need be.

        Raises
        ------
        ModelError
            If the server does not answer, or not with a vector.
        """
        return self._dimension or self._request(["dimension"]).shape[1]

    @cached_property
    def revision(self) -> str:
        """A digest of the model's name and dimension: all that a server tells of its weights."""
        return endpoint_revision(self._model, self.dimension)

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Encode ``N`` texts as ``(N, D)`` rows of unit length.

        Raises
        ------
        ModelError
            If a text is empty, or the server's last answer to a batch is an error or not usable.
        """
        return encode_whole(
            texts,
            encode=self._rows,
            size=lambda text: len(text.encode()),
            limit=_LONGEST,
            encoder=self.name,
        )

    def _rows(self, texts: list[str]) -> NDArray[np.float64]:
        rows = [
            self._request(texts[start : start + _TEXTS_PER_REQUEST])
            for start in range(0, len(texts), _TEXTS_PER_REQUEST)
        ]
        if not rows:
            return np.empty((0, self.dimension), dtype=np.float64)
        return np.concatenate(rows)

    def _request(self, texts: list[str]) -> NDArray[np.float64]:
        import openai

        try:
            answer = self._client.embeddings.create(
                model=self._model, input=texts, encoding_format="float"
            )
            found = {item.index: item.embedding for item in answer.data}
            rows = np.array([found[number] for number in range(len(texts))], dtype=np.float64)
        except openai.OpenAIError as error:
            raise ModelError(self._redacted(f"{self.name} failed: {error}")) from None
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ModelError(
                f"{self.name} did not answer {len(texts)} texts with as many equally long vectors "
                f"({type(error).__name__}). Check that OPENAI_BASE_URL serves embeddings."
            ) from error
        if len(answer.data) != len(texts):
            raise ModelError(
                f"{self.name} answered {len(texts)} texts with {len(answer.data)} vectors; "
                "which belongs to which is not certain. Check what OPENAI_BASE_URL serves."
            )
        if rows.ndim != 2 or rows.shape[1] == 0:
            raise ModelError(f"{self.name} answered with empty vectors; check the model's name")
        self._dimension = self._dimension or rows.shape[1]
        if rows.shape[1] != self._dimension:
            raise ModelError(
                f"{self.name} gave vectors of {rows.shape[1]} entries, and of {self._dimension} "
                "before; nothing was kept. Check what OPENAI_BASE_URL serves."
            )
        return rows

    def _redacted(self, message: str) -> str:
        # Servers quote the key in their answers to bad ones.
        return message.replace(self._key, "[key]") if self._key else message


def endpoint_revision(model: str, dimension: int) -> str:
    """Name the weights behind an endpoint by the model's name and the length of its vectors.

    The way that long texts are divided counts as well.
    """
    return hashlib.sha256(f"{model} {dimension} {PIECES}".encode()).hexdigest()[:16]


def _connect(key: str, name: str) -> object:
    try:
        import openai
    except ImportError as error:
        raise DependencyMissingError(
            f"the text encoder {name} needs the package openai. "
            "Install it with: pip install skylore[openai]"
        ) from error
    return openai.OpenAI(api_key=key, max_retries=_RETRIES, timeout=_TIMEOUT_SECONDS)
