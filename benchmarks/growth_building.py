"""Building one size of an index of codes whose vectors are made while they are read."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.growth_source import PART, Account, Generated
from benchmarks.growth_truth import Truth, brightness_of
from benchmarks.usage import size_of
from benchmarks.vectors import HELD_OUT, mixture
from skylore.search.codes.building import build
from skylore.search.codes.manifest import Manifest
from skylore.search.codes.options import CodeOptions

__all__ = ["JUDGED", "QUERIES", "Size", "build_size", "whole"]

QUERIES, JUDGED = 100, 40
"""Held-out queries: all are timed, and the first are judged against exact answers."""
EVERY = 0.1
"""Seconds between two looks at the memory."""


@dataclass(frozen=True)
class Size:
    """A number of rows, and where its index and its results are kept.

    Sizes with the same number of lists share a folder: the index of the larger goes on from that of
    the smaller, as an archive's does when rows are appended.
    """

    work: Path
    rows: int
    dimension: int

    @property
    def codes(self) -> Path:
        """The folder of the index."""
        return self.work / f"codes-{CodeOptions().lists_for(self.rows)}"

    @property
    def built(self) -> Path:
        """What building took."""
        return self.work / f"built-{self.rows}.json"

    @property
    def asked(self) -> Path:
        """What answers took."""
        return self.work / f"asked-{self.rows}.json"

    @property
    def exact(self) -> Path:
        """The exact answers."""
        return self.work / f"truth-{self.rows}.npz"

    @property
    def account(self) -> Account:
        """Where the build writes down what it takes."""
        return Account(self.work / f"{self.codes.name}.jsonl")

    @property
    def queries(self) -> NDArray[np.float32]:
        """Queries, shape ``(Q, D)``."""
        held_out = np.arange(HELD_OUT, HELD_OUT + QUERIES, dtype=np.uint64)
        return mixture(self.dimension).vectors(held_out)

    def truth(self) -> Truth:
        """Give the exact answers, as far as they are known."""
        return Truth(self.work, self.queries[:JUDGED], brightness_of(self.dimension))


def build_size(size: Size) -> None:
    """Build, or go on with, the index of a size; exact answers are found in the same pass."""
    size.codes.mkdir(parents=True, exist_ok=True)
    account, truth = size.account, size.truth()
    source = Generated(size.rows, size.dimension, account, truth)
    if truth.seen > len(source.parts()) and not size.exact.exists():
        raise SystemExit(f"{size.work} has seen more than {size.rows:,} rows; take another folder")
    _unmeasure(size.codes)
    with _watched(account):
        build(source, size.codes, CodeOptions(progress=False))
        account.note(0)
        _see_the_rest(source, truth)
    if not size.exact.exists():
        truth.save(size.exact)
    size.built.write_text(json.dumps(_summed(size)), encoding="utf-8")


def _unmeasure(folder: Path) -> None:
    """Have the build measure recall and costs anew, of all rows that there are then."""
    manifest = Manifest.load(folder)
    if manifest is not None:
        manifest.model_copy(update={"calibration": None, "costs": None}).save(folder)


def _see_the_rest(source: Generated, truth: Truth) -> None:
    """Find the exact answers of parts that were coded before their truth was kept."""
    unseen = list(source.parts())[truth.seen :]
    for part in unseen:
        for _ in source.read(part):
            pass


@contextmanager
def _watched(account: Account) -> Iterator[None]:
    done = threading.Event()

    def look() -> None:
        while not done.wait(EVERY):
            account.look()

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _summed(size: Size) -> dict[str, float]:
    lines = [json.loads(line) for line in size.account.file.read_text("utf-8").splitlines()]
    last = max(n for n, line in enumerate(lines) if line["rows"] == 0)
    coding = [line for line in lines[:last] if line["rows"]]
    measuring = lines[last]["cpu"] - lines[last]["made"]
    own = {key: sum(line[key] for line in coding) for key in ("wall", "cpu", "made", "truth")}
    own["wall"] += lines[last]["wall"]
    return {
        "rows": size.rows,
        "coded": sum(line["rows"] for line in coding),
        **own,
        "measuring": measuring,
        "build": own["cpu"] - own["made"] - own["truth"] + measuring,
        "peak": max(line["peak"] for line in lines[: last + 1]),
        "disk": size_of(size.codes),
    }


def whole(rows: float) -> int:
    """Round a number of rows to whole parts."""
    return max(PART, round(rows / PART) * PART)
