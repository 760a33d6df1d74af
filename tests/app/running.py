"""A server in a process of its own, as users run it."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["address_of", "running"]

RUN = "import sys; from skylore.app.server import serve; serve(sys.argv[1], port=0)"


@contextmanager
def running(archive: str) -> Iterator[str]:
    """Serve an archive on a free port; gives the address that the server prints."""
    process = subprocess.Popen(
        [sys.executable, "-c", RUN, archive], stdout=subprocess.PIPE, text=True
    )
    try:
        yield address_of(process)
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
