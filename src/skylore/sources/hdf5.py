"""HDF5 files, as the Multimodal Universe has them."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from skylore.sources.hdf5_files import Hdf5Files
from skylore.sources.row_files import RowFiles
from skylore.sources.row_source import RowSource

__all__ = ["Hdf5Source"]


class Hdf5Source(RowSource):
    """An HDF5 file, or a folder such as ``dr10_south_21/healpix=…/001-of-001.hdf5``.

    See :class:`RowSource`, and :mod:`skylore.sources.hdf5_layout` for what is understood. Flux is
    taken to have its first row at the bottom, as the FITS files have that it was cut from.
    """

    kind: ClassVar[str] = "hdf5"

    def _open(self, path: Path) -> RowFiles:
        self._hdf5 = Hdf5Files(path)
        return self._hdf5

    @property
    def remarks(self) -> list[str]:
        """What to tell the user."""
        odd = self._hdf5.odd
        if not odd:
            return super().remarks
        return [f"datasets of another length were left out: {', '.join(odd)}", *super().remarks]
