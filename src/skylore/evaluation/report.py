"""What an evaluation found, as a value, as text, as JSON and as CSV."""

from __future__ import annotations

import csv
import io
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from skylore.evaluation.layout import lay_out
from skylore.evaluation.scores import Figure, MethodScores

__all__ = ["FORMATS", "Format", "QuestionReport", "SearchReport"]

Format = Literal["text", "json", "csv"]
FORMATS: tuple[Format, ...] = ("text", "json", "csv")

_OVER = {
    "objects": "another population of the same kind",
    "queries": "other objects as the query",
    "shuffles": "another random order",
}


class QuestionReport(BaseModel):
    """What was found for one question.

    Attributes
    ----------
    name, relevance, texts
        Of the question.
    objects, relevant, mean_grade
        How many objects there are, how many of them are right, and the mean relevance.
    methods
        What each method scores; baselines last.
    notes
        What could not be measured, and why.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    relevance: str
    texts: tuple[str, ...]
    objects: int
    relevant: int
    mean_grade: float
    methods: tuple[MethodScores, ...]
    notes: tuple[str, ...]

    def method(self, name: str) -> MethodScores:
        """Give a method by name; KeyError lists the names."""
        for found in self.methods:
            if found.method == name:
                return found
        raise KeyError(f"no method {name!r}; there are {[m.method for m in self.methods]}")


class SearchReport(BaseModel):
    """What :func:`skylore.evaluation.protocol.evaluate_search` found.

    Attributes
    ----------
    archive, settings
        Where, and how.
    questions
        One report each.
    contamination
        What the check by position found; None if it was not asked for.
    dropped
        How many objects it left out.
    """

    model_config = ConfigDict(frozen=True)

    archive: str
    settings: dict[str, Any]
    questions: tuple[QuestionReport, ...]
    contamination: str | None
    dropped: int

    def __str__(self) -> str:
        """Show it as text."""
        return self.dumps("text").rstrip()

    def question(self, name: str) -> QuestionReport:
        """Give a question by name; KeyError lists the names."""
        for found in self.questions:
            if found.name == name:
                return found
        raise KeyError(f"no question {name!r}; there are {[q.name for q in self.questions]}")

    def dumps(self, kind: Format) -> str:
        """Write as ``text``, ``json`` or ``csv`` (a row a figure)."""
        if kind == "json":
            return self.model_dump_json(indent=1) + "\n"
        return _csv(self) if kind == "csv" else _text(self)


def _csv(report: SearchReport) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    first = ["question", "method", "figure", "mean", "low", "high", "interval_over"]
    writer.writerow([*first, "spread", "worst", "best", "rankings", "unranked"])
    for question in report.questions:
        for method in question.methods:
            for name, f in method.figures.items():
                one = [question.name, method.method, name, f.mean, f.low, f.high, method.over]
                last = [f.spread, f.worst, f.best, method.rankings, method.unranked]
                writer.writerow([*one, *last])
    return buffer.getvalue()


def _text(report: SearchReport) -> str:
    parts = [report.contamination] if report.contamination else []
    parts += [_question(question) for question in report.questions]
    share = 100 * report.settings["confidence"]
    used = {method.over for question in report.questions for method in question.methods}
    legend = [f"[low, high]: {share:g} % intervals over"]
    legend += [f"  {name}: {meaning}" for name, meaning in _OVER.items() if name in used]
    legend += [
        "± standard deviation over wordings (or query images, or shuffles).",
        f"nDCG has {report.settings['gain']} gain; ties count as the mean over all their orders.",
    ]
    return "\n\n".join([*parts, "\n".join(legend)]) + "\n"


def _question(question: QuestionReport) -> str:
    wordings = len(question.texts)
    title = (
        f"{question.name}: {question.relevant} of {question.objects} objects are right, "
        f"{wordings} wording{'s' * (wordings != 1)}"
    )
    # Hits and recall say the same; recall is left to the formats for machines.
    names = [n for n in question.methods[0].figures if not n.startswith("recall")]
    rows = [["", *names, "intervals over"]]
    for method in question.methods:
        cells = [_cell(method.figures[name], name) for name in names]
        rows.append([method.method, *cells, method.over])
    notes = [f"  {note}" for note in question.notes]
    notes += [
        f"  {m.method}: {m.unranked} objects could not be ranked, and tie for last"
        for m in question.methods
        if m.unranked
    ]
    return "\n".join([title, *lay_out(rows), *notes])


def _cell(figure: Figure, name: str) -> str:
    digits = 2 if name.startswith("hits") else 3
    spread = "" if figure.spread is None else f" ±{figure.spread:.{digits}f}"
    return f"{figure.mean:.{digits}f} [{figure.low:.{digits}f}, {figure.high:.{digits}f}]{spread}"
