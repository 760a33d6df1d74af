"""Networks of the transformers library."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from skylore.encoders.devices import default_device
from skylore.encoders.hub_files import not_loaded
from skylore.errors import DependencyMissingError

__all__ = ["load_network", "projected"]


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
        network = AutoModel.from_pretrained(
            identifier, use_safetensors=True, trust_remote_code=False
        )
    except (OSError, ValueError, RuntimeError) as error:
        files = "config.json, model.safetensors and preprocessor_config.json"
        raise not_loaded(kind, identifier, error, files) from error
    return network.eval().float().to(default_device())


def projected(found: Any) -> Any:  # noqa: ANN401 - transformers has no types
    """Give the vectors that ``get_image_features`` or ``get_text_features`` found.

    Releases of transformers before 5 return them, later ones what the tower gave around them.
    """
    return getattr(found, "pooler_output", found)
