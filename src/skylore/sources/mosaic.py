"""One large image, from which objects are detected and cut out."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from skylore.errors import SourceError
from skylore.imaging.cutouts import cut_out
from skylore.imaging.decode import encode_png
from skylore.imaging.detect import Detections, DetectionSettings, detect
from skylore.imaging.render import Rendering
from skylore.sources.base import SourceBatch
from skylore.sources.batching import chunk_wanted
from skylore.sources.mosaic_images import MAX_PIXELS, Mosaic, mosaic_of_array, read_mosaic
from skylore.sources.remarks import counted
from skylore.sources.walk import printable

__all__ = ["MosaicSource", "hubble_deep_field"]


@dataclass(frozen=True)
class _Field:
    mosaic: Mosaic
    found: Detections
    kept: NDArray[np.int64]
    at_edge: int


class MosaicSource:
    """The sources detected on one large image, each cut out at the image's own pixel scale.

    Ids are ``NAME-00001`` and so on in order of brightness, counting all detections: they depend
    on the image and on the detection settings, not on the size of the cutouts. Sources whose
    cutout would reach over the edge are left out and counted. Catalogue columns: ``x`` and ``y``
    (pixels; the centre of the first pixel, in the row order of the file, is (0, 0)),
    ``detection_flux`` (sum above the sky, in the image's units, averaged over bands) and
    ``detection_area`` (pixels).

    Parameters
    ----------
    image
        A PNG, JPEG, TIFF, WebP or FITS file; a display image ``(H, W, 3)`` of uint8; or flux
        ``(H, W)`` or ``(B, H, W)``.
    name
        What ids begin with; the file's name without its suffix if None. Needed for an array.
    size
        Side of the cutouts in pixels.
    max_objects
        The largest number of objects, brightest first; all if None.
    detection
        How sources are told from sky.
    rendering
        How flux is drawn, for FITS and arrays of flux; one scale for the whole image in any case.
    max_pixels
        The largest number of samples (pixels × bands of flux) that is read.

    Raises
    ------
    SourceError
        If a setting makes no sense. When read: if the image cannot be, or shows no source.
    """

    def __init__(
        self,
        image: str | os.PathLike[str] | NDArray[Any],
        *,
        name: str | None = None,
        size: int = 64,
        max_objects: int | None = None,
        detection: DetectionSettings | None = None,
        rendering: Rendering | None = None,
        max_pixels: int = MAX_PIXELS,
    ) -> None:
        if size < 8 or (max_objects is not None and max_objects < 1):
            raise SourceError("Cutouts have at least 8 pixels a side, and max_objects is positive.")
        self._image = image
        self._prefix = name or _name_of(image)
        self._size, self._max_objects, self._max_pixels = size, max_objects, max_pixels
        self._detection = detection or DetectionSettings()
        self._rendering = rendering

    @property
    def name(self) -> str:
        """The path as it was given, or the name of the array."""
        return self._prefix if isinstance(self._image, np.ndarray) else printable(self._image)

    @property
    def settings(self) -> Mapping[str, object]:
        """The kind of source, and how objects are detected, cut out and drawn."""
        drawn = None if self._rendering is None else self._rendering.model_dump(mode="json")
        return {
            "kind": "mosaic",
            "name": self._prefix,
            "size": self._size,
            "max_objects": self._max_objects,
            "detection": self._detection.model_dump(mode="json"),
            "rendering": drawn,
        }

    @cached_property
    def _field(self) -> _Field:
        if isinstance(self._image, np.ndarray):
            mosaic = mosaic_of_array(self._image, self._rendering)
        else:
            mosaic = read_mosaic(Path(self._image), self._rendering, self._max_pixels)
        found = detect(mosaic.light, self._detection)
        fits = [
            cut_out(mosaic.light, x, y, self._size) is not None
            for x, y in zip(found.x, found.y, strict=True)
        ]
        kept = np.flatnonzero(np.array(fits, dtype=np.bool_))[: self._max_objects]
        if not len(kept):
            raise SourceError(
                f"{len(found)} sources were detected in {self.name}, none of them a cutout away "
                "from the edge; lower the detection threshold or the size."
            )
        return _Field(mosaic, found, kept.astype(np.int64), fits.count(False))

    @property
    def remarks(self) -> list[str]:
        """What to tell the user."""
        return counted(self.edge_dropped, "source too near the edge to be cut out was left")

    @property
    def edge_dropped(self) -> int:
        """How many detections were left out because they lie at the edge."""
        return self._field.at_edge

    def ids(self) -> pa.Array:
        """All ids, brightest source first; the image is read and searched once.

        Raises
        ------
        SourceError
            If the image cannot be read, or shows no source.
        """
        names = [f"{self._prefix}-{rank + 1:05d}" for rank in self._field.kept]
        return pa.array(names, pa.string())

    def batches(self, wanted: NDArray[np.bool_], rows: int) -> Iterator[SourceBatch]:
        """Cut out the wanted sources."""
        ids, kept = self.ids(), self._field.kept
        for positions in chunk_wanted(wanted, len(kept), rows):
            yield SourceBatch(self._rows(ids.take(pa.array(positions)), kept[positions]))

    def _rows(self, ids: pa.Array, ranks: NDArray[np.int64]) -> pa.Table:
        mosaic, found = self._field.mosaic, self._field.found
        x, y = found.x[ranks], found.y[ranks]
        images = [_cutout_png(mosaic, *place, self._size) for place in zip(x, y, strict=True)]
        items = [f"{self.name}:{a:.2f},{b:.2f}" for a, b in zip(x, y, strict=True)]
        columns: dict[str, pa.Array] = {
            "id": ids,
            "image": pa.array(images, pa.binary()),
            "image_rendering": pa.array([mosaic.rendering] * len(ids), pa.string()),
            **_positions(mosaic, x, y),
            "source_item": pa.array(items, pa.string()),
            "x": pa.array(x),
            "y": pa.array(y),
            "detection_flux": pa.array(found.flux[ranks]),
            "detection_area": pa.array(found.area[ranks]),
        }
        return pa.table(columns)


def _name_of(image: str | os.PathLike[str] | NDArray[Any]) -> str:
    if isinstance(image, np.ndarray):
        raise SourceError("An image that comes as an array needs name=, with which ids begin.")
    return printable(Path(image).name).split(".")[0]


def _cutout_png(mosaic: Mosaic, x: float, y: float, size: int) -> bytes:
    cutout = cut_out(mosaic.pixels, x, y, size)
    if cutout is None:
        raise AssertionError("sources at the edge were left out before")
    return encode_png(np.ascontiguousarray(cutout[::-1]) if mosaic.bottom_up else cutout)


def _positions(
    mosaic: Mosaic, x: NDArray[np.float64], y: NDArray[np.float64]
) -> dict[str, pa.Array]:
    if mosaic.fits is None or mosaic.fits.wcs is None:
        return {}
    ra, dec, valid = mosaic.fits.sky(x, y)
    return {"ra": pa.array(ra, mask=~valid), "dec": pa.array(dec, mask=~valid)}


def hubble_deep_field(
    *, size: int = 64, max_objects: int | None = None, detection: DetectionSettings | None = None
) -> MosaicSource:
    """Open the Hubble eXtreme Deep Field crop (872 × 1000 RGB) that comes with scikit-image.

    It has no coordinate system, so its objects have no positions.
    """
    from skimage import data

    image = np.asarray(data.hubble_deep_field())
    return MosaicSource(image, name="HDF", size=size, max_objects=max_objects, detection=detection)
