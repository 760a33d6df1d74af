"""Reading and drawing columns of flux; see :mod:`skylore.sources.flux_types`."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from skylore.cores import usable_cores
from skylore.errors import ImageError
from skylore.imaging.flux import BANDS, FLUX, SHAPE, flux_schema
from skylore.imaging.render import Rendering
from skylore.sources.bands import unique_names
from skylore.sources.drawing import picture_of
from skylore.sources.flux_types import BAND, flux_field, is_list_type

__all__ = ["DRAWN", "DRAWN_AND_KEPT", "draw_column", "read_flux"]

DRAWN = pa.struct([("bytes", pa.binary()), ("rendering", pa.string()), ("fault", pa.string())])
"""What a column of flux becomes: a picture and how it was drawn, or why there is none."""

DRAWN_AND_KEPT = pa.struct([*DRAWN, *flux_schema()])
"""The same, with the columns in which an archive keeps flux."""


def read_flux(value: pa.Scalar) -> tuple[NDArray[Any], tuple[str, ...]]:
    """Read one object's image.

    Returns
    -------
    flux
        ``(B, H, W)``; missing numbers are NaN.
    bands
        ``B`` names, all different.

    Raises
    ------
    ImageError
        If its bands differ in shape, or have more or fewer names than there are.
    """
    field = flux_field(value.type)
    if field is None:
        raise ImageError(f"a value of type {value.type} is no flux")
    if pa.types.is_struct(value.type):
        planes = value[field].values
        names = value[BAND].values if BAND in value else None
    else:
        held = value.values
        planes = None if held is None else pc.struct_field(held, field)
        has_names = held is not None and held.type.get_field_index(BAND) >= 0
        names = pc.struct_field(held, BAND) if has_names else None
    flux = _cube(planes)
    if names is None:
        return flux, tuple(f"band {number}" for number in range(1, len(flux) + 1))
    if len(names) != len(flux):
        raise ImageError(f"it names {len(names)} bands and has {len(flux)}")
    return flux, unique_names([_text(name) for name in names.to_pylist()])


def _text(name: object) -> str:
    text = name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name or "band")
    return text.strip() or "band"


def _cube(planes: pa.Array | None) -> NDArray[Any]:
    """Turn nested lists into one array, of which every level must be even."""
    if planes is None or not len(planes):
        raise ImageError("it has no flux")
    shape, held = [len(planes)], planes
    while True:
        held = held.storage if isinstance(held.type, pa.BaseExtensionType) else held
        if not is_list_type(held.type):
            break
        lengths = pc.unique(pc.list_value_length(held)).to_pylist()
        if len(lengths) != 1 or not lengths[0]:
            raise ImageError("its bands are empty, missing or of different shapes")
        shape.append(lengths[0])
        held = held.flatten()
    return np.asarray(held.to_numpy(zero_copy_only=False)).reshape(shape)


def draw_column(
    column: pa.ChunkedArray, rendering: Rendering | None, *, keep_flux: bool = False
) -> pa.Array:
    """Draw each image of a column; the result is null where it is null.

    Its type is :data:`DRAWN`, or :data:`DRAWN_AND_KEPT` with the flux itself.
    """
    kind = DRAWN_AND_KEPT if keep_flux else DRAWN
    values = (value for chunk in column.chunks for value in _plain(chunk))
    # What takes the time, medians and PNG, lets other threads run.
    with ThreadPoolExecutor(usable_cores()) as pool:
        return pa.array(list(pool.map(lambda value: _drawn(value, rendering), values)), kind)


def _plain(chunk: pa.Array) -> pa.Array:
    return chunk.storage if isinstance(chunk.type, pa.BaseExtensionType) else chunk


def _drawn(value: pa.Scalar, rendering: Rendering | None) -> dict[str, Any] | None:
    if not value.is_valid:
        return None
    try:
        flux, bands = read_flux(value)
        picture, how = picture_of(flux, bands, rendering)
    except ImageError as error:
        return {"fault": str(error)}
    plain = np.asarray(flux, np.float32)
    held = {BANDS: list(bands), SHAPE: list(plain.shape), FLUX: plain.ravel()}
    return {"bytes": picture, "rendering": how, **held}
