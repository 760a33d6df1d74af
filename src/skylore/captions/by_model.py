"""The step that has images described by a vision-language model."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field

from skylore.archive.provenance import Provenance
from skylore.archive.reason import Reason
from skylore.archive.step import Apply, Values
from skylore.captions.asked import Written, answer_column, write
from skylore.captions.outputs import OUTPUTS
from skylore.errors import ModelError
from skylore.vlm.asker import Usage
from skylore.vlm.batches.settings import BatchSettings
from skylore.vlm.faults import HaltedError
from skylore.vlm.money import PICO
from skylore.vlm.pictures import Picture, ViewSettings
from skylore.vlm.prompts import Prompt
from skylore.vlm.session import Session
from skylore.vlm.settings import PREFIX, SessionSettings

__all__ = ["CaptionSettings", "FromModel"]

MOST_SENTENCES = 8


class CaptionSettings(BaseModel):
    """What a model is asked about each image.

    Attributes
    ----------
    session
        Whom to ask, and for how much.
    prompt, summary
        The words, and those that make one sentence of a description; None asks for none.
    view
        How images are shown.
    sentences
        How many sentences of a description are kept as texts of their own.
    batches
        How to ask in batches; None asks one by one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    session: SessionSettings
    prompt: Prompt
    summary: Prompt | None = None
    view: ViewSettings = ViewSettings()
    sentences: int = Field(MOST_SENTENCES, ge=0)
    batches: BatchSettings | None = None


@dataclass(frozen=True)
class FromModel:
    """Asks a model about each image.

    Parameters
    ----------
    settings
        What to ask.
    session
        Through which to ask; who opened it closes it.
    """

    settings: CaptionSettings
    session: Session | None = None
    batch_rows: int = 32
    processes: bool = False
    name: str = "caption"
    inputs: tuple[str, ...] = ("image",)

    @property
    def batches_at_once(self) -> int:
        """So many that rows are waiting whenever a turn is free, while others are being kept."""
        return -(-self.settings.session.at_once // self.batch_rows) + 2

    @property
    def outputs(self) -> pa.Schema:
        """The texts, the answers to the questions of a tree, and what they took."""
        tree = self.settings.prompt.tree
        answers = [_answer_field(q.name) for q in tree.questions] if tree else []
        budget = self.settings.session.budget
        return pa.schema([*OUTPUTS, *answers, *_usage_fields(budget.currency if budget else "USD")])

    @property
    def provenance(self) -> Provenance:
        """Say what the model was shown, and what it was asked."""
        settings, summary = self.settings, self.settings.summary
        return Provenance(
            step=self.name,
            parameters={
                "written_from": "image",
                "rendering": settings.view.rendering,
                "size": settings.view.size,
                "detail": settings.view.detail,
                **_account(settings.prompt, "prompt"),
                **(_account(summary, "summary") if summary else {}),
                "sentences": settings.sentences,
            },
            model=f"{PREFIX}{settings.session.model}",
            revision=settings.prompt.digest,
        )

    def prepare(self) -> Apply:
        """Give the function that asks."""
        return self._apply

    def ask(self, image: bytes, usage: Usage) -> Future[Written]:
        """Begin to have one image described; what it takes is added to ``usage``."""
        if self.session is None:
            raise ModelError("captions by a model need an open session")
        settings = self.settings
        picture = Picture(image, settings.view)
        return self.session.submit(
            lambda asker: write(
                asker,
                settings.prompt,
                settings.summary,
                picture,
                usage=usage,
                most_sentences=settings.sentences,
            )
        )

    def _apply(self, batch: pa.Table) -> Values:
        usages = [Usage() for _ in range(batch.num_rows)]
        images = batch["image"].to_pylist()
        asked = [self.ask(image, use) for image, use in zip(images, usages, strict=True)]
        rows: list[dict[str, Any]] = []
        failures, left = {}, set()
        for i, future in enumerate(asked):
            error = future.exception()
            if isinstance(error, HaltedError):
                left.add(i)
            elif error is not None:
                failures[i] = Reason.of(error)
            rows.append({} if error else _row(future.result(), usages[i]))
        return Values(pa.Table.from_pylist(rows, self.outputs), failures, frozenset(left))


def _row(written: Written, usage: Usage) -> dict[str, Any]:
    return {
        "caption": written.caption,
        "captions": list(dict.fromkeys((written.caption, *written.variants))),
        **{answer_column(name): answer for name, answer in written.answers.items()},
        "caption_tokens_in": usage.tokens_in,
        "caption_tokens_out": usage.tokens_out,
        "caption_cost": usage.cost / PICO,
        "caption_latency": usage.latency,
    }


def _account(prompt: Prompt, place: str) -> dict[str, Any]:
    return {
        place: prompt.name,
        f"{place}_version": prompt.version,
        f"{place}_digest": prompt.digest,
        f"{place}_most_words": prompt.most_words,
        f"{place}_temperature": prompt.temperature,
        f"{place}_max_tokens": prompt.max_tokens,
    }


def _answer_field(question: str) -> pa.Field:
    description = f"the model's answer to {question}; null if it was not asked"
    return pa.field(answer_column(question), pa.string(), metadata={"description": description})


def _usage_fields(currency: str) -> list[pa.Field]:
    def field(name: str, kind: pa.DataType, description: str, unit: str = "") -> pa.Field:
        metadata = {"description": description} | ({"unit": unit} if unit else {})
        return pa.field(name, kind, metadata=metadata)

    return [
        field("caption_tokens_in", pa.int64(), "tokens that the model read for the caption"),
        field("caption_tokens_out", pa.int64(), "tokens that the model wrote for the caption"),
        field("caption_cost", pa.float64(), "price of those tokens, as it was said", currency),
        field("caption_latency", pa.float64(), "time that the model took; null in batches", "s"),
    ]
