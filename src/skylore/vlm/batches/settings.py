"""How batches are made and watched."""

from __future__ import annotations

from decimal import Decimal

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["BatchSettings"]


class BatchSettings(BaseModel):
    """How batches are made and watched; the bounds are those of OpenAI.

    Attributes
    ----------
    most_requests, most_bytes
        In one batch.
    most_tokens
        In all batches under way; None for no limit until the provider says that it is too much.
    discount
        The share of the prices that the provider takes off for batches, from 0 to 1.
    wait
        Whether to wait for the answers, or only to bring and fetch what there is.
    window
        What the provider is asked to keep to.
    first_look, longest_pause
        Seconds until batches are looked at for the first time, and at most between two looks.
    settling
        Seconds after which a batch that was being created shows up among the provider's, or was
        never made.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    most_requests: int = Field(50_000, ge=1)
    most_bytes: int = Field(200_000_000, ge=1)
    most_tokens: int | None = Field(None, ge=1)
    discount: Decimal = Field(Decimal(0), ge=0, lt=1)
    wait: bool = True
    window: str = "24h"
    first_look: float = Field(5.0, gt=0)
    longest_pause: float = Field(60.0, gt=0)
    settling: float = Field(30.0, ge=0)
