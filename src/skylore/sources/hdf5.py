"""HDF5 files, as the Multimodal Universe and published sets of labelled pictures have them."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from skylore.sources.hdf5_files import Hdf5Files
from skylore.sources.labelled_files import LabelledFiles
from skylore.sources.row_files import RowFiles
from skylore.sources.row_source import RowSource

__all__ = ["Hdf5Source"]


class Hdf5Source(RowSource):
    """An HDF5 file, or a folder such as ``dr10_south_21/healpix=…/001-of-001.hdf5``.

    See :class:`RowSource`, and :mod:`skylore.sources.hdf5_layout` for what is understood. Flux is
    taken to have its first row at the bottom, as the FITS files have that it was cut from. Pictures
    without a column of ids are named by file and row; Galaxy10 DECaLS and GalaxyMNIST are known by
    their layout, and get the names of their classes: see
    :class:`skylore.sources.labelled_files.LabelledFiles`.
    """

    kind: ClassVar[str] = "hdf5"

    def _open(self, path: Path) -> RowFiles:
        self._hdf5 = Hdf5Files(path)
        self._labelled = LabelledFiles(self._hdf5)
        return self._labelled

    @property
    def remarks(self) -> list[str]:
        """What to tell the user."""
        odd = self._hdf5.odd
        other = [f"datasets of another length were left out: {', '.join(odd)}"] if odd else []
        return [*other, *self._labelled.remarks, *super().remarks]
