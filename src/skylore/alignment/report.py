"""The account of a training run, and the model card written from it."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from skylore.alignment.config import AlignmentConfig
from skylore.alignment.retrieval import Direction, Retrieval
from skylore.alignment.settings import TrainingSettings
from skylore.evaluation.bootstrap import Interval

__all__ = ["Checkpoint", "TrainingReport", "model_card"]


class Checkpoint(BaseModel):
    """The state of the run when the held-out objects were searched."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    step: int
    loss: float
    precision: float


class TrainingReport(BaseModel):
    """How a model was trained, and how it did.

    Attributes
    ----------
    objects, texts : int
        Captioned objects, and texts of all of them.
    training_objects, held_out_objects : int
    seed : int
    settings : TrainingSettings
    chosen_step : int
        The step whose weights were kept: of the highest mean average precision on the objects
        held out, over both directions.
    history : list of Checkpoint
    retrieval : list of Retrieval
        On the objects held out, at each Matryoshka length. They chose the step, so the figures
        are a little high.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    objects: int
    texts: int
    training_objects: int
    held_out_objects: int
    seed: int
    settings: TrainingSettings
    chosen_step: int
    history: list[Checkpoint]
    retrieval: list[Retrieval]


def model_card(config: AlignmentConfig, report: TrainingReport | None) -> str:
    """Return the model's ``README.md``."""
    head = f"""# Skylore alignment model

Brings image vectors of `{config.image_encoder.name}` (revision `{config.image_encoder.revision}`)
and text vectors of `{config.text_encoder.name}` (revision `{config.text_encoder.revision}`) into
one space of {config.embedding_dim} dimensions, where a caption lies near what it describes. Two
residual MLP heads after AION-Search (arXiv 2512.11982). Written by Skylore \
{config.skylore_version}; `config.json` and `model.safetensors` are all of it.
"""
    if report is None:
        return head + "\nHow it was trained is not recorded.\n"
    return head + _training_section(config, report)


def _training_section(config: AlignmentConfig, report: TrainingReport) -> str:
    rows = "\n".join(
        _row(found.dimension, name, direction)
        for found in reversed(report.retrieval)
        for name, direction in (
            ("text to image", found.text_to_image),
            ("image to text", found.image_to_text),
        )
    )
    columns = (
        "| dimensions | direction | queries | average precision | random | reciprocal rank "
        "| recall@1 | recall@10 |"
    )
    lengths = ", ".join(map(str, config.matryoshka_dims))
    return f"""
## Training

{report.texts} texts of {report.objects} objects; {report.training_objects} objects were trained
on, and {report.held_out_objects}, chosen by a hash of their ids, were held out. Seed {report.seed};
weights of step {report.chosen_step}. Vectors may be cut at {lengths} dimensions.

Retrieval among the objects held out, with 95 % bootstrap intervals. Captions that say all but
the same count as right for one another. The held-out objects chose the step, so the figures are
a little high; "random" is the average precision of a shuffled list.

{columns}
|{"---|" * 8}
{rows}

Settings: `{report.settings.model_dump_json()}`
"""


def _row(dimension: int, name: str, found: Direction) -> str:
    figures = [
        _figure(found.average_precision),
        f"{found.random_precision:.3f}",
        _figure(found.reciprocal_rank),
        _figure(found.recall_at_1),
        _figure(found.recall_at_10),
    ]
    return f"| {dimension} | {name} | {found.queries} | " + " | ".join(figures) + " |"


def _figure(interval: Interval) -> str:
    return f"{interval.mean:.3f} [{interval.low:.3f}, {interval.high:.3f}]"
