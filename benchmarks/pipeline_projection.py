"""What large archives take, reckoned from the published cost of each stage.

Each stage costs as much an object however many there are: steps work on a row at a time, and the
lists of codes, of which the cost of coding depends, are as many as they ever get. What does not
grow so is said in docs/scale.md.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.report import DOCUMENT, publish, table

__all__ = ["project"]

SCALE = DOCUMENT.parent / "scale.md"
SIZES = {"1 million": 1e6, "140 million": 1.4e8, "1 billion": 1e9, "10 billion": 1e10}
NOT_AN_OBJECT = "search"
"""Its row is of searches."""
CODES = "index: codes"
COLUMNS = 2
"""Of vectors, each with codes: the images' own, and those shared with words."""
TOKENS = (755, 478)
"""In and out, an image: measured by AION-Search (arXiv 2512.11982) on its published answers."""
PRICES = (0.40, 1.60)
"""Of a million tokens in and out, in dollars: the list price of the model that it used."""
IN_BATCHES = 0.5
"""Share of the list price that answers within a day cost."""


def costs(document: Path) -> dict[str, tuple[float, float]]:
    """Read core seconds a million and bytes an object by stage from the published table."""
    text = document.read_text(encoding="utf-8")
    section = text.split("<!-- begin pipeline-cost -->")[1].split("<!-- end pipeline-cost -->")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    header, *body = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines)
    seconds, size = header.index("core seconds a million"), header.index("bytes an object")
    return {
        row[0]: (_number(row[seconds]), _number(row[size]))
        for row in body
        if row[0] not in ("---", NOT_AN_OBJECT)
    }


def _number(cell: str) -> float:
    return float(cell.split(maxsplit=1)[0].replace(",", "")) if cell else 0.0


def rows_of(taken: dict[str, tuple[float, float]]) -> list[list[object]]:
    """Multiply: core hours, then disk, memory, and what a model's captions cost."""
    times = {s: t * (COLUMNS if s == CODES else 1) / 3600e6 for s, (t, _) in taken.items()}
    sizes = {s: size * (COLUMNS if s == CODES else 1) for s, (_, size) in taken.items()}
    tokens_in, tokens_out = TOKENS
    price = (tokens_in * PRICES[0] + tokens_out * PRICES[1]) / 1e6
    rows = [_row(f"{stage}, core hours", hours, "") for stage, hours in times.items()]
    rows.append(_row("all stages, core hours", sum(times.values()), ""))
    rows += [_row(f"{stage}, disk", size, "B") for stage, size in sizes.items() if size]
    rows.append(_row("all of it, disk", sum(sizes.values()), "B"))
    rows.append(_row("codes of one column, mapped memory", taken[CODES][1], "B"))
    rows.append(_row("captions by a model, billion tokens in", tokens_in / 1e9, ""))
    rows.append(_row("captions by a model, billion tokens out", tokens_out / 1e9, ""))
    rows.append(_row("captions by a model, at once", price, "$"))
    rows.append(_row("captions by a model, in batches", IN_BATCHES * price, "$"))
    return rows


def _row(name: str, an_object: float, unit: str) -> list[object]:
    return [name, *(shown(an_object * count, unit) for count in SIZES.values())]


def shown(value: float, unit: str) -> str:
    """Write a figure to two digits: no more is known."""
    if unit == "B":
        for prefix, size in (("PB", 1e15), ("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
            if value >= size:
                return f"{_two_digits(value / size)} {prefix}"
    text = _two_digits(value)
    return f"${text}" if unit == "$" else text


def _two_digits(value: float) -> str:
    rounded = float(f"{value:.2g}")
    return f"{rounded:,.0f}" if rounded >= 10 else f"{rounded:g}"


def project(*, write: bool) -> None:
    """Print the table, and put it into docs/scale.md if asked to."""
    rows = rows_of(costs(DOCUMENT))
    publish("projection", table(["", *SIZES], rows), write=write, document=SCALE)
