"""Files of a model on the Hugging Face hub, or in a folder saved in its format."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from skylore.errors import DependencyMissingError, ModelError

__all__ = ["find_file", "is_image_text", "lacks_hub", "not_loaded", "read_json"]

_PATIENCE = 5.0
"""Seconds that the hub has to answer."""
_REMEMBERED = 30
"""Seconds for which its answer, or its silence, is taken to last."""


def lacks_hub(identifier: str) -> bool:
    """Whether there is only the cache to read a model from: it is no folder, the hub is silent.

    To be said to the hub's library, which asks for half a minute a file before it says so itself.
    """
    return not Path(identifier).is_dir() and not _hub_answers(time.monotonic() // _REMEMBERED)


@lru_cache(maxsize=1)
def _hub_answers(moment: float) -> bool:  # noqa: ARG001 - told apart by it
    from huggingface_hub import constants, get_session

    for pause in (0, 1):
        time.sleep(pause)
        try:
            get_session().head(constants.ENDPOINT, timeout=_PATIENCE)
        except Exception:  # noqa: BLE001, S112 - releases differ in the library that fetches
            continue
        return True
    return False


def find_file(identifier: str, name: str) -> Path | None:
    """Give the path of a model's file, fetched if it is on the hub; None if it has none.

    Raises
    ------
    DependencyMissingError
        If the model is no folder and transformers is not installed.
    OSError
        If the model cannot be reached.
    """
    folder = Path(identifier)
    if folder.is_dir():
        return folder / name if (folder / name).is_file() else None
    try:
        from transformers.utils import cached_file
    except ImportError as error:
        raise DependencyMissingError(
            f"the model hf:{identifier} needs transformers. "
            "Install it with: pip install skylore[hub]"
        ) from error
    found = cached_file(
        identifier,
        name,
        local_files_only=lacks_hub(identifier),
        _raise_exceptions_for_missing_entries=False,
    )
    return None if found is None else Path(found)


def read_json(identifier: str, *names: str) -> Mapping[str, Any]:
    """Read the first of these files that a model has.

    Raises
    ------
    OSError, ValueError
        If it has none, or the file is no JSON object.
    """
    paths = [path for name in names if (path := find_file(identifier, name)) is not None]
    if not paths:
        where = " in its cache, and the hub does not answer" if lacks_hub(identifier) else ""
        raise FileNotFoundError(f"there is no {' or '.join(names)}{where}.")
    settings = json.loads(paths[0].read_text("utf-8"))
    if not isinstance(settings, dict):
        raise ValueError(f"{paths[0].name} holds no settings.")  # noqa: TRY004 - a wrong value
    return settings


def is_image_text(identifier: str) -> bool:
    """Whether a model has a tower for images and one for texts, as CLIP and SigLIP do.

    A model that cannot be reached has none; whoever loads it says why.
    """
    try:
        config = read_json(identifier, "config.json")
    except (OSError, ValueError):
        return False
    return "vision_config" in config and "text_config" in config


def not_loaded(kind: str, identifier: str, error: Exception, files: str) -> ModelError:
    """Say why a model cannot be loaded, and what to do."""
    reason = str(error).strip().partition("\n")[0]
    return ModelError(
        f"the {kind} encoder hf:{identifier} cannot be loaded: {reason} Check the name; with no "
        f"network, give a folder with {files}."
    )
