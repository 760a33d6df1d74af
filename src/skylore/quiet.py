"""Keeping other libraries' warnings away, where what makes data unusable is checked or raises."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["quiet"]

# Filters belong to the whole process, so whoever changes them must hold the same lock.
_FILTERS = threading.RLock()


@contextmanager
def quiet() -> Iterator[None]:
    """Ignore warnings; threads that want the same take turns."""
    with _FILTERS, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
