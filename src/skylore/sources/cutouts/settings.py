"""What is asked of a cutout service, and how politely."""

from __future__ import annotations

from typing import Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator

__all__ = ["CutoutSettings", "FileFormat", "Manners", "ServiceName"]

ServiceName = Literal["legacy", "hsc"]
FileFormat = Literal["fits", "jpeg"]


class CutoutSettings(BaseModel):
    """Which images are fetched.

    Attributes
    ----------
    service
        ``legacy``: the sky viewer of the DESI Legacy Imaging Surveys; ``hsc``: the data release
        site of the Hyper Suprime-Cam survey, which needs an account.
    url
        The service's address, or that of a mirror; the survey's own if None.
    layer
        The viewer's layer (``ls-dr10``), or the rerun (``pdr3_wide``).
    bands
        One letter a band.
    size
        Side of an image, pixels; the Legacy Surveys give at most 3000.
    pixscale
        Arcseconds a pixel; for HSC always that of its coadded images.
    file_format
        FITS, whose flux is drawn here, or for the Legacy Surveys their own JPEG.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    service: ServiceName
    url: str | None = None
    layer: str | None = None
    bands: str | None = Field(None, pattern=r"^[a-zA-Z]{1,8}$")
    size: int = Field(160, ge=8, le=3000)
    pixscale: float | None = Field(None, gt=0)
    file_format: FileFormat = "fits"

    @field_validator("url")
    @classmethod
    def _is_a_web_address(cls, url: str | None) -> str | None:
        if url is None:
            return None
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("not a web address such as https://www.legacysurvey.org/viewer")
        if parts.username or parts.password or parts.query or parts.fragment:
            raise ValueError("holds more than an address; passwords go into the environment")
        return url.rstrip("/")


class Manners(BaseModel):
    """How politely a shared service is asked.

    Attributes
    ----------
    concurrency
        Requests under way at a time; more than four is rude.
    per_second
        Requests begun in a second, at most.
    attempts
        Of one request, while faults are passing ones.
    timeout
        Seconds for one whole request, however slowly the answer drips.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    concurrency: int = Field(4, ge=1, le=16)
    per_second: float = Field(5.0, gt=0)
    attempts: int = Field(6, ge=1)
    timeout: float = Field(60.0, gt=0)
