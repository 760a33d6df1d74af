"""Flux cutouts as AION-1 takes them: bands by the names it knows, one size, no gaps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from skylore.errors import ImageError
from skylore.imaging.flux import Cutout

__all__ = ["BANDS_KNOWN", "SIDE", "Survey", "fit_cutout", "survey_of"]

Survey = Literal["DES", "HSC"]

BANDS_KNOWN: dict[Survey, tuple[str, ...]] = {
    "DES": ("DES-G", "DES-R", "DES-I", "DES-Z"),
    "HSC": ("HSC-G", "HSC-R", "HSC-I", "HSC-Z", "HSC-Y"),
}
"""The bands by survey; those of the Legacy Surveys go by DES, whose camera took them."""

SIDE = 160
"""Pixels on a side of the cutouts that AION-1 was trained on; its codec sees the middle 96."""

_SMALLEST = 96


def survey_of(bands: Sequence[str]) -> Survey:
    """Say which survey bands belong to.

    Raises
    ------
    ImageError
        If AION-1 does not know a band, or they are of two surveys.
    """
    for survey, known in BANDS_KNOWN.items():
        if set(bands) <= set(known):
            return survey
    everything = ", ".join(name for names in BANDS_KNOWN.values() for name in names)
    raise ImageError(
        f"AION-1 cannot read the bands {', '.join(bands)}: it knows {everything}, of one survey at "
        "a time. Give the bands of the source by these names."
    )


def fit_cutout(cutout: Cutout) -> Cutout:
    """Cut or pad a cutout about its middle to 160 × 160, its bands in the order of the survey.

    Bands without any data are left out, as if they had not been observed; single pixels without
    data become zero, the level of the sky.

    Raises
    ------
    ImageError
        If a band is unknown, nothing is finite, or a side has fewer than the 96 pixels that the
        codec sees: padding would show it borders that are not on the sky.
    """
    survey = survey_of(cutout.bands)
    height, width = cutout.flux.shape[1:]
    if min(height, width) < _SMALLEST:
        raise ImageError(
            f"the flux is {width} × {height} pixels; AION-1 sees {_SMALLEST} × {_SMALLEST}, so "
            f"fetch larger cutouts, best {SIDE} × {SIDE} at the survey's pixel scale"
        )
    order = [cutout.bands.index(name) for name in BANDS_KNOWN[survey] if name in cutout.bands]
    seen = [band for band in order if np.isfinite(cutout.flux[band]).any()]
    if not seen:
        raise ImageError("no pixel of the flux is finite in any band; fetch it again")
    flux = np.nan_to_num(cutout.flux[seen], nan=0.0, posinf=0.0, neginf=0.0)
    return Cutout(_centred(flux.astype(np.float32)), tuple(cutout.bands[band] for band in seen))


def _centred(
    flux: np.ndarray[tuple[int, ...], np.dtype[np.float32]],
) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    sized = np.zeros((len(flux), SIDE, SIDE), np.float32)
    taken, placed = zip(*(_overlap(length) for length in flux.shape[1:]), strict=True)
    sized[:, placed[0], placed[1]] = flux[:, taken[0], taken[1]]
    return sized


def _overlap(length: int) -> tuple[slice, slice]:
    """Say which pixels of a side are taken, and where they are put."""
    size = min(length, SIDE)
    start, place = (length - size) // 2, (SIDE - size) // 2
    return slice(start, start + size), slice(place, place + size)
