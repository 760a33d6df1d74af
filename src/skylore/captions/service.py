"""Having an archive captioned by a model: what it will cost, then doing it."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from skylore.archive.fill import FillOptions, FillReport, refuse_if_made_otherwise
from skylore.archive.staging import ROW
from skylore.captions.by_model import CaptionSettings, FromModel
from skylore.errors import ColumnError, ModelError
from skylore.vlm.asker import Usage
from skylore.vlm.estimate import Estimate, estimate
from skylore.vlm.money import shown
from skylore.vlm.places import kept_answers
from skylore.vlm.purse import BudgetSpentError
from skylore.vlm.session import Session

if TYPE_CHECKING:
    from skylore.archive.table import Archive

__all__ = ["CaptionReport", "caption_by_model"]

SAMPLE = 16
LOCK = "caption-answers"
_WORDS_TO_TOKENS = 0.3
"""Tokens a byte of English."""


@dataclass(frozen=True)
class CaptionReport:
    """What a run did, and what it cost.

    Attributes
    ----------
    filled
        What became of the rows; None if the user did not want to begin.
    spent
        On this archive in all, in 10⁻¹² of ``currency``.
    doubtful, doubtful_cost
        Requests that were under way when a process was killed, and the most they may have cost,
        which ``spent`` contains.
    exhausted
        Whether the run ended because the budget did.
    """

    filled: FillReport | None
    spent: int
    currency: str
    doubtful: int
    doubtful_cost: int
    exhausted: bool

    def __str__(self) -> str:
        """Say it in a few lines."""
        lines = [str(self.filled) if self.filled else "caption: not begun; the sample is kept"]
        cost = f"spent on this archive so far: {shown(self.spent, self.currency)}"
        if self.doubtful:
            doubt = shown(self.doubtful_cost, self.currency)
            cost += f", of which {doubt} for {self.doubtful} requests that were cut off"
        lines.append(cost)
        if self.exhausted:
            lines.append("the budget is spent: raise --budget and run it again to go on")
        return "\n".join(lines)


def caption_by_model(
    archive: Archive,
    settings: CaptionSettings,
    options: FillOptions,
    agree: Callable[[Estimate], bool],
) -> CaptionReport:
    """Caption a sample, say what all will cost, and go on if that is agreed to.

    Parameters
    ----------
    archive, settings, options
        What to caption, how, and how to run.
    agree
        Asked once, with the estimate, unless the sample was all there was to do. The sample's
        captions are kept whatever it says.

    Raises
    ------
    ModelError
        The server cannot be used, nothing of the sample could be captioned, or the settings
        contradict each other.
    ColumnError
        There are no images, or captions were made in another way.
    """
    if options.workers:
        raise ModelError("a model is asked from one process; say --concurrency, not --workers")
    archive.refresh()
    archive.require(["image"])
    anew = _made_otherwise(archive, settings, overwrite=options.overwrite)
    with archive.lock(LOCK), _session(archive, settings, options) as session:
        step = FromModel(settings, session)
        rows = _pending(archive, options, anew=anew)
        filled = None
        if not len(rows) or _agreed(archive, step, rows, agree):
            filled = archive.fill(step, options)
        halt = session.halt
        if halt is not None and not isinstance(halt, BudgetSpentError):
            raise halt
        return _report(session, filled, exhausted=halt is not None)


def _session(archive: Archive, settings: CaptionSettings, options: FillOptions) -> Session:
    asking = settings.session.asking.model_copy(update={"again": options.retry_failed})
    words = settings.prompt
    expected = _WORDS_TO_TOKENS * len(words.system + words.user) + 1000 + words.max_tokens
    return Session(
        settings.session.model_copy(update={"asking": asking}),
        kept_answers(archive, "answers"),
        expected,
    )


def _made_otherwise(archive: Archive, settings: CaptionSettings, *, overwrite: bool) -> bool:
    try:
        refuse_if_made_otherwise(archive, FromModel(settings))
    except ColumnError:
        if not overwrite:
            raise
        return True
    return False


def _pending(archive: Archive, options: FillOptions, *, anew: bool) -> pa.Array:
    """Give the rows that ``fill`` will take."""
    where = "image IS NOT NULL"
    if "caption" in archive.schema.names and not anew:
        where += " AND caption IS NULL"
    rows = archive.read([], where=where, row_ids=True)[ROW].combine_chunks()
    if not options.retry_failed and not anew:
        aside = archive.quarantine.rows(FromModel.name)
        rows = rows.filter(pc.invert(pc.is_in(rows, aside)))
    return rows.slice(0, options.limit)


def _agreed(
    archive: Archive, step: FromModel, rows: pa.Array, agree: Callable[[Estimate], bool]
) -> bool:
    """Caption a random sample, and ask whether to go on."""
    session = step.session
    if session is None:
        raise AssertionError("a step that asks has a session")
    seed = random.Random(len(rows))  # noqa: S311 - a sample, not a secret
    chosen = sorted(seed.sample(range(len(rows)), min(SAMPLE, len(rows))))
    images = archive.take(rows.take(pa.array(chosen)), ["image"])["image"].to_pylist()
    usages = [Usage() for _ in images]
    asked = [step.ask(image, use) for image, use in zip(images, usages, strict=True)]
    errors = [error for future in asked if (error := future.exception())]
    if session.halt is not None:
        # What was answered before the end is kept: the step finds it, and leaves the rest.
        return isinstance(session.halt, BudgetSpentError)
    if len(errors) == len(asked) and len(asked) > 1:
        raise ModelError(f"none of {len(asked)} images could be captioned; the first: {errors[0]}")
    if len(rows) <= len(asked):
        return True
    budget = session.settings.budget
    return agree(
        estimate(
            usages,
            rows=len(rows),
            failed=len(errors),
            limits=session.settings.limits,
            currency=budget.currency if budget else "USD",
            left=max(0, budget.amount - session.spent) if budget else None,
        )
    )


def _report(session: Session, filled: FillReport | None, *, exhausted: bool) -> CaptionReport:
    count, amount = session.store.in_doubt()
    budget = session.settings.budget
    return CaptionReport(
        filled=filled,
        spent=session.store.spent(),
        currency=budget.currency if budget else "USD",
        doubtful=count,
        doubtful_cost=amount,
        exhausted=exhausted,
    )
