"""Uploaded images, in memory for as long as there is room."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict

from skylore.app.failures import UploadExpiredError
from skylore.app.settings import ServerSettings
from skylore.errors import ImageError
from skylore.imaging.decode import to_display

__all__ = ["Uploads", "digest_of"]


def digest_of(data: bytes) -> str:
    """Give the name of an image in URLs: SHA-256, shortened to 128 bits."""
    return hashlib.sha256(data).hexdigest()[:32]


class Uploads:
    """Images by the digest of their content; the least recently used make room."""

    def __init__(self, settings: ServerSettings) -> None:
        self._settings = settings
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._lock = threading.Lock()

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
        shown = to_display(data, max_pixels=self._settings.max_upload_pixels).data
        if len(shown) > self._settings.uploads_bytes:
            raise ImageError("the image is too large to be kept; send a smaller cutout")
        digest = digest_of(shown)
        with self._lock:
            self._kept[digest] = shown
            self._kept.move_to_end(digest)
            while sum(map(len, self._kept.values())) > self._settings.uploads_bytes:
                self._kept.popitem(last=False)
        return digest

    def get(self, digest: str) -> bytes:
        """Give an image by its digest.

        Raises
        ------
        UploadExpiredError
            It made room for others, or the server was started anew.
        """
        with self._lock:
            if digest not in self._kept:
                raise UploadExpiredError(
                    f"the uploaded image {digest[:8]} is no longer here: choose it again"
                )
            self._kept.move_to_end(digest)
            return self._kept[digest]
