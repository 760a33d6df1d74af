"""Skylore: search, classify and measure an archive of unlabelled science images.

>>> import skylore as sky
>>> archive = sky.open("hdf.skylore")  # doctest: +SKIP
>>> archive.search("edge-on disk", k=20)  # doctest: +SKIP
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from skylore.alignment.model import Alignment
    from skylore.archive.fill import FillOptions, FillReport
    from skylore.archive.table import Archive
    from skylore.classification.galaxalign import GalaxAlign
    from skylore.errors import SkyloreError
    from skylore.intake.ingest import IngestOptions, IngestReport
    from skylore.pipeline import (
        align,
        build,
        caption,
        create,
        embed,
        evaluate,
        index,
        ingest,
        join,
        measure,
        open,  # noqa: A004 - sky.open("…") reads as it should
        pretrain,
    )
    from skylore.search.query import Cone, Query, Range
    from skylore.search.results import Hit, Results

__version__ = "0.1.0"

_HOMES = {
    "Alignment": "skylore.alignment.model",
    "Archive": "skylore.archive.table",
    "Cone": "skylore.search.query",
    "FillOptions": "skylore.archive.fill",
    "FillReport": "skylore.archive.fill",
    "GalaxAlign": "skylore.classification.galaxalign",
    "Hit": "skylore.search.results",
    "IngestOptions": "skylore.intake.ingest",
    "IngestReport": "skylore.intake.ingest",
    "Query": "skylore.search.query",
    "Range": "skylore.search.query",
    "Results": "skylore.search.results",
    "SkyloreError": "skylore.errors",
    "align": "skylore.pipeline",
    "build": "skylore.pipeline",
    "caption": "skylore.pipeline",
    "create": "skylore.pipeline",
    "embed": "skylore.pipeline",
    "evaluate": "skylore.pipeline",
    "index": "skylore.pipeline",
    "ingest": "skylore.pipeline",
    "join": "skylore.pipeline",
    "measure": "skylore.pipeline",
    "open": "skylore.pipeline",
    "pretrain": "skylore.pipeline",
}

__all__ = [
    "Alignment",
    "Archive",
    "Cone",
    "FillOptions",
    "FillReport",
    "GalaxAlign",
    "Hit",
    "IngestOptions",
    "IngestReport",
    "Query",
    "Range",
    "Results",
    "SkyloreError",
    "align",
    "build",
    "caption",
    "create",
    "embed",
    "evaluate",
    "index",
    "ingest",
    "join",
    "measure",
    "open",
    "pretrain",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever lives there
    """Import a public name when it is first used, so that importing skylore costs nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module 'skylore' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
