"""Parquet and Arrow files: images, vectors, positions and catalogue columns."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from skylore.sources.arrow_files import ArrowFiles
from skylore.sources.row_files import RowFiles
from skylore.sources.row_source import RowSource

__all__ = ["ParquetSource"]


class ParquetSource(RowSource):
    """A Parquet or Arrow file, or a folder of them; see :class:`RowSource`.

    Of a column of flux, such as the Multimodal Universe's mirrors have, only the flux and the names
    of its bands are read.
    """

    kind: ClassVar[str] = "parquet"

    def _open(self, path: Path) -> RowFiles:
        return ArrowFiles(path)
