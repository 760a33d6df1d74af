"""When the next request may begin."""

from __future__ import annotations

import threading
import time

from skylore.sources.cutouts.faults import StoppedError

__all__ = ["Turns"]


class Turns:
    """Lets threads begin requests one after another, evenly spread.

    Parameters
    ----------
    per_second
        How many begin in a second, at most.
    """

    def __init__(self, per_second: float) -> None:
        self._pause = 1.0 / per_second
        self._free = -float("inf")
        self._closed_until = -float("inf")
        self._lock = threading.Lock()
        self._stopped = threading.Event()

    def take(self) -> None:
        """Wait for a turn.

        Raises
        ------
        StoppedError
            If the run ends meanwhile.
        """
        with self._lock:
            start = max(time.monotonic(), self._free)
            self._free = start + self._pause
        self.sleep(start - time.monotonic())
        while (closed := self._closed_until - time.monotonic()) > 0:
            self.sleep(closed)

    def close_for(self, seconds: float) -> None:
        """Let nothing begin for a while, as a server asked that is asked too often."""
        with self._lock:
            self._closed_until = max(self._closed_until, time.monotonic() + seconds)

    def sleep(self, seconds: float) -> None:
        """Wait; StoppedError if the run ends meanwhile."""
        if self._stopped.wait(max(seconds, 0.0)):
            raise StoppedError

    def stop(self) -> None:
        """End all waiting, now and later."""
        self._stopped.set()
