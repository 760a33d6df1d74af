"""What the cutout services of surveys are asked, and how their answers are read.

The addresses and parameters are those of the Legacy Surveys' sky viewer, and of the third public
data release of the Hyper Suprime-Cam survey (Aihara et al. 2022, PASJ 74, 247).
"""

from __future__ import annotations

import base64
import io
import netrc
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from skylore.errors import ImageError, SourceError
from skylore.imaging.decode import decode
from skylore.sources.bands import unique_names
from skylore.sources.cutouts.faults import AbsentError
from skylore.sources.cutouts.settings import CutoutSettings
from skylore.sources.fits_images import FitsImage, has_image, read_fits_image
from skylore.sources.walk import read_bytes

__all__ = ["Flux", "Service", "make_service"]

_FITS_STARTS = (b"SIMPLE", b"\x1f\x8b")
_BLANK = "The survey has no image there: the one that it gives is blank."
_MARGIN = 2
"""Pixels asked for beyond the size, since bands of HSC may differ by one."""


@dataclass(frozen=True)
class Flux:
    """The bands of a cutout, ``(B, H, W)`` with the lowest row first, and their names."""

    flux: NDArray[Any]
    bands: tuple[str, ...]


class Service(ABC):
    """A cutout service.

    Parameters
    ----------
    settings
        What to ask for.

    Attributes
    ----------
    place
        Its address.
    """

    own: str
    refusal = "Check --cutout-url."

    def __init__(self, settings: CutoutSettings) -> None:
        self.settings = settings
        self.place = settings.url or self.own

    @property
    def headers(self) -> Mapping[str, str]:
        """What to send with each request, beside who asks."""
        return {}

    @abstractmethod
    def image(self, ra: float, dec: float, get: Callable[..., Any]) -> Flux | bytes:
        """Give the flux around a position (ICRS degrees), or a picture drawn by the survey.

        ``get(url, read)`` fetches what ``read`` reads. Errors are those of
        :meth:`skylore.sources.cutouts.fetching.Fetcher.get`.
        """

    def _url(self, path: str, ra: float, dec: float, **parameters: object) -> str:
        query = urlencode({"ra": f"{ra:.7f}", "dec": f"{dec:.7f}", **parameters})
        return f"{self.place}{path}?{query}"


class LegacyService(Service):
    """The sky viewer of the DESI Legacy Imaging Surveys."""

    own = "https://www.legacysurvey.org/viewer"

    def image(self, ra: float, dec: float, get: Callable[..., Any]) -> Flux | bytes:
        """Fetch one cube of all bands, or a JPEG."""
        asked = self.settings
        parameters: dict[str, object] = {
            "layer": asked.layer or "ls-dr10",
            "pixscale": asked.pixscale or 0.262,
            "size": asked.size,
        }
        if asked.bands:
            parameters["bands"] = asked.bands
        if asked.file_format == "jpeg":
            picture: bytes = get(self._url("/cutout.jpg", ra, dec, **parameters), _read_jpeg)
            return picture
        parameters.setdefault("bands", "griz")
        image: FitsImage = get(self._url("/cutout.fits", ra, dec, **parameters), _read_fits)
        return Flux(image.flux, image.bands)


class HscService(Service):
    """The cutout service of the Hyper Suprime-Cam survey's public data releases."""

    own = "https://hsc-release.mtk.nao.ac.jp/das_cutout/pdr3/cgi-bin/cutout"
    refusal = "HSC needs an account: set SSP_PDR_USR and SSP_PDR_PWD, or name its host in ~/.netrc."
    pixscale = 0.168

    def __init__(self, settings: CutoutSettings) -> None:
        super().__init__(settings)
        if settings.file_format != "fits" or settings.pixscale not in {None, self.pixscale}:
            raise SourceError(f"HSC gives FITS files of {self.pixscale} arcseconds a pixel alone.")

    @property
    def headers(self) -> Mapping[str, str]:
        """The account, which is never written down."""
        parts = urlsplit(self.place)
        account = _account(parts.hostname or "")
        if account is None:
            if self.settings.url is None:
                raise SourceError(self.refusal)
            return {}
        if parts.scheme != "https" and parts.hostname not in {"127.0.0.1", "::1", "localhost"}:
            raise SourceError(f"{self.place} is not encrypted, and would see the HSC password.")
        token = base64.b64encode(":".join(account).encode()).decode()
        return {"Authorization": f"Basic {token}"}

    def image(self, ra: float, dec: float, get: Callable[..., Any]) -> Flux | bytes:
        """Fetch a file a band, and stack them."""
        # The service takes half the side, and gives whole pixels of its own grid.
        half = f"{(self.settings.size / 2 + _MARGIN) * self.pixscale:.3f}asec"
        names = [f"HSC-{band.upper()}" for band in self.settings.bands or "gri"]
        parameters = {"sw": half, "sh": half, "type": "coadd", "image": "on", "tract": ""}
        rerun = self.settings.layer or "pdr3_wide"
        images: list[FitsImage] = [
            get(self._url("", ra, dec, **parameters, rerun=rerun, filter=name), _read_fits)
            for name in names
        ]
        return Flux(_stack([image.flux[0] for image in images], self.settings.size), tuple(names))


def make_service(settings: CutoutSettings) -> Service:
    """Make the service that the settings name."""
    return HscService(settings) if settings.service == "hsc" else LegacyService(settings)


def _account(host: str) -> tuple[str, str] | None:
    user, password = os.environ.get("SSP_PDR_USR"), os.environ.get("SSP_PDR_PWD")
    if user and password:
        return user, password
    try:
        found = netrc.netrc(os.environ.get("NETRC")).authenticators(host)
    except FileNotFoundError:
        return None
    except (OSError, netrc.NetrcParseError) as error:
        raise SourceError(f"The file .netrc cannot be read ({type(error).__name__}).") from None
    return (found[0], found[2] or "") if found else None


def _read_fits(path: Path) -> FitsImage:
    with path.open("rb") as file:
        start = file.read(512)
    if not start.startswith(_FITS_STARTS):
        raise ImageError(f"{_what_it_is(start)} instead of FITS")
    if not has_image(path):
        raise AbsentError("The survey has no image there: the FITS file that it gives is empty.")
    image = read_fits_image(path)
    finite = image.flux[np.isfinite(image.flux)]
    if not finite.size or finite.min() == finite.max():
        raise AbsentError(_BLANK)
    bands = unique_names([band.strip() for band in image.bands])
    return FitsImage(image.flux, bands, image.wcs, image.header_position)


def _read_jpeg(path: Path) -> bytes:
    data = read_bytes(path)
    if not data.startswith(b"\xff\xd8"):
        raise ImageError(f"{_what_it_is(data[:512])} instead of a JPEG")
    decode(data)
    with Image.open(io.BytesIO(data)) as image:
        extremes = np.array(image.convert("RGB").getextrema())
    if (extremes[:, 1] - extremes[:, 0] <= 1).all():
        raise AbsentError(_BLANK)
    return data


def _what_it_is(start: bytes) -> str:
    if not start:
        return "nothing"
    return "a web page" if b"<" in start[:64] else "something else"


def _stack(planes: list[NDArray[Any]], size: int) -> NDArray[Any]:
    """Cut planes that differ by a pixel to one size, around their common middle."""
    height, width = (min(plane.shape[axis] for plane in planes) for axis in (0, 1))
    top, left = max(height - size, 0) // 2, max(width - size, 0) // 2
    return np.stack([plane[top:height, left:width][:size, :size] for plane in planes])
