"""Captioning in batches against the loopback server, with pauses fit for tests."""

from __future__ import annotations

from typing import Any

from skylore.archive.fill import FillOptions
from skylore.archive.table import Archive
from skylore.captions.asking import make_settings
from skylore.captions.service import CaptionReport, caption_by_model
from vlm.server import ModelServer

DISCOUNT = 0.5
PRICE_IN, PRICE_OUT = 0.4, 1.6


def run_in_batches(
    archive: Archive,
    url: str,
    batches: dict[str, Any] | None = None,
    fill: dict[str, Any] | None = None,
    **asked: Any,
) -> CaptionReport:
    """Caption an archive in batches, in this process."""
    given = {"budget": "50USD", "image_size": 64, "price_in": PRICE_IN, "price_out": PRICE_OUT}
    settings = make_settings(
        "openai:seer-1", base_url=url, batch=True, batch_discount=DISCOUNT, **{**given, **asked}
    )
    assert settings.batches is not None
    quick = {"first_look": 0.05, "longest_pause": 0.1, "settling": 0.5, **(batches or {})}
    watched = settings.batches.model_copy(update=quick)
    return caption_by_model(
        archive,
        settings.model_copy(update={"batches": watched}),
        FillOptions(progress=False, **(fill or {})),
        lambda _: True,
    )


def cost(server: ModelServer) -> float:
    """Sum what the server charged, in USD."""
    share = {True: 1 - DISCOUNT, False: 1.0}
    return sum(
        share[e.in_batch] * (e.tokens_in * PRICE_IN + e.tokens_out * PRICE_OUT) / 1e6
        for e in server.charged
    )


def in_batches(server: ModelServer) -> list[Any]:
    """List what was answered in batches."""
    return [entry for entry in server.log if entry.in_batch]
