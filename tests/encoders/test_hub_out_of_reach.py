"""A hub that is silent is not asked again and again."""

from __future__ import annotations

import socketserver
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

pytest.importorskip("transformers")
from huggingface_hub import constants

from skylore.encoders import hub_files
from skylore.encoders.registry import load_image_encoder
from skylore.errors import ModelError


class Hub(HTTPServer):
    """Notes what it is asked for."""

    asked: list[str]


class KnowsNothing(BaseHTTPRequestHandler):
    def do_HEAD(self) -> None:
        self.server.asked.append(self.path)
        self.send_response(404)
        self.end_headers()

    def log_message(self, *said: object) -> None:
        """Keep the output clean."""


class HangsUp(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        self.server.asked.append("")


@pytest.fixture
def hub(request, monkeypatch, tmp_path) -> Iterator[Hub]:
    server = Hub(("127.0.0.1", 0), request.param)
    server.asked = []
    Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    hub_files._hub_answers.cache_clear()
    yield server
    server.shutdown()
    server.server_close()
    hub_files._hub_answers.cache_clear()


@pytest.mark.parametrize("hub", [HangsUp], indirect=True)
def test_a_silent_hub_is_not_asked_for_every_file_again_and_again(hub, caplog) -> None:
    with pytest.raises(ModelError, match=r"cannot be loaded.*with no network, give a folder"):
        load_image_encoder("hf:nobody/nothing")
    assert hub.asked
    assert "Retrying" not in caplog.text


@pytest.mark.parametrize("hub", [KnowsNothing], indirect=True)
def test_a_hub_that_answers_anything_at_all_is_there(hub) -> None:
    assert not hub_files.lacks_hub("nobody/nothing")
    assert not hub_files.lacks_hub("nobody/nothing")
    assert hub.asked == ["/"]


@pytest.mark.parametrize("hub", [HangsUp], indirect=True)
def test_folders_are_read_without_the_hub(hub, tmp_path) -> None:
    with pytest.raises(ModelError, match="cannot be loaded"):
        load_image_encoder(f"hf:{tmp_path}")
    assert hub.asked == []
