"""The first hits on a terminal, while they are being judged."""

from __future__ import annotations

import os
import shutil
import sys
from types import TracebackType
from typing import Self, TextIO

from skylore.search.results import Results
from skylore.search.text_table import to_text

__all__ = ["LiveTable"]

MOST_ROWS = 8
FRAME_LINES = 4
"""Lines of the terminal left for what is not a hit."""


class LiveTable:
    """Draws the answer so far over and over in the same place; draws nothing elsewhere.

    It can be given to :func:`skylore.search.reranking.service.rerank` as who watches. What it drew
    is taken away when it is left, so that the answer is printed once.

    Parameters
    ----------
    out
        The terminal; standard error unless given.
    """

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stderr
        self._lines = 0

    @staticmethod
    def fits(out: TextIO | None = None) -> bool:
        """Whether there is a terminal that can be drawn on."""
        return (out or sys.stderr).isatty() and os.environ.get("TERM", "dumb") != "dumb"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.clear()

    def __call__(self, results: Results) -> None:
        """Draw the first hits, and how far it is."""
        width, height = shutil.get_terminal_size((100, 24))
        rows = max(1, min(MOST_ROWS, height - FRAME_LINES))
        text = to_text(results.top(rows), width - 1)
        if (done := results.reranked) is not None:
            progress = f"{done.judged} of {done.candidates} judged, {done.answers} answers"
            failed = f", {done.failed} in vain" if done.failed else ""
            text += f"{progress}{failed}"[: width - 1] + "\n"
        self.clear()
        self._out.write(text)
        self._out.flush()
        self._lines = text.count("\n")

    def clear(self) -> None:
        """Take away what was drawn."""
        if self._lines:
            self._out.write(f"\x1b[{self._lines}A\r\x1b[J")
            self._out.flush()
        self._lines = 0
