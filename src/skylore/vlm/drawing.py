"""Drawing pictures in threads, beside the event loop that asks."""

from __future__ import annotations

import asyncio
from concurrent.futures import Executor

from skylore.vlm.calls import Call
from skylore.vlm.pictures import data_url

__all__ = ["Drawing"]


class Drawing:
    """Draws what questions show.

    Parameters
    ----------
    threads
        Where to draw.
    """

    def __init__(self, threads: Executor) -> None:
        self._threads = threads

    async def of(self, call: Call) -> str | None:
        """Draw the question's picture, if it has one.

        Raises
        ------
        ImageError
            The image cannot be shown.
        """
        if call.picture is None:
            return None
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, data_url, call.picture)
