"""The state of a training run on disk: plain tensors, written whole or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from skylore.errors import ModelError

__all__ = ["read_checkpoint", "write_checkpoint"]


def write_checkpoint(file: Path, tensors: Mapping[str, Tensor], note: Mapping[str, Any]) -> None:
    """Replace ``file`` by these tensors and this note, atomically."""
    draft = file.with_suffix(".tmp")
    own = {name: tensor.detach().clone().contiguous() for name, tensor in tensors.items()}
    save_file(own, draft, metadata={"note": json.dumps(note)})
    os.replace(draft, file)  # noqa: PTH105 - Path.replace reads as if the text were replaced


def read_checkpoint(file: Path) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """Give tensors and note, or None if there is no checkpoint.

    Raises
    ------
    ModelError
        The file is damaged.
    """
    if not file.exists():
        return None
    try:
        with safe_open(file, framework="pt") as opened:
            note = json.loads((opened.metadata() or {})["note"])
            return {name: opened.get_tensor(name).clone() for name in opened.keys()}, note  # noqa: SIM118 - not a mapping
    except (SafetensorError, KeyError, ValueError) as error:
        raise ModelError(
            f"the checkpoint {file} is damaged ({error}); delete it to begin anew"
        ) from error
