"""Keeping astropy's warnings about details of the standards away, in one place."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

# Filters belong to the whole process, so whoever changes them must hold the same lock.
from skylore.imaging.containers import _WARNING_FILTERS

__all__ = ["quiet_astropy"]


@contextmanager
def quiet_astropy() -> Iterator[None]:
    """Ignore warnings; what makes data unusable must be checked by the caller or raises."""
    with _WARNING_FILTERS, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
