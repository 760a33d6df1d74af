"""What can be set about the server."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from skylore.app.room import LEAST
from skylore.search.reranking.judge_settings import JudgeSettings

__all__ = ["ServerSettings"]


class ServerSettings(BaseModel):
    """The limits and habits of the server; each field is described where it is defined."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    allowed_hosts: tuple[str, ...] = Field(
        (), description="Host names that requests may be addressed to, beside loopback."
    )
    any_address: bool = Field(
        default=False,
        description="Accept requests addressed to an IP address; set when not bound to loopback.",
    )
    max_upload_bytes: int = Field(8 << 20, gt=0, description="Largest uploaded image file.")
    max_upload_pixels: int = Field(
        16_000_000, gt=0, description="Most pixels of an uploaded image, checked before decoding."
    )
    uploads_bytes: int = Field(
        64 << 20, gt=0, description="Memory for uploaded images; the least recently used go first."
    )
    max_body_bytes: int = Field(
        12 << 20, gt=0, description="Largest body of any request, uploads included."
    )
    max_url_bytes: int = Field(16_384, gt=0, description="Longest path and query string.")
    refresh_seconds: float = Field(
        1.0, ge=0, description="How often, at most, to look for a newer version of the archive."
    )
    threads: int = Field(8, gt=0, description="Requests that are worked on at the same time.")
    memory: int = Field(
        2 << 30,
        ge=LEAST,
        description="Bytes that the process may take, besides files of the archive that the system "
        "holds in memory: half a GiB for itself, and of the rest half for what is kept between "
        "requests and half for requests under way.",
    )
    patience_seconds: float = Field(
        10.0, gt=0, description="How long a request waits for memory before it is refused with 503."
    )
    max_requests: int = Field(
        256, gt=0, description="Requests under way or waiting; more are refused with 503 at once."
    )
    versions: int = Field(
        4, gt=0, description="Earlier versions of the archive that are held open for later pages."
    )
    shared: str | None = Field(
        None,
        description="A folder or object-store prefix in which uploaded images are kept for all "
        "server processes that are given the same; by default each keeps its own in memory.",
    )
    similar: int = Field(12, gt=0, description="Similar objects shown beside an object.")
    neighbour_arcsec: float = Field(
        60.0, gt=0, le=3600, description="How far on the sky to look for neighbours of an object."
    )
    rerank: JudgeSettings | None = Field(
        None,
        description="The model that may look at hits, and what all clients together may spend on "
        "it from the start of the server to its end.",
    )
    rerank_candidates: int = Field(
        1000, gt=0, description="Most hits that one request may have re-ranked."
    )
    rerank_jobs: int = Field(
        32, gt=0, description="Re-rankings that are remembered; the oldest that are over go first."
    )
    examples: tuple[str, ...] = Field(
        ("spiral galaxy", "edge-on disk", "red elliptical galaxy", "two galaxies close together"),
        description="Searches offered on the first page of an archive that knows words.",
    )
