"""Waiting for a job without keeping a thread, and what is told once it is settled."""

from __future__ import annotations

import time
from typing import Any

import anyio

from skylore.app.failures import NotAgreedError
from skylore.app.reranking.job import Job
from skylore.errors import ModelError

__all__ = ["answer_of", "settled"]

LONGEST = 600.0
EVERY = 0.1


async def settled(job: Job) -> Job:
    """Wait until nothing more comes of a job by itself, but no longer than ten minutes."""
    until = time.monotonic() + LONGEST
    while not job.standing.is_settled and time.monotonic() < until:
        await anyio.sleep(EVERY)
    return job


def answer_of(job: Job) -> dict[str, Any]:
    """Give the re-ranked answer, as ``Archive.answer`` gives it.

    Raises
    ------
    NotAgreedError
        What it will cost is known, and was not agreed to.
    ModelError
        It failed, or is not done yet.
    """
    now = job.standing
    if now.state == "told":
        raise NotAgreedError(str(now.forecast))
    if now.failure is not None:
        raise ModelError(now.failure.message)
    if now.state != "done":
        raise ModelError(f"it takes longer; go on looking at /api/rerank/{job.id}")
    return job.page(job.query.offset, standing=now).to_json()
