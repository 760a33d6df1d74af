"""The command line. No logic lives here: each command calls what Python users call."""

from __future__ import annotations

__all__ = ["main"]


def main() -> None:
    """Run ``skylore``."""
    from skylore.cli.app import app

    app()
