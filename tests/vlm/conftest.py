from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from skylore.archive.fill import FillOptions
from skylore.captions.asking import make_settings
from skylore.captions.service import CaptionReport, caption_by_model
from vlm.server import Behaviour, ModelServer

KEY = "sk-very-secret-0123456789"
PRICES = {"price_in": 0.4, "price_out": 1.6}


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)


@pytest.fixture(autouse=True)
def _quick_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("skylore.vlm.faults._FIRST_PAUSE", 0.02)


@pytest.fixture
def serve() -> Iterator[Callable[..., ModelServer]]:
    with ExitStack() as stack:
        yield lambda **how: stack.enter_context(ModelServer(Behaviour(**how)))


def run(archive, server, *, agree=lambda _: True, fill=None, **asked) -> CaptionReport:
    """Caption an archive in this process."""
    given = {"budget": "50USD", "image_size": 64, **PRICES, **asked}
    settings = make_settings("openai:seer-1", base_url=server.url, **given)
    options = FillOptions(progress=False, **(fill or {}))
    return caption_by_model(archive, settings, options, agree)


def everything_written(folder: Path) -> bytes:
    """Read every byte below a folder."""
    return b"".join(p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file())
