"""What can go wrong with one cutout, beside passing faults."""

from __future__ import annotations

from skylore.errors import ImageError

__all__ = ["AbsentError", "StoppedError"]


class AbsentError(ImageError):
    """The survey has no image there: asking again would change nothing."""


class StoppedError(Exception):
    """The run ends before this could be asked."""
