"""The accounts of training and of evaluating a classifier, and its model card."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict

from skylore.classification.model import ClassifierConfig
from skylore.classification.settings import ClassifierSettings
from skylore.classification.ways import Way
from skylore.evaluation.bootstrap import Interval
from skylore.training.state import Evaluation

__all__ = ["ClassReport", "ClassifierReport", "EvaluationReport", "WayReport", "classifier_card"]


class ClassifierReport(BaseModel):
    """How a classifier was trained.

    Attributes
    ----------
    column : str
    classes : dict of str to int
        Labelled images of each.
    training, validation, unusable : int
        Images learnt from, those that decided when to stop, and those that cannot be decoded.
    kept_back : int
        Labelled objects that took no part, to be judged on.
    way : Way
    settings : ClassifierSettings
    history : list of Evaluation
        On the validation objects; at step 0 after the heads' own steps.
    notice : str, optional
        What was done otherwise than asked.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    column: str
    classes: dict[str, int]
    training: int
    validation: int
    unusable: int
    kept_back: int = 0
    way: Way
    settings: ClassifierSettings
    history: list[Evaluation]
    notice: str | None = None

    @property
    def chosen(self) -> Evaluation:
        """That of the weights which were kept: the best, or the last of a given number of steps."""
        if self.settings.steps is not None:
            return self.history[-1]
        return min(self.history, key=lambda e: e.held_out["class"]["nats"])

    def __str__(self) -> str:
        """Say it in one line, and what else there is to know in others."""
        found = self.chosen.held_out["class"]
        when = f"after step {self.chosen.step}" if self.chosen.step else "by heads alone"
        kept = "kept" if self.settings.steps is not None else "best"
        learnt = (
            f"classify: {len(self.classes)} classes from {self.training} images, "
            f"{self.history[-1].step} steps; {kept} {when}: accuracy {found['accuracy']:.3f} on "
            f"{self.validation} held out; classifies by {self.way}"
        )
        lines = [learnt]
        if self.unusable:
            lines.append(f"{self.unusable} images cannot be decoded, and were left out")
        if self.kept_back:
            lines.append(
                f"{self.kept_back} labelled objects kept back: judge on them with `skylore "
                "classify evaluate`"
            )
        return "\n".join([*lines, *([self.notice] if self.notice else [])])


class ClassReport(BaseModel):
    """One class: objects of it, precision, recall and F₁; NaN where undefined is None."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    objects: int
    precision: float | None
    recall: float | None
    f1: float | None


class WayReport(BaseModel):
    """How well one way of classifying does, with 95 % bootstrap intervals over objects."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    way: Way
    accuracy: Interval
    macro_f1: Interval
    nats: Interval
    calibration_error: float


class EvaluationReport(BaseModel):
    """How good a classifier is on labelled objects.

    Attributes
    ----------
    objects, left_out, overlapping, other_classes : int
        Objects judged on; those left out since training saw them, or one whose image overlaps
        theirs on the sky; and those of classes that the model does not know.
    seen_in_training : int
        Judged on although training saw them, because that was asked for.
    unusable : int
        Left out since their image cannot be decoded.
    way : Way
        The model's own, of which classes and confusion are.
    ways : list of WayReport
    classes : list of ClassReport
    confusion : list of list of int
        Rows are the truth.
    similarity : dict of str to Interval
        mAP of every object as a query for its class: over the whole ranking, and at five by both
        normalisers.
    random : dict of str to float
        What chance gives: the commonest class, and mAP of a random order.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    objects: int
    left_out: int
    overlapping: int = 0
    other_classes: int
    seen_in_training: int
    unusable: int = 0
    way: Way
    ways: list[WayReport]
    classes: list[ClassReport]
    confusion: list[list[int]]
    similarity: dict[str, Interval]
    random: dict[str, float]

    def to_json(self) -> dict[str, Any]:
        """Give everything by name, the figures of the model's own way at the top."""
        own = next(way for way in self.ways if way.way == self.way)
        top = {
            "accuracy": own.accuracy.mean,
            "macro_f1": own.macro_f1.mean,
            "mAP": self.similarity["mAP"].mean,
            "mAP@5": self.similarity["mAP@5"].mean,
            "intervals": {
                "accuracy": [own.accuracy.low, own.accuracy.high],
                "macro_f1": [own.macro_f1.low, own.macro_f1.high],
                **{name: [i.low, i.high] for name, i in self.similarity.items()},
            },
        }
        return top | self.model_dump(mode="json")

    def __str__(self) -> str:
        """Show tables."""
        return f"{self._head()}\n\n{self._ways()}\n\n{self._classes()}\n\n{self._confusion()}"

    def _head(self) -> str:
        lines = [f"{self.objects} labelled objects, by {self.way}"]
        if self.left_out:
            lines.append(f"{self.left_out} left out: training saw them (--all judges on them too)")
        if self.overlapping:
            lines.append(f"{self.overlapping} left out: their images overlap one of training's")
        if self.seen_in_training:
            lines.append(f"{self.seen_in_training} of them were seen in training: figures flatter")
        if self.unusable:
            lines.append(f"{self.unusable} left out: their image cannot be decoded")
        if self.other_classes:
            lines.append(f"{self.other_classes} left out: the model does not know their class")
        found = ", ".join(f"{name} {_shown(i)}" for name, i in self.similarity.items())
        lines.append(f"similarity search: {found}; at random mAP {self.random['mAP']:.3f}")
        lines.append(f"the commonest class alone is right for {self.random['accuracy']:.3f}")
        return "\n".join(lines)

    def _ways(self) -> str:
        rows = [
            (
                w.way,
                _shown(w.accuracy),
                _shown(w.macro_f1),
                _shown(w.nats),
                f"{w.calibration_error:.3f}",
            )
            for w in self.ways
        ]
        return _table(("by", "accuracy", "macro F1", "nats", "calibration error"), rows)

    def _classes(self) -> str:
        rows = [
            (c.name, str(c.objects), _figure(c.precision), _figure(c.recall), _figure(c.f1))
            for c in self.classes
        ]
        return _table(("class", "objects", "precision", "recall", "F1"), rows)

    def _confusion(self) -> str:
        names = [c.name for c in self.classes]
        rows = [
            (name, *map(str, counts)) for name, counts in zip(names, self.confusion, strict=True)
        ]
        return _table(("truth \\ found", *names), rows)


def classifier_card(config: ClassifierConfig, report: ClassifierReport) -> str:
    """Return the model's ``README.md``."""
    classes = "".join(f"| {name} | {count} |\n" for name, count in report.classes.items())
    chosen = report.chosen
    lost = f"{report.unusable} images could not be decoded.\n" if report.unusable else ""
    return f"""# Skylore classifier

Tells the classes of `{config.column}` apart. Written by Skylore {config.skylore_version};
`config.json` and `model.safetensors` are all of it.

## Training

Started from `{config.started_from}`, with the objective *{config.objective}*
(Wang et al. 2024, arXiv 2411.19475) and positives by *{report.settings.positives}*.
{report.training} images were learnt from; {report.validation} of other places on the sky decided
when to stop, the temperatures, and that it classifies by *{config.way}*.
{report.kept_back} labelled objects were kept back.
{lost}{report.notice or ""}

| class | labelled images |
|---|---|
{classes}
At step {chosen.step} of {report.history[-1].step} (0: by heads alone), accuracy on the validation
objects was {chosen.held_out["class"]["accuracy"]:.3f}. They were used to choose:
measure on others with `skylore classify evaluate`.

The whole recipe is in `training.json`. `model.safetensors` holds 64-bit digests of the ids of the
objects used, so that evaluation can leave them out.
"""


def _shown(interval: Interval) -> str:
    return f"{interval.mean:.3f} [{interval.low:.3f}, {interval.high:.3f}]"


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in (head, *rows)
    )
