"""What the caption benchmark found, as a value, as text, as JSON and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from skylore.evaluation.bootstrap import Interval
from skylore.evaluation.layout import lay_out
from skylore.evaluation.report import Format

__all__ = ["CaptionReport", "FailedCaption", "Floor", "Share", "WriterScores"]

SHOWN_FAILURES = 5


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True)


class Share(_Value):
    """A share, or a difference of shares, with its interval over galaxies."""

    mean: float
    low: float
    high: float

    @classmethod
    def of(cls, interval: Interval) -> Share:
        """Take it from a bootstrap."""
        return cls(mean=interval.mean, low=interval.low, high=interval.high)

    def __str__(self) -> str:
        """Show it."""
        return f"{self.mean:.3f} [{self.low:.3f}, {self.high:.3f}]"


class Floor(_Value):
    """What constant answers score."""

    name: str
    per_galaxy: Share
    per_answer: Share


class FailedCaption(_Value):
    """A caption that the judge could not judge, and why; it counts in no score."""

    id: str | int
    writer: str
    reason: str


class WriterScores(_Value):
    """What the captions of one writer score.

    Attributes
    ----------
    writer, captions, galaxies
        Who, how many were judged, and of how many galaxies.
    per_galaxy, per_answer
        The two scores.
    not_mentioned
        Of the volunteers' answers, those to questions that the judge came to and found no answer
        to in the caption.
    above_floor
        ``per_galaxy`` less that of the constant answers, on the same galaxies.
    published, published_per_answer
        The two scores by the judge whose scores came with the captions; None if not all have one.
    agreement
        Mean absolute difference, by caption, of this judge's score and the published one.
    """

    writer: str
    captions: int
    galaxies: int
    per_galaxy: Share
    per_answer: Share
    not_mentioned: float
    above_floor: Share
    published: Share | None
    published_per_answer: Share | None
    agreement: float | None


class CaptionReport(_Value):
    """What :func:`skylore.evaluation.captions.benchmark.evaluate_captions` found.

    Attributes
    ----------
    tree, judge
        Which questions, and who read the captions.
    galaxies, answers
        How many galaxies there are, and answers of volunteers.
    writers
        By name.
    floors
        What can be scored without looking.
    left_out
        Captions of objects without a decision tree.
    failed
        Captions that could not be judged.
    confidence
        Of the intervals.
    """

    tree: str
    judge: str
    galaxies: int
    answers: int
    writers: tuple[WriterScores, ...]
    floors: tuple[Floor, ...]
    left_out: int
    failed: tuple[FailedCaption, ...]
    confidence: float

    def __str__(self) -> str:
        """Show it as text."""
        return self.dumps("text").rstrip()

    def writer(self, name: str) -> WriterScores:
        """Give a writer by name; KeyError lists the names."""
        for found in self.writers:
            if found.writer == name:
                return found
        raise KeyError(f"no writer {name!r}; there are {[w.writer for w in self.writers]}")

    def floor(self, name: str = "constant") -> Floor:
        """Give a floor by name; KeyError lists the names."""
        for found in self.floors:
            if found.name == name:
                return found
        raise KeyError(f"no floor {name!r}; there are {[f.name for f in self.floors]}")

    def dumps(self, kind: Format) -> str:
        """Write as ``text``, ``json`` or ``csv`` (a row a writer or floor)."""
        if kind == "json":
            return self.model_dump_json(indent=1) + "\n"
        return _csv(self) if kind == "csv" else _text(self)


def _csv(report: CaptionReport) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    names = ("per_galaxy", "per_answer", "above_floor", "published", "published_per_answer")
    ends = ("", "_low", "_high")
    shares = [f"{name}{end}" for name in names for end in ends]
    last = ["not_mentioned", "agreement", "captions", "galaxies", "failed"]
    writer.writerow(["writer", "judge", *shares, *last])
    for w in report.writers:
        own = (w.per_galaxy, w.per_answer, w.above_floor)
        found = _cells(*own, w.published, w.published_per_answer)
        failed = sum(f.writer == w.writer for f in report.failed)
        counts = [w.not_mentioned, w.agreement, w.captions, w.galaxies, failed]
        writer.writerow([w.writer, report.judge, *found, *counts])
    for f in report.floors:
        found = _cells(f.per_galaxy, f.per_answer, None, None, None)
        writer.writerow([f.name, "", *found, None, None, None, report.galaxies, 0])
    return buffer.getvalue()


def _cells(*shares: Share | None) -> list[float | None]:
    return [
        value
        for share in shares
        for value in ((share.mean, share.low, share.high) if share else (None, None, None))
    ]


def _text(report: CaptionReport) -> str:
    header = ["", "captions", "per galaxy", "per answer", "above constant", "not mentioned"]
    published = any(w.published for w in report.writers)
    rows = [[*header, *(["published"] if published else [])]]
    for w in report.writers:
        cells = [str(w.per_galaxy), str(w.per_answer), str(w.above_floor)]
        one = [w.writer, str(w.captions), *cells, f"{w.not_mentioned:.3f}"]
        rows.append([*one, *([str(w.published or "")] if published else [])])
    for f in report.floors:
        one = [f.name, "", str(f.per_galaxy), str(f.per_answer), "", ""]
        rows.append([*one, *([""] if published else [])])
    title = (
        f"{report.galaxies} galaxies, {report.answers} answers of volunteers, tree {report.tree}; "
        f"captions read by the judge {report.judge}"
    )
    legend = f"[low, high]: {100 * report.confidence:g} % intervals over galaxies."
    legend += " Published scores are of another judge." if published else ""
    lines = [title, *lay_out(rows), "", legend]
    few = [w for w in report.writers if w.galaxies < report.galaxies]
    lines += [f"{w.writer}: captions of {w.galaxies} galaxies alone" for w in few]
    if report.left_out:
        lines.append(f"{report.left_out} captions are of objects without a decision tree")
    lines += _failures(report.failed)
    return "\n".join(lines) + "\n"


def _failures(failed: Sequence[FailedCaption]) -> list[str]:
    if not failed:
        return []
    lines = [f"{len(failed)} captions could not be judged, and count in no score:"]
    lines += [f"  {f.id} by {f.writer}: {f.reason}" for f in failed[:SHOWN_FAILURES]]
    rest = len(failed) - SHOWN_FAILURES
    return [*lines, f"  and {rest} more, all of them in the JSON report"] if rest > 0 else lines
