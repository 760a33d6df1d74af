"""Settings from a file and from options."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from skylore.errors import ModelError

if TYPE_CHECKING:
    from pydantic import BaseModel

__all__ = ["read_settings"]

Settings = TypeVar("Settings", bound="BaseModel")


def read_settings(
    kind: type[Settings], file: Path | None, given: Mapping[str, Any], failed: str
) -> Settings:
    """Take settings from a JSON file, and from options, which win.

    Parameters
    ----------
    kind
        The settings' class.
    file, given
        Where some are, and what was said beside.
    failed
        What cannot be done with impossible ones: "a classifier cannot be trained".

    Raises
    ------
    ModelError
        The file cannot be read, or the settings are impossible.
    """
    from skylore.explaining import explain

    try:
        read = json.loads(file.read_bytes()) if file else {}
        return kind.model_validate({**read, **given})
    except (OSError, ValueError, TypeError) as error:
        reason = str(error) if isinstance(error, TypeError) else explain(error)
        place = f" ({file})" if file else ""
        raise ModelError(f"{failed} so{place}: {reason}") from error
