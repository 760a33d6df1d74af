"""What a reader of a source should know about how it was read."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["about_columns", "counted"]

NAMED = 8
"""How many columns a remark names."""


def about_columns(
    renamed: Mapping[str, str], left_out: Mapping[str, str], positions_refused: int
) -> list[str]:
    """Say which catalogue columns go by another name or were not taken, and why."""
    remarks = []
    if renamed:
        pairs = [f"{old} as {new}" for old, new in renamed.items()]
        remarks.append(f"columns under another name: {_listed(pairs)}")
    if left_out:
        pairs = [f"{name} ({reason})" for name, reason in left_out.items()]
        remarks.append(f"columns left out: {_listed(pairs)}")
    return remarks + counted(positions_refused, "position lies outside the sky and was left out")


def counted(count: int, what: str) -> list[str]:
    """Say how often something happened, if it did."""
    return [f"{count} × {what}"] if count else []


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
