"""Settings of a captioning model from what users say."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import ValidationError

from skylore.archive.fill import FillReport
from skylore.captions.by_model import PREFIX, CaptionSettings, FromModel
from skylore.errors import ModelError
from skylore.vlm.faults import Persistence
from skylore.vlm.limits import LimitSettings
from skylore.vlm.money import Prices, parse_budget
from skylore.vlm.pictures import ViewSettings
from skylore.vlm.prompts import Prompt, load_prompt
from skylore.vlm.session import SessionSettings

if TYPE_CHECKING:
    from skylore.archive.table import Archive

__all__ = ["PROMPT", "SUMMARY", "make_settings", "nothing_done"]

PROMPT = "describe"
SUMMARY = "summary"


def make_settings(
    captioner: str,
    *,
    base_url: str | None = None,
    budget: str | None = None,
    price_in: float | str | None = None,
    price_out: float | str | None = None,
    prompt: str | Path | Prompt = PROMPT,
    summary: bool | str | Path = False,
    temperature: float | None = None,
    image_size: int = 512,
    detail: Literal["low", "high", "auto"] = "high",
    concurrency: int = 64,
    requests_per_minute: float | None = None,
    tokens_per_minute: float | None = None,
    timeout: float = 120.0,
    attempts: int = 6,
) -> CaptionSettings:
    """Bring what users say into the form of the step.

    Parameters
    ----------
    captioner
        ``openai:MODEL``.
    base_url
        A server that speaks OpenAI's protocol; OpenAI's own unless given.
    budget
        The most that may be spent on the archive in all, such as ``20USD``. Needed unless both
        prices are 0.
    price_in, price_out
        For a million tokens, in the currency of the budget; 0 for a server of one's own.
    prompt, summary
        Name or file of a prompt; for the summary also True for the one that ships.
    temperature
        In place of the prompts' own.
    image_size, detail
        How images are shown.
    concurrency, requests_per_minute, tokens_per_minute, timeout, attempts
        What the server allows, and how persistently to ask.

    Raises
    ------
    ModelError
        Something is missing, or not what it should be.
    """
    if price_in is None or price_out is None:
        raise ModelError(
            "say what a million tokens cost with --price-in and --price-out, as on the provider's "
            "price list (0 for a server of your own)"
        )
    try:
        prices = Prices(per_million_in=_decimal(price_in), per_million_out=_decimal(price_out))
        if budget is None and not prices.are_zero:
            raise ModelError("say the most that may be spent with --budget, such as 20USD")
        return CaptionSettings(
            session=SessionSettings(
                model=captioner.removeprefix(PREFIX),
                base_url=base_url,
                prices=prices,
                budget=parse_budget(budget) if budget is not None else None,
                limits=LimitSettings(
                    concurrency=concurrency,
                    requests_per_minute=requests_per_minute,
                    tokens_per_minute=tokens_per_minute,
                ),
                asking=Persistence(attempts=attempts),
                timeout=timeout,
            ),
            prompt=_prompt(prompt, ("text", "tree"), temperature),
            summary=_prompt(_summary(summary), ("summary",), temperature) if summary else None,
            view=ViewSettings(size=image_size, detail=detail),
        )
    except ValidationError as error:
        reasons = (f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise ModelError(f"these settings cannot be used: {'; '.join(reasons)}") from error


def nothing_done(archive: Archive) -> FillReport:
    """Report on captions that a model wrote, and that are left as they are."""
    already = archive.filled("caption")
    left = archive.filled("image") - already
    return FillReport(FromModel.name, 0, 0, already, len(archive) - already - left, left, 0.0)


def _decimal(price: float | str) -> Decimal:
    try:
        return Decimal(str(price))
    except ArithmeticError as error:
        raise ModelError(f"{price!r} is not a price; write 0.40") from error


def _summary(summary: bool | str | Path) -> str | Path:
    return SUMMARY if isinstance(summary, bool) else summary


def _prompt(
    chosen: str | Path | Prompt, kinds: tuple[str, ...], temperature: float | None
) -> Prompt:
    prompt = chosen if isinstance(chosen, Prompt) else load_prompt(chosen)
    if prompt.kind not in kinds:
        raise ModelError(
            f"the prompt {prompt.name!r} is of kind {prompt.kind!r}, and one of kind "
            f"{' or '.join(kinds)} is needed here"
        )
    return prompt if temperature is None else prompt.model_copy(update={"temperature": temperature})
