"""Reading the bands of one FITS file."""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skylore.errors import ImageError
from skylore.quiet import quiet
from skylore.sources.bands import band_names, unique_names
from skylore.sources.positions import clean_positions
from skylore.sources.walk import printable, read_bytes

__all__ = ["MAX_SAMPLES", "FitsImage", "has_image", "read_fits_image"]

MAX_SAMPLES = 64_000_000
"""The largest number of bands × pixels that is read unless a caller allows more."""

_GZIP = b"\x1f\x8b"
_ROOM_FOR_HEADERS = 1 << 24

# Planes that describe the data beside them, as drizzlers and pipelines call them.
_AUXILIARY = (
    "CON",
    "CTX",
    "DQ",
    "ERR",
    "INVVAR",
    "IVAR",
    "MASK",
    "PSF",
    "RMS",
    "VAR",
    "WEIGHT",
    "WHT",
)


@dataclass(frozen=True)
class FitsImage:
    """The bands of one field, on one pixel grid.

    Attributes
    ----------
    flux
        ``(B, H, W)``, native float32 or float64; the first row is the bottom one.
    bands
        ``B`` names, all different, in the order of the file.
    wcs
        The celestial world coordinate system, where there is one.
    header_position
        ``RA`` and ``DEC`` of the header in degrees, where they are numbers.
    """

    flux: NDArray[Any]
    bands: tuple[str, ...]
    wcs: Any
    header_position: tuple[float, float] | None

    def sky(
        self, x: NDArray[np.float64], y: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
        """Convert pixels to ICRS degrees, and say where that is possible.

        Parameters
        ----------
        x, y
            ``(N,)``; the centre of the first pixel is (0, 0).
        """
        ra, dec = _to_icrs(self.wcs, x, y)
        return clean_positions(ra, dec)

    def centre(self) -> tuple[float, float] | None:
        """Return the position of the middle: by the coordinate system, else by the header."""
        _, height, width = self.flux.shape
        ra, dec, valid = self.sky(np.array([(width - 1) / 2]), np.array([(height - 1) / 2]))
        if not valid[0] and self.header_position is not None:
            ra, dec, valid = clean_positions(*np.array(self.header_position)[:, None])
        return (float(ra[0]), float(dec[0])) if valid[0] else None


def _to_icrs(
    wcs: Any,  # noqa: ANN401 - astropy has no types
    x: NDArray[np.float64],
    y: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Convert pixels by a WCS; NaN where there is none, or astropy cannot apply it."""
    if wcs is not None:
        try:
            with quiet():
                places = wcs.pixel_to_world(x, y).icrs
            return np.asarray(places.ra.deg), np.asarray(places.dec.deg)
        except Exception:  # noqa: BLE001, S110 - astropy raises many kinds; the object stays usable
            pass
    nowhere = np.full(len(x), np.nan)
    return nowhere, nowhere


def read_fits_image(path: Path, *, max_samples: int = MAX_SAMPLES) -> FitsImage:
    """Read all bands of a FITS file: one image an HDU, or cubes with a band axis.

    Images that only describe others (``WHT``, ``ERR``, ``DQ``, …) are passed over.

    Raises
    ------
    ImageError
        If the file is corrupt or truncated, has no image, is too large, or its bands differ in
        shape.
    """
    data = read_bytes(path)
    try:
        if data.startswith(_GZIP):
            data = _decompress(data, 8 * max_samples + _ROOM_FOR_HEADERS)
        with quiet():
            image = _read(data, max_samples)
    except ImageError as error:
        raise ImageError(f"{printable(path)}: {error}") from error
    except Exception as error:
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise ImageError(f"{printable(path)} cannot be read as FITS: {reason}") from error
    return image


def _decompress(data: bytes, limit: int) -> bytes:
    with gzip.open(io.BytesIO(data)) as stream:
        plain = stream.read(limit + 1)
    if len(plain) > limit:
        raise ImageError(f"it decompresses to more than {limit:,} bytes.")
    return plain


def _read(data: bytes, max_samples: int) -> FitsImage:
    from astropy.io import fits

    with fits.open(io.BytesIO(data), memmap=False, lazy_load_hdus=False) as hdus:
        _check_length(hdus, len(data))
        chosen = list(_science(hdus))
        if not chosen:
            raise ImageError("the file holds no image; a table of objects is ingested as a table.")
        samples = sum(int(np.prod(hdu.shape)) for hdu in chosen)
        if samples > max_samples:
            raise ImageError(f"it has {samples:,} samples; the limit is {max_samples:,}.")
        cubes = [_as_cube(hdu.data) for hdu in chosen]
        names = [
            name
            for h, c in zip(chosen, cubes, strict=True)
            for name in band_names(h.header, len(c))
        ]
        shapes = {cube.shape[1:] for cube in cubes}
        if len(shapes) > 1:
            raise ImageError(f"its bands have different shapes: {sorted(shapes)}; resample them.")
        headers = [chosen[0].header, hdus[0].header]
        return FitsImage(
            np.concatenate(cubes),
            unique_names(names),
            _celestial(chosen[0], hdus),
            _pointing(headers),
        )


def _science(hdus: Any) -> Iterator[Any]:  # noqa: ANN401 - astropy has no types
    for hdu in hdus:
        if hdu.is_image and len(hdu.shape) >= 2 and 0 not in hdu.shape:
            name = str(hdu.header.get("EXTNAME", "")).strip().upper()
            if name.split("_")[0] not in _AUXILIARY:
                yield hdu


def has_image(path: Path) -> bool:
    """Whether a FITS file holds an image with at least two axes; its pixels are not read."""
    from astropy.io import fits

    try:
        with quiet(), fits.open(path, memmap=False) as hdus:
            return any(True for _ in _science(hdus))
    except Exception as error:
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise ImageError(f"{printable(path)} cannot be read as FITS: {reason}") from error


def _check_length(hdus: Any, length: int) -> None:  # noqa: ANN401 - astropy has no types
    """Astropy only warns of a truncated file, and fills in or drops what is missing."""
    last = hdus[-1].fileinfo()
    if last["datLoc"] + last["datSpan"] > length:
        raise ImageError("the file is truncated; fetch it again.")


def _as_cube(data: NDArray[Any]) -> NDArray[Any]:
    plane = data
    while plane.ndim > 3 and plane.shape[0] == 1:
        plane = plane[0]
    if plane.ndim == 2:
        plane = plane[None]
    if plane.ndim != 3 or plane.dtype.kind not in "iuf":
        raise ImageError(
            f"an image of shape {data.shape} and type {data.dtype} is no stack of bands."
        )
    wide = plane.dtype.itemsize > (2 if plane.dtype.kind in "iu" else 4)
    return plane.astype(np.float64 if wide else np.float32)


def _celestial(hdu: Any, hdus: Any) -> Any:  # noqa: ANN401 - astropy has no types
    from astropy.wcs import WCS

    try:
        wcs = WCS(hdu.header, fobj=hdus)
    except Exception:  # noqa: BLE001 - an object with a broken WCS is an object without position
        return None
    return wcs.celestial if wcs.has_celestial else None


def _pointing(headers: list[Any]) -> tuple[float, float] | None:
    for header in headers:
        ra, dec = header.get("RA"), header.get("DEC")
        if isinstance(ra, int | float) and isinstance(dec, int | float):
            return float(ra), float(dec)
    return None
