"""A server of embeddings for tests."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler], patch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let an OpenAI client speak to a server of this machine, with a secret key."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    patch.setenv("OPENAI_BASE_URL", f"http://127.0.0.1:{server.server_port}/v1")
    patch.setenv("OPENAI_API_KEY", "sk-very-secret")
    yield
    server.shutdown()
    thread.join()
    server.server_close()
