"""Other people's errors in one line of ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

__all__ = ["explain", "told"]


def explain(error: OSError | ValueError) -> str:
    """Say in one line what is wrong with values, or why a file could not be read."""
    if not isinstance(error, ValidationError):
        return (error.strerror if isinstance(error, OSError) else None) or str(error)
    problems = []
    for detail in error.errors(include_url=False, include_input=False, include_context=False):
        place = ".".join(str(part) for part in detail["loc"])
        problems.append(f"{place}: {told(detail)}" if place else told(detail))
    return "; ".join(problems)


def told(detail: Mapping[str, Any]) -> str:
    """Give what a validator found wrong, without the name of the exception that it raised."""
    return str(detail["msg"]).removeprefix("Value error, ")
