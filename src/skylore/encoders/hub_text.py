"""Models of sentence-transformers as text encoders."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skylore.encoders.base import Vectors
from skylore.encoders.devices import default_device
from skylore.encoders.hub_files import lacks_hub
from skylore.encoders.revisions import network_digest
from skylore.encoders.texts import PIECES, encode_whole
from skylore.errors import DependencyMissingError, ModelError

__all__ = ["HubTextEncoder"]

# The names that sentence-transformers looks for, in its order.
_QUERY_PROMPTS = ("query",)
_DOCUMENT_PROMPTS = ("document", "passage", "corpus")
_LEAST_ROOM = 8
"""Tokens, the special ones among them."""


class HubTextEncoder:
    """Encodes texts with a sentence-transformers model from the Hugging Face hub or a folder.

    A text longer than the model's limit is not cut: it is divided into pieces that fit, and their
    vectors are averaged, weighted by their numbers of tokens. Where the model was trained with
    prompts (E5, BGE and others), captions get that of its documents, and questions that of its
    queries.

    Parameters
    ----------
    identifier : str
        A repository of the hub, or a folder that sentence-transformers saved.

    Raises
    ------
    DependencyMissingError
        If sentence-transformers is not installed.
    ModelError
        If the model cannot be loaded.
    """

    def __init__(self, identifier: str) -> None:
        self.name = f"hf:{identifier}"
        self._network: Any = _load_network(identifier)
        self._document_prompt = _prompt(self._network, _DOCUMENT_PROMPTS)
        self._query_prompt = _prompt(self._network, _QUERY_PROMPTS)

    @cached_property
    def dimension(self) -> int:
        """The length of a vector."""
        return int(self._network.encode(["a"], show_progress_bar=False).shape[1])

    @cached_property
    def revision(self) -> str:
        """A digest of weights, modules, prompts and the length limit."""
        modules = [type(module).__name__ for module in self._network]
        prompts = self._document_prompt, self._query_prompt
        limit = self._network.max_seq_length
        return network_digest(self._network, modules, prompts, limit, PIECES)

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Encode ``N`` captions as ``(N, D)`` rows of unit length.

        Raises
        ------
        ModelError
            If a text is empty, or is not text, or the prompt leaves no room for any.
        """
        return self._encode(texts, self._document_prompt)

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """Encode ``N`` questions as ``(N, D)`` rows of unit length, with the model's query prompt.

        Errors are those of :meth:`encode`.
        """
        return self._encode(texts, self._query_prompt)

    def _encode(self, texts: Sequence[str], prompt: str) -> Vectors:
        longest = self._network.max_seq_length
        # A prompt is tokenised with the text, so special tokens are counted once, in the text.
        used = len(self._tokens(prompt, special=False)) if prompt else 0
        if longest is not None and longest - used < _LEAST_ROOM:
            raise ModelError(
                f"{self.name} takes {longest} tokens and its prompt has {used}: no room is left "
                "for text. Save the model with a longer max_seq_length."
            )

        def run(parts: list[str]) -> NDArray[np.float32]:
            if not parts:
                return np.empty((0, self.dimension), dtype=np.float32)
            rows: NDArray[np.float32] = self._network.encode(
                parts, prompt=prompt, show_progress_bar=False, convert_to_numpy=True
            )
            return rows

        limit = None if longest is None else longest - used
        return encode_whole(
            texts,
            encode=run,
            size=lambda text: len(self._tokens(text, special=True)),
            limit=limit,
            encoder=self.name,
        )

    def _tokens(self, text: str, *, special: bool) -> list[int]:
        encoded = self._network.tokenizer(
            text, truncation=False, verbose=False, add_special_tokens=special
        )
        ids: list[int] = encoded["input_ids"]
        return ids


def _prompt(network: Any, names: Sequence[str]) -> str:  # noqa: ANN401 - of sentence-transformers
    """Give the first prompt under these names, else the default one, else none."""
    prompts = getattr(network, "prompts", None) or {}
    known = [prompts[name] for name in names if prompts.get(name)]
    default = prompts.get(getattr(network, "default_prompt_name", None)) or ""
    return str(known[0] if known else default)


def _load_network(identifier: str) -> object:
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError as error:
        raise DependencyMissingError(
            f"the text encoder hf:{identifier} needs sentence-transformers. "
            "Install it with: pip install skylore[hub]"
        ) from error
    try:
        return SentenceTransformer(
            identifier,
            device=str(default_device()),
            trust_remote_code=False,
            local_files_only=lacks_hub(identifier),
            model_kwargs={"use_safetensors": True},
        ).eval()
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise ModelError(
            f"the text encoder hf:{identifier} cannot be loaded: {reason} Check the name; with no "
            "network, give a folder that sentence-transformers saved, or use minilm."
        ) from error
