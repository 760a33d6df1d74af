"""Networks of the transformers library."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from skylore.encoders.devices import default_device
from skylore.encoders.hub_files import lacks_hub, not_loaded
from skylore.errors import DependencyMissingError

__all__ = ["load_network", "projected", "unmasked"]

_UNUSED = "pooler."
"""Many checkpoints come without this layer, and nothing here reads its output."""


@lru_cache(maxsize=2)
def load_network(identifier: str, kind: str = "image") -> Any:  # noqa: ANN401 - transformers has no types
    """Load a network on the default device, for evaluation; once for images and texts.

    Only safetensors weights are read, and no code of the repository is run.

    Raises
    ------
    DependencyMissingError
        If transformers is not installed.
    ModelError
        If the model cannot be loaded.
    """
    try:
        from transformers import AutoModel
    except ImportError as error:
        raise DependencyMissingError(
            f"the {kind} encoder hf:{identifier} needs transformers. "
            "Install it with: pip install skylore[hub]"
        ) from error
    try:
        network, loaded = AutoModel.from_pretrained(
            identifier,
            use_safetensors=True,
            trust_remote_code=False,
            local_files_only=lacks_hub(identifier),
            output_loading_info=True,
        )
        _refuse_random(network, loaded["missing_keys"])
    except (OSError, ValueError, RuntimeError) as error:
        files = "config.json, model.safetensors and preprocessor_config.json"
        raise not_loaded(kind, identifier, error, files) from error
    return network.eval().float().to(default_device())


def _refuse_random(network: Any, missing: Iterable[str]) -> None:  # noqa: ANN401 - as above
    """Refuse a network of which the library made up weights, or leave out what is not used."""
    lacking = set(missing)
    if any(name.startswith(_UNUSED) for name in lacking):
        network.pooler = None
    needed = sorted(name for name in lacking if not name.startswith(_UNUSED))
    if needed:
        raise ValueError(f"model.safetensors lacks {len(needed)} weights, such as {needed[0]}.")


def unmasked(network: Any, pixels: Tensor) -> dict[str, Tensor]:  # noqa: ANN401 - as above
    """Say that no patch of ``(N, 3, H, W)`` is hidden: masked autoencoders hide three quarters."""
    if not hasattr(network.config, "mask_ratio"):
        return {}
    network.config.mask_ratio = 0.0
    patches = network.embeddings.position_embeddings.shape[1] - 1
    order = torch.arange(patches, device=pixels.device)
    return {"noise": order.float().expand(len(pixels), -1)}


def projected(found: Any) -> Any:  # noqa: ANN401 - transformers has no types
    """Give the vectors that ``get_image_features`` or ``get_text_features`` found.

    Releases of transformers before 5 return them, later ones what the tower gave around them.
    """
    return getattr(found, "pooler_output", found)
