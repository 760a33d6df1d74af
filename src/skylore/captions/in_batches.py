"""Captioning in batches that take up to a day: round after round, over all rows that lack one.

In each round every row is gone through with the answers there are, and what it needs next goes into
batches. Once some have come back the rows are gone through again, until none needs anything more.
Nothing of this is kept in memory: a process that begins days later goes on in the same way.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
from tqdm import tqdm

from skylore.archive.fill import FillOptions, FillReport
from skylore.archive.staging import ROW
from skylore.captions.by_model import FromModel
from skylore.vlm.asker import Usage
from skylore.vlm.batches.session import BatchSession

if TYPE_CHECKING:
    from skylore.archive.table import Archive

__all__ = ["fill_in_batches"]

_ROWS = 256
"""Rows whose images are in memory at a time."""


def fill_in_batches(
    archive: Archive, step: FromModel, session: BatchSession, rows: pa.Array, options: FillOptions
) -> FillReport:
    """Fill the step's columns, as far as the answers reach by the end of this run.

    It ends when all is done, when the budget is spent, when it should not wait, or when it is
    interrupted; what the provider has goes on there.

    Parameters
    ----------
    archive, step, options
        As for :func:`skylore.archive.fill.fill`.
    session
        The step's own.
    rows
        The rows to be filled.

    Raises
    ------
    EndpointError
        The provider takes no batches, or is out of reach.
    """
    began = time.monotonic()
    reports: list[FillReport] = []
    session.bring()
    while True:
        session.fetch()
        _put_into_batches(archive, step, session, _without_those_filled(archive, rows, reports))
        session.seal()
        under_way = bool(session.ledger.open())
        # Rows that failed are tried once in a run: with --retry-failed not before the last round.
        if not (under_way and options.retry_failed):
            reports.append(_fill(archive, step, options, reports))
        if not under_way or not session.batches.wait or not _wait(session, options):
            return _summed(archive, reports, time.monotonic() - began)


def _put_into_batches(
    archive: Archive, step: FromModel, session: BatchSession, rows: pa.Array
) -> None:
    session.begin()
    for start in range(0, len(rows), _ROWS):
        if session.halt is not None:
            return
        images = archive.take(rows.slice(start, _ROWS), ["image"])["image"].to_pylist()
        for asked in [step.ask(image, Usage()) for image in images]:
            # What comes of it is found again by the fill that follows.
            asked.exception()
        session.bring()


def _without_those_filled(archive: Archive, rows: pa.Array, reports: list[FillReport]) -> pa.Array:
    if not reports:
        return rows
    left = archive.read([], where="caption IS NULL", row_ids=True)[ROW].combine_chunks()
    aside = archive.quarantine.rows(FromModel.name)
    return rows.filter(pc.and_(pc.is_in(rows, left), pc.invert(pc.is_in(rows, aside))))


def _fill(
    archive: Archive, step: FromModel, options: FillOptions, reports: list[FillReport]
) -> FillReport:
    """Fill the rows that have all their answers, from the first to the first that has not."""
    if options.limit is not None:
        taken = sum(report.done + report.failed for report in reports)
        options = options.model_copy(update={"limit": options.limit - taken})
    return archive.fill(step, options)


def _wait(session: BatchSession, options: FillOptions) -> bool:
    """Wait until a batch is over; False if the user or the time says not to wait longer."""
    end = time.monotonic() + (options.seconds or float("inf"))
    pause = session.batches.first_look
    requests = sum(batch.requests for batch in session.ledger.open())
    bar = tqdm(
        total=requests, desc="batches", unit="answer", disable=not options.progress, file=sys.stderr
    )
    try:
        with bar:
            while time.monotonic() < end:
                time.sleep(min(pause, max(0.0, end - time.monotonic())))
                pause = min(1.5 * pause, session.batches.longest_pause)
                over, finished = session.fetch()
                if over:
                    return True
                bar.update(finished - bar.n)
    except KeyboardInterrupt:
        pass
    return False


def _summed(archive: Archive, reports: list[FillReport], seconds: float) -> FillReport:
    if not reports:
        already = archive.filled("caption") if "caption" in archive.schema.names else 0
        left = archive.filled("image") - already
        return FillReport(
            FromModel.name, 0, 0, already, len(archive) - already - left, left, seconds
        )
    done, failed = sum(r.done for r in reports), sum(r.failed for r in reports)
    return replace(
        reports[-1], done=done, failed=failed, already=reports[0].already, seconds=seconds
    )
