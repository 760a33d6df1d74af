"""Uploaded images, for as long as there is room."""

from __future__ import annotations

import hashlib
import re
import threading
from collections import OrderedDict

from skylore.app.failures import UploadExpiredError
from skylore.app.room import A_PIXEL, Shares
from skylore.app.settings import ServerSettings
from skylore.app.shelf import Shelf
from skylore.errors import ImageError
from skylore.imaging.decode import to_display

__all__ = ["Uploads", "digest_of"]

_DIGEST = re.compile(r"[0-9a-f]{32}")


def digest_of(data: bytes) -> str:
    """Give the name of an image in URLs: SHA-256, shortened to 128 bits."""
    return hashlib.sha256(data).hexdigest()[:32]


class Uploads:
    """Images by the digest of their content; the least recently used make room.

    They are in the memory of this process; where there is a shared shelf, they are there, too, and
    an image that came to another process is found.
    """

    def __init__(self, settings: ServerSettings) -> None:
        self._settings = settings
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._lock = threading.Lock()
        shares = Shares.of(settings.memory)
        self._most = min(settings.uploads_bytes, shares.caches // 4)
        self._pixels = min(settings.max_upload_pixels, shares.requests // A_PIXEL)
        self._decoding = threading.Lock()
        self._shelf = Shelf(settings.shared, settings.uploads_bytes) if settings.shared else None

    def add(self, data: bytes) -> str:
        """Check an image by decoding it whole, keep it as it is displayed, and name it.

        Raises
        ------
        ImageError
            It cannot be read, or is too large.
        """
        if len(data) > self._settings.max_upload_bytes:
            raise ImageError(
                f"the image file has {len(data)} bytes; at most {self._settings.max_upload_bytes} "
                "are taken: send a smaller cutout"
            )
        with self._decoding:  # one at a time: a large image takes much memory
            shown = to_display(data, max_pixels=self._pixels).data
        if len(shown) > self._most:
            raise ImageError("the image is too large to be kept; send a smaller cutout")
        digest = digest_of(shown)
        self._keep(digest, shown)
        if self._shelf is not None:
            self._shelf.put(digest, shown)
        return digest

    def _keep(self, digest: str, shown: bytes) -> None:
        with self._lock:
            self._kept[digest] = shown
            self._kept.move_to_end(digest)
            while sum(map(len, self._kept.values())) > self._most:
                self._kept.popitem(last=False)

    def get(self, digest: str) -> bytes:
        """Give an image by its digest.

        Raises
        ------
        UploadExpiredError
            It made room for others, the server was started anew, or it came to another process
            of those that serve an archive without a shared shelf.
        """
        with self._lock:
            if digest in self._kept:
                self._kept.move_to_end(digest)
                return self._kept[digest]
        shown = self._from_shelf(digest)
        if shown is None:
            raise UploadExpiredError(
                f"the uploaded image {digest[:8]} is no longer here: choose it again"
            )
        self._keep(digest, shown)
        return shown

    def _from_shelf(self, digest: str) -> bytes | None:
        if self._shelf is None or not _DIGEST.fullmatch(digest):
            return None
        shown = self._shelf.get(digest)
        return shown if shown is not None and digest_of(shown) == digest else None
