"""A server in a process of its own, as users run it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from skylore.app.settings import ServerSettings

__all__ = ["address_of", "process_of", "running"]

RUN = """
import sys
from skylore.app.server import serve
from skylore.app.settings import ServerSettings
serve(sys.argv[1], port=0, settings=ServerSettings.model_validate_json(sys.argv[2]))
"""


@contextmanager
def running(archive: str, settings: ServerSettings | None = None) -> Iterator[str]:
    """Serve an archive on a free port; gives the address that the server prints."""
    with process_of(archive, settings) as process:
        yield address_of(process)


@contextmanager
def process_of(
    archive: str, settings: ServerSettings | None = None, **environment: str
) -> Iterator[subprocess.Popen[str]]:
    """Start a server, and end it."""
    given = (settings or ServerSettings()).model_dump_json()
    process = subprocess.Popen(
        [sys.executable, "-c", RUN, archive, given],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(10)
        if process.stdout is not None:
            process.stdout.close()


def address_of(process: subprocess.Popen[str]) -> str:
    """Read the address that a server prints."""
    assert process.stdout is not None
    line = process.stdout.readline()
    found = re.search(r"http://127\.0\.0\.1:\d+", line)
    assert found, line
    return found[0]
