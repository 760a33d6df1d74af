"""A bar that shows how far a training is."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tqdm import tqdm

from skylore.training.run import Progress

__all__ = ["progress_bar"]

_SHOWN_EVERY = 10


@contextmanager
def progress_bar(name: str, steps: int, *, show: bool) -> Iterator[Progress]:
    """Show steps and losses on stderr, as they are told to what this gives."""
    with tqdm(total=steps, desc=name, unit="step", disable=not show, file=sys.stderr) as bar:

        def advance(step: int, loss: float) -> None:
            bar.update(step - bar.n)
            if step % _SHOWN_EVERY == 0:
                bar.set_postfix(loss=f"{loss:.3f}", refresh=False)

        yield advance
