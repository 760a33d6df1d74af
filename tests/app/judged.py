"""A model on loopback that looks at the galaxies of the tests, and servers that offer it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from app.galaxies import SIDE, pixels
from skylore.archive.table import Archive
from skylore.search.reranking.judge_settings import JudgeSettings
from skylore.vlm.pictures import Picture, ViewSettings, data_url
from vlm.server import image_of

__all__ = ["KEY", "PRICES", "certainty_of", "copied", "judging", "pick_by"]

KEY = "sk-very-secret-0123456789"
PRICES = {"price_in": 0.4, "price_out": 1.6}
COUNT = 45
REFUSED = 7


def certainty_of(number: int) -> int:
    """Say how certain the model is of a galaxy: of each tenth the most."""
    return 1 + number % 10


def pick_by(says: Callable[[int], str | None]) -> Callable[[dict[str, Any], int], str | None]:
    """Let the server answer by the number of the galaxy that it is shown."""
    view = ViewSettings(size=SIDE)
    numbers = {data_url(Picture(pixels(i), view)): i for i in range(COUNT)}
    return lambda asked, _nth: says(numbers[image_of(asked)])


def certain(number: int) -> str:
    """Answer as the model does, which refuses one galaxy."""
    if number == REFUSED:
        return "refusal"
    return f'says {{"answer": "{certainty_of(number)}"}}'


def judging(url: str, **asked: Any) -> JudgeSettings:
    """Offer the model at a URL."""
    given = {"budget": "1USD", "image_size": SIDE, **PRICES, **asked}
    return JudgeSettings.build("openai:seer-1", base_url=url, **given)


def copied(archive: Archive, folder: Path) -> Archive:
    """Copy an archive, so that answers kept beside it are of one test."""
    shutil.copytree(archive.location.root, folder / "hdf.skylore")
    return Archive.open(folder / "hdf.skylore")
