"""Which model to ask, how often, and for how much: the settings, and making them of user input."""

from __future__ import annotations

from decimal import Decimal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from skylore.errors import ModelError
from skylore.explaining import explain
from skylore.vlm.faults import Persistence
from skylore.vlm.limits import LimitSettings
from skylore.vlm.money import Budget, Prices, parse_budget

__all__ = ["PREFIX", "SessionSettings", "is_by_model", "make_session_settings"]

PREFIX = "openai:"
"""What names of models on a server begin with."""


class SessionSettings(BaseModel):
    """Whom to ask, how often, and for how much.

    Attributes
    ----------
    model, base_url
        The model, and its server.
    prices, budget
        What tokens cost, and the most that may be spent on this archive in all, earlier runs
        included; no budget is no limit.
    limits, asking
        What the server allows, and how persistently to ask.
    timeout
        Seconds for one attempt.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str = Field(min_length=1)
    base_url: str | None = None
    prices: Prices = Prices()
    budget: Budget | None = None
    limits: LimitSettings = LimitSettings()
    asking: Persistence = Persistence()
    timeout: float = Field(120.0, gt=0)

    @property
    def at_once(self) -> int:
        """Questions under way, so that some are ready whenever a turn is free."""
        concurrency = self.limits.concurrency
        return concurrency + max(8, concurrency // 4)


def is_by_model(name: str) -> bool:
    """Whether a name means a model on a server."""
    return name.startswith(PREFIX)


def make_session_settings(
    model: str,
    *,
    base_url: str | None = None,
    budget: str | None = None,
    price_in: float | str | None = None,
    price_out: float | str | None = None,
    concurrency: int = 64,
    requests_per_minute: float | None = None,
    tokens_per_minute: float | None = None,
    timeout: float = 120.0,
    attempts: int = 6,
) -> SessionSettings:
    """Bring what users say of a model on a server into the form of a session.

    Parameters
    ----------
    model
        ``openai:MODEL``.
    base_url
        A server that speaks OpenAI's protocol; OpenAI's own unless given.
    budget
        The most that may be spent, such as ``20USD``. Needed unless both prices are 0.
    price_in, price_out
        For a million tokens, in the currency of the budget; 0 for a server of one's own.
    concurrency, requests_per_minute, tokens_per_minute, timeout, attempts
        What the server allows, and how persistently to ask.

    Raises
    ------
    ModelError
        Something is missing, or not what it should be.
    """
    if not is_by_model(model):
        raise ModelError(f"{model!r} is not a model on a server; write {PREFIX}MODEL")
    prices = _prices(price_in, price_out)
    if budget is None and not prices.are_zero:
        raise ModelError("say the most that may be spent with --budget, such as 20USD")
    try:
        return SessionSettings(
            model=model.removeprefix(PREFIX),
            base_url=base_url,
            prices=prices,
            budget=None if budget is None else parse_budget(budget),
            limits=LimitSettings(
                concurrency=concurrency,
                requests_per_minute=requests_per_minute,
                tokens_per_minute=tokens_per_minute,
            ),
            asking=Persistence(attempts=attempts),
            timeout=timeout,
        )
    except ValidationError as error:
        raise ModelError(f"these settings cannot be used: {explain(error)}") from error


def _prices(price_in: float | str | None, price_out: float | str | None) -> Prices:
    if price_in is None or price_out is None:
        raise ModelError(
            "say what a million tokens cost with --price-in and --price-out, as on the provider's "
            "price list (0 for a server of your own)"
        )
    try:
        return Prices(per_million_in=_decimal(price_in), per_million_out=_decimal(price_out))
    except ValidationError as error:
        raise ModelError(f"these prices cannot be used: {explain(error)}") from error


def _decimal(price: float | str) -> Decimal:
    try:
        return Decimal(str(price))
    except ArithmeticError as error:
        raise ModelError(f"{price!r} is not a price; write 0.40") from error
