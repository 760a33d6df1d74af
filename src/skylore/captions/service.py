"""Having an archive captioned by a model: what it will cost, then doing it."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from skylore.archive.fill import FillOptions, refuse_if_made_otherwise
from skylore.archive.staging import ROW
from skylore.captions.by_model import CaptionSettings, FromModel
from skylore.captions.in_batches import fill_in_batches
from skylore.captions.report import CaptionReport, report_on
from skylore.errors import ColumnError, ModelError
from skylore.vlm.asker import Usage
from skylore.vlm.batches.ledger import BatchLedger
from skylore.vlm.batches.session import BatchSession
from skylore.vlm.batches.settings import BatchSettings
from skylore.vlm.estimate import Estimate, estimate
from skylore.vlm.places import kept_answers
from skylore.vlm.purse import BudgetSpentError
from skylore.vlm.session import Session
from skylore.vlm.settings import SessionSettings

if TYPE_CHECKING:
    from skylore.archive.table import Archive

__all__ = ["CaptionReport", "caption_by_model"]

SAMPLE = 16
LOCK = "caption-answers"
_WORDS_TO_TOKENS = 0.3
"""Tokens a byte of English."""


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
    with archive.lock(LOCK):
        rows = _pending(archive, options, anew=anew)
        if settings.batches is not None:
            return _in_batches(archive, settings, options, rows, agree)
        return _one_by_one(archive, settings, options, rows, agree)


def _one_by_one(
    archive: Archive,
    settings: CaptionSettings,
    options: FillOptions,
    rows: pa.Array,
    agree: Callable[[Estimate], bool],
) -> CaptionReport:
    with _session(archive, settings, options) as session:
        _refuse_if_in_batches(session)
        step = FromModel(settings, session)
        filled = None
        if not len(rows) or _agreed(archive, step, rows, agree):
            filled = archive.fill(step, options)
        _raise_unless_spent(session)
        return report_on(session, filled)


def _in_batches(
    archive: Archive,
    settings: CaptionSettings,
    options: FillOptions,
    rows: pa.Array,
    agree: Callable[[Estimate], bool],
) -> CaptionReport:
    """Have a sample captioned at once, unless batches were agreed to before, and the rest later."""
    with _session(archive, settings, options) as session:
        ledger = BatchLedger(session.store, settings.session.model)
        agreed_before = bool(ledger.open()) or ledger.ever(settings.prompt.digest)
        go_on = not len(rows) or agreed_before
        go_on = go_on or _agreed(archive, FromModel(settings, session), rows, agree)
        _raise_unless_spent(session)
        if not go_on:
            return report_on(session, None)
    with _batch_session(archive, settings, options) as session:
        filled = fill_in_batches(archive, FromModel(settings, session), session, rows, options)
        _raise_unless_spent(session)
        return report_on(session, filled)


def _raise_unless_spent(session: Session) -> None:
    if session.halt is not None and not isinstance(session.halt, BudgetSpentError):
        raise session.halt


def _refuse_if_in_batches(session: Session) -> None:
    """Ask nothing one by one that may be in a batch: it would be paid for twice."""
    if batches := BatchLedger(session.store, session.settings.model).open():
        places = ", ".join(sorted({batch.place for batch in batches}))
        raise ModelError(
            f"{sum(batch.requests for batch in batches)} requests are in batches at {places}: "
            "fetch them first, with --batch"
        )


def _session(archive: Archive, settings: CaptionSettings, options: FillOptions) -> Session:
    words = settings.prompt
    expected = _WORDS_TO_TOKENS * len(words.system + words.user) + 1000 + words.max_tokens
    return Session(_asking(settings, options), kept_answers(archive, "answers"), expected)


def _batch_session(
    archive: Archive, settings: CaptionSettings, options: FillOptions
) -> BatchSession:
    answers = kept_answers(archive, "answers")
    return BatchSession(_asking(settings, options), answers, settings.batches or BatchSettings())


def _asking(settings: CaptionSettings, options: FillOptions) -> SessionSettings:
    asking = settings.session.asking.model_copy(update={"again": options.retry_failed})
    return settings.session.model_copy(update={"asking": asking})


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
    budget, batches = session.settings.budget, step.settings.batches
    return agree(
        estimate(
            usages,
            rows=len(rows),
            failed=len(errors),
            limits=session.settings.limits,
            currency=budget.currency if budget else "USD",
            left=max(0, budget.amount - session.spent) if budget else None,
            discount=float(batches.discount) if batches else None,
        )
    )
