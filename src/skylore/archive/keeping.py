"""What is worked out once and asked for by many threads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

__all__ = ["Kept"]

T = TypeVar("T")


class Kept:
    """Values by key, each made once: threads that ask for one that is being made wait for it."""

    def __init__(self) -> None:
        self._values: dict[Hashable, Any] = {}
        self._making: dict[Hashable, threading.Lock] = {}
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """Give the value of a key, or make it; one that could not be made is tried anew."""
        if key not in self._values:
            with self._lock:
                making = self._making.setdefault(key, threading.Lock())
            with making:
                if key not in self._values:
                    self._values[key] = make()
        value: T = self._values[key]
        return value
