"""Other people's errors in one line of ours."""

from __future__ import annotations

from pydantic import ValidationError

__all__ = ["explain"]


def explain(error: OSError | ValueError) -> str:
    """Say in one line what is wrong with values, or why a file could not be read."""
    if not isinstance(error, ValidationError):
        return (error.strerror if isinstance(error, OSError) else None) or str(error)
    problems = []
    for detail in error.errors(include_url=False, include_input=False, include_context=False):
        place = ".".join(str(part) for part in detail["loc"])
        problems.append(f"{place}: {detail['msg']}" if place else detail["msg"])
    return "; ".join(problems)
