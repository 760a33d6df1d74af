"""Captions by a model, against a real server on loopback: speed, faults, budget and SIGKILL.

``python -m benchmarks.captions``: 1,000 small images; the server takes half a second to answer.
Where nothing goes wrong, captioning takes turns with a bare client that sends the same requests,
already drawn, as many at once, and keeps nothing: what both lose is lost to the machine.
"""

from __future__ import annotations

import asyncio
import json
import math
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.report import arguments, publish, table
from skylore.archive.fill import FillOptions
from skylore.archive.table import Archive
from skylore.captions.asking import make_settings
from skylore.captions.service import caption_by_model
from skylore.vlm.calls import Call
from skylore.vlm.pictures import Picture, data_url, make_view
from skylore.vlm.places import kept_answers
from skylore.vlm.prompts import load_prompt
from skylore.vlm.store import AnswerStore

TESTS = Path(__file__).parents[1] / "tests"
sys.path.insert(0, str(TESTS))

LATENCY = 0.5
CONCURRENCY = 64
PRICE_IN, PRICE_OUT = 0.4, 1.6
FAULTS = ("500=0.01", "429=0.01", "cut=0.01", "midway=0.01", "truncated=0.01")


@dataclass(frozen=True)
class Served:
    """What a server did, by its own account.

    ``paid_twice`` counts whole answers that were charged for although the same had been delivered.
    """

    requests: int
    charged: float
    paid_twice: int
    cut_off: int


@contextmanager
def server(*options: object) -> Iterator[str]:
    """Run a server in a process of its own, and give its URL."""
    process = subprocess.Popen(
        [sys.executable, "-m", "vlm.server", "--latency", str(LATENCY), *map(str, options)],
        cwd=TESTS,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        if process.stdout is None:
            raise AssertionError("its output was asked for")
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.communicate()


def account(url: str) -> Served:
    """Ask a server what it did."""
    with urllib.request.urlopen(url.removesuffix("/v1") + "/log") as answer:
        log: list[dict[str, Any]] = json.load(answer)
    charged = [entry for entry in log if entry["charged"]]
    whole = [entry["request"] for entry in charged if entry["delivered"]]
    return Served(
        requests=len(log),
        charged=sum(e["tokens_in"] * PRICE_IN + e["tokens_out"] * PRICE_OUT for e in charged) / 1e6,
        paid_twice=len(whole) - len(set(whole)),
        cut_off=sum(e["fault"] == "hung up" for e in log),
    )


def run(archive: Archive, url: str, *, budget: float = 50.0) -> tuple[float, float]:
    """Caption everything; gives the seconds it took, and the processor's."""
    settings = make_settings(
        "openai:seer-1",
        base_url=url,
        budget=f"{budget}USD",
        price_in=PRICE_IN,
        price_out=PRICE_OUT,
        image_size=256,
        concurrency=CONCURRENCY,
    )
    began, worked = time.monotonic(), time.process_time()
    caption_by_model(archive, settings, FillOptions(progress=False), lambda _: True)
    return time.monotonic() - began, time.process_time() - worked


def row(name: str, archive: Path, url: str, budget: float, **more: object) -> list[object]:
    """Compare what the archive holds with what the server says."""
    opened, served = Archive.open(archive), account(url)
    store = AnswerStore(kept_answers(opened, "answers"))
    spent = store.spent() / 1e12
    store.close()
    aside = opened.quarantine.read("caption").num_rows
    captioned = opened.filled("caption")
    lost = 0 if more.get("exhausted") else len(opened) - captioned - aside
    overrun = max(0.0, served.charged - budget, spent - budget)
    return [
        name,
        more.get("seconds", "–"),
        more.get("ratio", "–"),
        captioned,
        lost,
        aside,
        served.requests,
        more.get("kept_again", "–"),
        served.paid_twice,
        f"{served.charged:.4f} / {spent:.4f} / {budget:g}",
        f"{overrun:g}",
    ]


def bare(archive: Archive, url: str) -> float:
    """Send the same requests with nothing around them; gives the seconds it took."""
    import openai

    view, prompt = make_view(256), load_prompt("describe")
    pictures = [Picture(image, view) for image in archive.read(["image"])["image"].to_pylist()]
    bodies = [
        Call(prompt, prompt.user, picture).body("seer-1", data_url(picture), "max_tokens")
        for picture in pictures
    ]

    async def send() -> float:
        turns = asyncio.Semaphore(CONCURRENCY)
        client = openai.AsyncOpenAI(api_key="none", base_url=url, max_retries=0)

        async def ask(body: dict[str, Any]) -> None:
            async with turns:
                await client.post("/chat/completions", body=body, cast_to=object)

        began = time.monotonic()
        await asyncio.gather(*map(ask, bodies))
        took = time.monotonic() - began
        await client.close()
        return took

    return asyncio.run(send())


def clean(folder: Path, rows: int, repeats: int) -> list[list[object]]:
    """Caption where nothing goes wrong, in turns with the bare client."""
    from vlm.galaxies import make_archive

    warm = make_archive(folder / "warm.skylore", 4)
    with server() as url:
        run(warm, url)
    ours, theirs, processor, last = [], [], [], []
    for number in range(repeats):
        path = folder / f"clean-{number}.skylore"
        archive = make_archive(path, rows, size=96)
        with server() as url:
            seconds, worked = run(archive, url)
            ours.append(seconds)
            processor.append(worked)
            last = row("no faults", path, url, 50.0)
        with server() as url:
            theirs.append(bare(archive, url))
    ideal = math.ceil(rows / CONCURRENCY) * LATENCY
    pairs = [mine / other for mine, other in zip(ours, theirs, strict=True)]
    last[1] = f"{spread(ours)} s (processor {median(processor):.2f} s)"
    last[2] = f"{spread([seconds / ideal for seconds in ours])}; {spread(pairs)} of the bare client"
    beside = ["bare client, no faults", f"{spread(theirs)} s"]
    beside += [spread([seconds / ideal for seconds in theirs]), *["–"] * (len(HEADER) - 3)]
    return [last, [*beside]]


def spread(values: list[float]) -> str:
    """Write the median, and the least and the most."""
    return f"{median(values):.2f} [{min(values):.2f}, {max(values):.2f}]"


def faulty(folder: Path, rows: int, *, budget: float) -> list[object]:
    """One request in twenty goes wrong; broken answers are charged for all the same."""
    from vlm.galaxies import make_archive

    path = folder / f"faulty-{budget}.skylore"
    archive = make_archive(path, rows, size=96)
    with server(*(f"--fault={fault}" for fault in FAULTS)) as url:
        seconds, _ = run(archive, url, budget=budget)
        short = archive.filled("caption") < rows and budget < 50
        name = "5 % faults, budget too small" if short else "5 % faults"
        return row(name, path, url, budget, seconds=f"{seconds:.2f} s", exhausted=short)


def killed(folder: Path, rows: int, kills: int, *, idempotent: bool) -> list[object]:
    """Kill the process again and again, amid the same faults."""
    from vlm.galaxies import make_archive
    from vlm.killing import kill_until_done

    name = "knows" if idempotent else "ignores"
    path = folder / f"killed-{name}.skylore"
    archive = make_archive(path, rows)
    options = [f"--fault={fault}" for fault in FAULTS] + ["--idempotent"] * idempotent
    with server(*options) as url:
        outcome = kill_until_done(
            path,
            kept_answers(archive, "answers"),
            [url, "50USD", CONCURRENCY],
            lambda: account(url).requests,
            kills=kills,
            each=2 * rows // (kills + 1),
            seed=0,
        )
        title = f"5 % faults, {outcome.kills} × SIGKILL, server {name} Idempotency-Key"
        return row(title, path, url, 50.0, kept_again=outcome.kept_paid_again)


HEADER = [
    "what", "wall time", "over ideal", "captioned", "lost", "set aside", "requests",
    "kept answers paid for again", "whole answers charged twice",
    "charged / reckoned / budget (USD)", "overrun",
]  # fmt: skip


def main() -> None:
    """Run it."""
    parser = arguments(__doc__)
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--kills", type=int, default=20)
    options = parser.parse_args()
    before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = [
            *clean(folder, options.rows, options.repeats),
            faulty(folder, options.rows, budget=50.0),
            faulty(folder, options.rows, budget=0.2),
            killed(folder, options.rows, options.kills, idempotent=True),
            killed(folder, options.rows, options.kills, idempotent=False),
        ]
    load = f"Load of the machine, over a minute, at the beginning and the end: {before:.1f}, "
    load += f"{os.getloadavg()[0]:.1f}."
    publish("captions-by-model", f"{table(HEADER, rows)}\n\n{load}", write=options.write)


if __name__ == "__main__":
    main()
