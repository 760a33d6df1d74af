"""The text side of models that were trained on images with texts: CLIP, SigLIP and their kin."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from torch import Tensor

from skylore.encoders.base import Vectors
from skylore.encoders.hub_files import find_file, lacks_hub, not_loaded, read_json
from skylore.encoders.hub_network import load_network, projected
from skylore.encoders.network import BatchRunner
from skylore.encoders.revisions import network_digest
from skylore.encoders.texts import PIECES, encode_whole

__all__ = ["HubPairedTextEncoder"]

_FILES = "config.json, model.safetensors and tokenizer.json"
_VOCABULARIES = (
    "tokenizer.json",
    "vocab.json",
    "vocab.txt",
    "spiece.model",
    "sentencepiece.bpe.model",
)
_TRAINED_PADDED = ("siglip", "siglip2")
"""These saw every text padded to the full length, and attend to the padding."""


class HubPairedTextEncoder(BatchRunner[str]):
    """Encodes texts into the space of the images of the same model.

    The vector is the pooled and projected one. The temperature and bias of the training loss, which
    do not alter a ranking, are left out. A text longer than the model's limit is not cut: it is
    divided into pieces that fit, as :func:`skylore.encoders.texts.encode_whole` says.

    Parameters
    ----------
    identifier : str
        A repository of the hub, or a folder with ``config.json``, ``model.safetensors`` and
        ``tokenizer.json``.

    Raises
    ------
    DependencyMissingError
        If transformers is not installed.
    ModelError
        If the model or its tokenizer cannot be loaded.
    """

    def __init__(self, identifier: str) -> None:
        super().__init__()
        self.name = f"hf:{identifier}"
        self._network = load_network(identifier)
        self._tokenizer = _load_tokenizer(identifier)
        config = self._network.config
        positions = int(config.text_config.max_position_embeddings)
        self._limit = min(positions, self._tokenizer.model_max_length)
        self._padding = "max_length" if config.model_type in _TRAINED_PADDED else "longest"

    @cached_property
    def dimension(self) -> int:
        """The length of a vector."""
        return int(self.once(["a"]).shape[1])

    @cached_property
    def revision(self) -> str:
        """A digest of weights, tokenizer and the length limit."""
        tokens = json.loads(self._tokenizer.backend_tokenizer.to_str())
        for changing in ("padding", "truncation"):  # as they were last asked for
            tokens.pop(changing, None)
        return network_digest(self._network, tokens, self._limit, self._padding, PIECES)

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Encode ``N`` texts as ``(N, D)`` rows of unit length.

        Raises
        ------
        ModelError
            If a text is empty, or is not text.
        """
        return encode_whole(
            texts, encode=self.run, size=self._count, limit=self._limit, encoder=self.name
        )

    def prepare(self, inputs: Sequence[str]) -> dict[str, Tensor]:
        """Give tokens, padded as the model was trained."""
        found = self._tokenizer(
            list(inputs),
            padding=self._padding,
            max_length=self._limit,
            truncation=False,
            return_tensors="pt",
        )
        names = {"input_ids"} if self._padding == "max_length" else {"input_ids", "attention_mask"}
        return {name: tensor for name, tensor in found.items() if name in names}

    def forward(self, prepared: dict[str, Tensor]) -> Tensor:
        """Give the pooled and projected vectors."""
        vectors: Tensor = projected(self._network.get_text_features(**prepared))
        return vectors

    def _count(self, text: str) -> int:
        return len(self._tokenizer(text, truncation=False, verbose=False)["input_ids"])


def _load_tokenizer(identifier: str) -> Any:  # noqa: ANN401 - transformers has no types
    from transformers import AutoTokenizer, PreTrainedTokenizerFast

    try:
        if not any(find_file(identifier, name) for name in _VOCABULARIES):
            # The library would go on with a tokenizer that knows no words.
            raise FileNotFoundError(f"there is no {_VOCABULARIES[0]}.")
        return AutoTokenizer.from_pretrained(
            identifier, trust_remote_code=False, local_files_only=lacks_hub(identifier)
        )
    except (ImportError, OSError, ValueError, AttributeError) as error:
        # SigLIP's own class needs sentencepiece; its tokenizer.json says the same without it.
        path = find_file(identifier, _VOCABULARIES[0])
        if path is None:
            raise not_loaded("text", identifier, error, _FILES) from error
        return PreTrainedTokenizerFast(tokenizer_file=str(path), **_padding(identifier))


def _padding(identifier: str) -> dict[str, str]:
    try:
        settings = read_json(identifier, "tokenizer_config.json")
    except (OSError, ValueError):
        settings = {}
    token = settings.get("pad_token") or "</s>"
    return {
        "pad_token": str(token["content"] if isinstance(token, dict) else token),
        "padding_side": str(settings.get("padding_side") or "right"),
    }
