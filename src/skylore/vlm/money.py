"""Money in whole units of 10⁻¹² of a currency, so that sums are exact."""

from __future__ import annotations

import re
from decimal import ROUND_CEILING, Decimal

from pydantic import BaseModel, ConfigDict, Field

from skylore.errors import ModelError

__all__ = ["PICO", "Budget", "Prices", "parse_budget", "shown"]

PICO = 10**12
_TOKENS = 10**6


class Prices(BaseModel):
    """What a provider charges for a million tokens; discounts are not counted on.

    Attributes
    ----------
    per_million_in, per_million_out
        In the currency of the budget; 0 for a server of one's own.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    per_million_in: Decimal = Field(Decimal(0), ge=0)
    per_million_out: Decimal = Field(Decimal(0), ge=0)

    @property
    def are_zero(self) -> bool:
        """Whether nothing is charged."""
        return not (self.per_million_in or self.per_million_out)

    def cost(self, tokens_in: int, tokens_out: int) -> int:
        """Give the price of a call in 10⁻¹² of the currency, rounded up."""
        exact = tokens_in * self.per_million_in + tokens_out * self.per_million_out
        return int((exact * PICO / _TOKENS).to_integral_value(ROUND_CEILING))


class Budget(BaseModel):
    """The most that may be spent: ``amount`` in 10⁻¹² of ``currency``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    amount: int = Field(ge=0)
    currency: str = "USD"


def parse_budget(text: str) -> Budget:
    """Read ``20USD``, ``$20``, ``12.50 EUR`` or ``20``.

    Raises
    ------
    ModelError
        It is not an amount of money.
    """
    match = re.fullmatch(r"\s*(\$?)\s*(\d+(?:\.\d+)?)\s*([A-Za-z]{3})?\s*", text)
    if match is None or (match[1] and (match[3] or "USD").upper() != "USD"):
        raise ModelError(f"{text!r} is not an amount of money; write 20USD or 12.50EUR")
    return Budget(amount=int(Decimal(match[2]) * PICO), currency=(match[3] or "USD").upper())


def shown(amount: float, currency: str) -> str:
    """Write an amount for people: cents, or two figures of what is less than a cent."""
    value = amount / PICO
    figures = f"{value:,.2f}" if value >= 1 or not value else f"{value:.2g}"
    return f"{figures} {currency}"
