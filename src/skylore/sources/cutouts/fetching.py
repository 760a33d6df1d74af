"""Fetching files over HTTP: politely, persistently, and none twice."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import NoReturn, TypeVar
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3
from urllib3.exceptions import HTTPError, MaxRetryError

from skylore import __version__
from skylore.errors import ImageError, SourceError
from skylore.sources.cutouts.cache import CutoutCache
from skylore.sources.cutouts.faults import AbsentError, StoppedError
from skylore.sources.cutouts.settings import Manners
from skylore.sources.cutouts.turns import Turns
from skylore.vlm.faults import PassingError, pause_before, retry_after

__all__ = ["Fetcher"]

T = TypeVar("T")

_LARGEST_ANSWER = 256 << 20
_CONNECT_SECONDS = 10.0
_ABSENT = {404, 410}
_REFUSED = {401, 403}
_PASSING = {408, 425, 429}
_OUTAGE = 5
"""Requests given up in a row, with no success between them, after which nobody seems to answer."""


class Fetcher:
    """Fetches answers by URL, from any number of threads.

    Parameters
    ----------
    cache
        Where answers are kept.
    manners
        How politely to ask.
    place
        The service's address.
    headers
        Sent with every request, to the service's own host alone.
    refusal
        What to do where the service refuses: whose account it needs.

    Attributes
    ----------
    fetched, kept
        Answers that were asked for, and that were there already.
    """

    def __init__(
        self,
        cache: CutoutCache,
        manners: Manners,
        *,
        place: str,
        headers: Mapping[str, str],
        refusal: str,
    ) -> None:
        self._cache = cache
        self._manners = manners
        self._place = place
        self._refusal = refusal
        self._pool = _pool(place, manners, headers)
        self._turns = Turns(manners.per_second)
        self._chance = random.Random()  # noqa: S311 - spreads requests in time
        self._given_up = 0
        self._refused: SourceError | None = None
        self._counting = threading.Lock()
        self.fetched = self.kept = 0

    def get(self, url: str, read: Callable[[Path], T]) -> T:
        """Read what lies at a URL, from the cache where it is there.

        Parameters
        ----------
        url
            Without credentials.
        read
            Reads the file; raises AbsentError if it says that there is no image, and ImageError
            if it is no such file at all.

        Raises
        ------
        AbsentError
            If the survey has no image there.
        ImageError
            If it could not be fetched this time.
        SourceError
            If nothing can be fetched: a wrong account, or a service that is down.
        StoppedError
            If the run was ended meanwhile.
        """
        known = self._cache.absence(url)
        if known is not None:
            self._count(kept=1)
            raise AbsentError(known)
        answer = self._cache.answer(url)
        if answer.exists():
            try:
                found = read(answer)
            except ImageError:  # cut short by a full disk, or by another program
                answer.unlink(missing_ok=True)
            else:
                self._count(kept=1)
                return found
        try:
            return self._fetch(url, read)
        except StoppedError:
            if self._refused is not None:
                raise self._refused from None
            raise

    def stop(self) -> None:
        """End all waiting: what is not under way yet is not asked any more."""
        self._turns.stop()

    def close(self) -> None:
        """Close the connections."""
        self._turns.stop()
        self._pool.clear()

    def _fetch(self, url: str, read: Callable[[Path], T]) -> T:
        attempt = 0
        while True:
            attempt += 1
            self._turns.take()
            try:
                found = self._attempt(url, read)
            except AbsentError as error:
                self._count(fetched=1)
                self._cache.keep_absence(url, str(error))
                raise
            except PassingError as fault:
                pause = pause_before(attempt, fault, self._chance)
                if fault.limited:
                    self._turns.close_for(pause)
                if attempt >= self._manners.attempts:
                    self._give_up(f"{fault}, at the last of {attempt} attempts")
                self._turns.sleep(pause)
            else:
                self._count(fetched=1)
                return found

    def _attempt(self, url: str, read: Callable[[Path], T]) -> T:
        body = self._request(url)
        with self._cache.draft(url) as draft:
            draft.write_bytes(body)
            try:
                found = read(draft)
            except AbsentError:
                raise
            except ImageError as error:
                reason = str(error).replace(str(draft), "the answer").rstrip(".")
                raise PassingError(f"{self._place} gave no usable image: {reason}") from None
            draft.replace(self._cache.answer(url))
        return found

    def _request(self, url: str) -> bytes:
        deadline = time.monotonic() + self._manners.timeout
        try:
            response = self._pool.request("GET", url, preload_content=False)
            try:
                body = b"" if response.status != 200 else _body(response, deadline)
            finally:
                # What was read whole is back in the pool already; all else would block it.
                response.close()
                response.release_conn()
        except (HTTPError, TimeoutError) as error:
            cause = error.reason if isinstance(error, MaxRetryError) and error.reason else error
            message = f"the connection to {self._place} failed ({type(cause).__name__})"
            raise PassingError(message) from None
        if response.status != 200:
            self._fault(response.status, response.headers.get("retry-after"))
        return body

    def _fault(self, status: int, after: str | None) -> NoReturn:
        if status in _ABSENT:
            raise AbsentError(f"The survey has no image there: {self._place} answers {status}.")
        if status in _REFUSED:
            self._refused = SourceError(
                f"{self._place} refuses to answer ({status}). {self._refusal}"
            )
            # Before this thread or another begins the next request, which would be refused too.
            self._turns.stop()
            raise self._refused
        if status in _PASSING or status >= 500:
            seconds = retry_after(after)
            limited = status == 429 or seconds > 0
            raise PassingError(f"{self._place} answers {status}", after=seconds, limited=limited)
        self._give_up(f"{self._place} answers {status}")

    def _give_up(self, reason: str) -> NoReturn:
        """Set this one aside; but where one after another is given up, nobody is there."""
        with self._counting:
            self._given_up += 1
            out = self._given_up >= _OUTAGE
        if out:
            raise SourceError(
                f"{self._place} answers nothing any more, the last time: {reason}. What was "
                "fetched is kept; run the same command again to go on."
            )
        raise ImageError(f"It could not be fetched: {reason}. --retry-failed tries again.")

    def _count(self, *, fetched: int = 0, kept: int = 0) -> None:
        with self._counting:
            self.fetched += fetched
            self.kept += kept
            if fetched:
                self._given_up = 0


def _pool(place: str, manners: Manners, headers: Mapping[str, str]) -> urllib3.PoolManager:
    """Connect as the environment says (``HTTPS_PROXY``, ``NO_PROXY``); retries are our own."""
    parts = urlsplit(place)
    proxy = None if proxy_bypass(parts.hostname or "") else getproxies().get(parts.scheme)
    connect = partial(urllib3.ProxyManager, proxy) if proxy else urllib3.PoolManager
    return connect(
        headers={"User-Agent": f"Skylore/{__version__} (galaxy image archive)", **headers},
        maxsize=manners.concurrency,
        block=True,
        timeout=urllib3.Timeout(connect=_CONNECT_SECONDS, read=manners.timeout),
        # The account is not sent on to another host, or without encryption, by a redirection.
        retries=urllib3.Retry(
            3, redirect=3, connect=0, read=0, other=0, respect_retry_after_header=False
        ),
    )


def _body(response: urllib3.BaseHTTPResponse, deadline: float) -> bytes:
    parts, size = [], 0
    for part in response.stream(1 << 16):
        size += len(part)
        if size > _LARGEST_ANSWER:
            raise PassingError(f"the answer is larger than {_LARGEST_ANSWER:,} bytes")
        if time.monotonic() > deadline:
            raise TimeoutError
        parts.append(part)
    return b"".join(parts)
