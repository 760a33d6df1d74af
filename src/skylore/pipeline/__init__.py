"""The steps of the pipeline by name, as Python functions and commands use them."""

from __future__ import annotations

from skylore.archive.table import Archive
from skylore.pipeline.learning import evaluate, evaluate_captions, pretrain
from skylore.pipeline.objects import ingest, join
from skylore.pipeline.steps import align, arrange, build, caption, embed, index, measure

__all__ = [
    "align",
    "arrange",
    "build",
    "caption",
    "create",
    "embed",
    "evaluate",
    "evaluate_captions",
    "index",
    "ingest",
    "join",
    "measure",
    "open",
    "pretrain",
]

create = Archive.create
open = Archive.open  # noqa: A001 - sky.open("…") reads as it should
