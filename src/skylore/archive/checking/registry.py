"""Which checks there are; a package that keeps data in archives names its own here."""

from __future__ import annotations

from importlib import import_module

from skylore.archive.checking.finding import Check

__all__ = ["MODULES", "registered"]

MODULES = (
    "skylore.archive.checking.rows",
    "skylore.archive.checking.values",
    "skylore.archive.checking.origins",
    "skylore.archive.checking.state",
    "skylore.archive.checking.indexes",
    "skylore.search.codes.checks",
)
"""Modules with a tuple ``CHECKS`` of functions from a scope to findings, imported when used."""


def registered() -> tuple[Check, ...]:
    """Give all checks, in order."""
    return tuple(check for module in MODULES for check in import_module(module).CHECKS)
