"""Settings of a captioning model from what users say."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from skylore.archive.fill import FillReport
from skylore.captions.by_model import CaptionSettings, FromModel
from skylore.errors import ModelError
from skylore.explaining import explain
from skylore.vlm.batches.settings import BatchSettings
from skylore.vlm.pictures import IMAGE_SIZE, Detail, make_view
from skylore.vlm.prompts import Prompt, load_prompt
from skylore.vlm.settings import make_session_settings

if TYPE_CHECKING:
    from skylore.archive.table import Archive

__all__ = ["PROMPT", "SUMMARY", "make_settings", "nothing_done"]

PROMPT = "describe"
SUMMARY = "summary"


def make_settings(
    captioner: str,
    *,
    prompt: str | Path | Prompt = PROMPT,
    summary: bool | str | Path = False,
    temperature: float | None = None,
    image_size: int = IMAGE_SIZE,
    detail: Detail = "high",
    batch: bool = False,
    batch_discount: float | str = 0,
    batch_tokens: int | None = None,
    wait: bool = True,
    **session: Any,  # noqa: ANN401 - as make_session_settings takes them
) -> CaptionSettings:
    """Bring what users say into the form of the step.

    Parameters
    ----------
    captioner
        ``openai:MODEL``.
    prompt, summary
        Name or file of a prompt; for the summary also True for the one that ships.
    temperature
        In place of the prompts' own.
    image_size, detail
        How images are shown.
    batch
        Whether to ask through the provider's batch interface.
    batch_discount, batch_tokens, wait
        The share of the prices that it takes off for batches, the most tokens that may wait there,
        and whether to wait for the answers; as :class:`skylore.vlm.batches.settings.BatchSettings`.
    **session
        As :func:`skylore.vlm.settings.make_session_settings` takes them: ``base_url``, ``budget``,
        ``price_in``, ``price_out``, ``concurrency`` …

    Raises
    ------
    ModelError
        Something is missing, or not what it should be.
    """
    chosen = {"discount": batch_discount, "most_tokens": batch_tokens, "wait": wait}
    return CaptionSettings(
        session=make_session_settings(captioner, **session),
        prompt=_prompt(prompt, ("text", "tree"), temperature),
        summary=_prompt(_summary(summary), ("summary",), temperature) if summary else None,
        view=make_view(image_size, detail),
        batches=_batches(chosen) if batch else None,
    )


def nothing_done(archive: Archive) -> FillReport:
    """Report on captions that a model wrote, and that are left as they are."""
    already = archive.filled("caption")
    left = archive.filled("image") - already
    return FillReport(FromModel.name, 0, 0, already, len(archive) - already - left, left, 0.0)


def _batches(chosen: dict[str, Any]) -> BatchSettings:
    try:
        return BatchSettings.model_validate({**chosen, "discount": str(chosen["discount"])})
    except ValidationError as error:
        raise ModelError(f"batches cannot be made so: {explain(error)}") from error


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
    if temperature is None:
        return prompt
    try:
        return Prompt.model_validate({**dict(prompt), "temperature": temperature})
    except ValidationError as error:
        raise ModelError(f"the model cannot be asked so: {explain(error)}") from error
