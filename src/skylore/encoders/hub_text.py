"""Models of sentence-transformers as text encoders."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from skylore.encoders.base import Vectors
from skylore.encoders.devices import default_device
from skylore.encoders.revisions import network_digest
from skylore.encoders.texts import check_text, pieces
from skylore.encoders.vectors import unit_rows
from skylore.errors import DependencyMissingError, ModelError

__all__ = ["HubTextEncoder"]


class HubTextEncoder:
    """Encodes texts with a sentence-transformers model from the Hugging Face hub or a folder.

    A text longer than the model's limit is not cut: it is divided at spaces into pieces that fit,
    and their vectors are averaged, weighted by their numbers of tokens.

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
        prompts = getattr(self._network, "prompts", {})
        self._prompt = prompts.get(getattr(self._network, "default_prompt_name", None)) or ""

    @cached_property
    def dimension(self) -> int:
        """The length of a vector."""
        return int(self._network.encode(["a"], show_progress_bar=False).shape[1])

    @cached_property
    def revision(self) -> str:
        """A digest of weights, modules, prompt and the length limit."""
        modules = [type(module).__name__ for module in self._network]
        return network_digest(
            self._network, modules, self._prompt, self._network.max_seq_length, "pieces-1"
        )

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Encode ``N`` texts as ``(N, D)`` rows of unit length.

        Raises
        ------
        ModelError
            If a text is empty, or is not text.
        """
        parts: list[str] = []
        owners: list[int] = []
        for row, text in enumerate(texts):
            check_text(text, row)
            fitting = pieces(text, fits=self._fits)
            parts += fitting
            owners += [row] * len(fitting)
        sums = np.zeros((len(texts), self.dimension), dtype=np.float64)
        if parts:
            vectors = self._network.encode(parts, show_progress_bar=False, convert_to_numpy=True)
            weights = [self._count(part) for part in parts]
            unit = unit_rows(vectors, encoder=self.name)
            np.add.at(sums, owners, unit * np.array(weights)[:, None])
        return unit_rows(sums, encoder=self.name)

    def _fits(self, text: str) -> bool:
        limit = self._network.max_seq_length
        return limit is None or self._count(self._prompt + text) <= limit

    def _count(self, text: str) -> int:
        return len(self._network.tokenizer(text, truncation=False, verbose=False)["input_ids"])


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
            model_kwargs={"use_safetensors": True},
        ).eval()
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise ModelError(
            f"the text encoder hf:{identifier} cannot be loaded: {reason} Check the name; with no "
            "network, give a folder that sentence-transformers saved, or use minilm."
        ) from error
