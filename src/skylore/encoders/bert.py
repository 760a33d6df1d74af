"""The forward pass of BERT (Devlin et al. 2019, arXiv 1810.04805) in plain torch.

Importing transformers takes longer than a whole search may; this reads the same weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the name that torch code uses everywhere

from skylore.errors import ModelError

__all__ = ["Bert", "BertShape"]


@dataclass(frozen=True)
class BertShape:
    """The sizes in a BERT ``config.json``."""

    layers: int
    heads: int
    hidden: int
    positions: int
    epsilon: float

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> BertShape:
        """Read the sizes, and refuse variants that this forward pass does not compute.

        Raises
        ------
        ModelError
            If the activation is not the exact GELU or positions are not absolute.
        """
        activation = config.get("hidden_act")
        positions = config.get("position_embedding_type", "absolute")
        if activation != "gelu" or positions != "absolute":
            raise ModelError(
                f"this BERT uses activation {activation!r} and {positions!r} positions; only "
                "'gelu' and 'absolute' are computed here. Load it as hf:FOLDER instead."
            )
        return cls(
            layers=config["num_hidden_layers"],
            heads=config["num_attention_heads"],
            hidden=config["hidden_size"],
            positions=config["max_position_embeddings"],
            epsilon=config["layer_norm_eps"],
        )


class Bert:
    """A post-norm transformer encoder over token ids.

    Parameters
    ----------
    shape : BertShape
    weights : mapping of str to Tensor
        Named as Hugging Face saves a ``BertModel``.
    """

    def __init__(self, shape: BertShape, weights: Mapping[str, Tensor]) -> None:
        self._shape = shape
        self._weights = dict(weights)
        for layer in range(shape.layers):
            self._fuse_attention(f"encoder.layer.{layer}.attention.")

    def _fuse_attention(self, prefix: str) -> None:
        # One product for query, key and value is a third faster on short texts than three.
        for kind in ("weight", "bias"):
            parts = [
                self._weights.pop(f"{prefix}self.{n}.{kind}") for n in ("query", "key", "value")
            ]
            self._weights[f"{prefix}qkv.{kind}"] = torch.cat(parts)

    def _linear(self, x: Tensor, name: str) -> Tensor:
        return F.linear(x, self._weights[f"{name}.weight"], self._weights[f"{name}.bias"])

    def _norm(self, x: Tensor, name: str) -> Tensor:
        weight, bias = self._weights[f"{name}.weight"], self._weights[f"{name}.bias"]
        return F.layer_norm(x, (self._shape.hidden,), weight, bias, self._shape.epsilon)

    def _attend(self, x: Tensor, mask: Tensor, prefix: str) -> Tensor:
        rows, length, hidden = x.shape
        qkv = self._linear(x, f"{prefix}qkv").view(rows, length, 3, self._shape.heads, -1)
        query, key, value = qkv.permute(2, 0, 3, 1, 4)
        heads = F.scaled_dot_product_attention(query, key, value, attn_mask=mask[:, None, None, :])
        joined = heads.transpose(1, 2).reshape(rows, length, hidden)
        return self._linear(joined, f"{prefix}output.dense")

    def __call__(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Return the last hidden states, ``(N, L, H)``.

        Parameters
        ----------
        ids : Tensor, shape (N, L), int64
            Token ids; ``L`` is at most the number of positions.
        mask : Tensor, shape (N, L), bool
            True for tokens, False for padding.
        """
        table = self._weights
        x = F.embedding(ids, table["embeddings.word_embeddings.weight"])
        x = x + table["embeddings.position_embeddings.weight"][: ids.shape[1]]
        x = x + table["embeddings.token_type_embeddings.weight"][0]
        x = self._norm(x, "embeddings.LayerNorm")
        for layer in range(self._shape.layers):
            prefix = f"encoder.layer.{layer}."
            attended = self._attend(x, mask, f"{prefix}attention.")
            x = self._norm(x + attended, f"{prefix}attention.output.LayerNorm")
            inner = F.gelu(self._linear(x, f"{prefix}intermediate.dense"))
            inner = self._linear(inner, f"{prefix}output.dense")
            x = self._norm(x + inner, f"{prefix}output.LayerNorm")
        return x
