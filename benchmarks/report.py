"""Writing a benchmark's section of docs/benchmarks.md, between its two markers."""

from __future__ import annotations

import argparse
import os
import platform
from datetime import UTC, datetime
from pathlib import Path

DOCUMENT = Path(__file__).parents[1] / "docs" / "benchmarks.md"


def arguments(description: str | None) -> argparse.ArgumentParser:
    """Start a parser with the option that every benchmark has."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--write", action="store_true", help="put the figures into the document")
    return parser


def publish(name: str, text: str, *, write: bool, document: Path = DOCUMENT) -> None:
    """Print a section, and replace it in the document if asked to."""
    print(text)
    if not write:
        return
    begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    before, rest = document.read_text(encoding="utf-8").split(begin, 1)
    after = rest.split(end, 1)[1]
    section = f"{begin}\n\n{text.strip()}\n\n{machine()}\n\n{end}"
    document.write_text(before + section + after, encoding="utf-8")


def machine() -> str:
    """Say when and on what the figures were taken."""
    cores = len(os.sched_getaffinity(0))
    day = datetime.now(UTC).date().isoformat()
    return f"_{day}, {cores} shared cores, Python {platform.python_version()}._"


def table(header: list[str], rows: list[list[object]]) -> str:
    """Lay out a Markdown table."""
    lines: list[list[object]] = [[*header], ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)
