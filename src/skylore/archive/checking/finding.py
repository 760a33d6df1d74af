"""What a check looks at, and what it finds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from skylore.archive.reading import Reading

__all__ = [
    "Check",
    "CheckReport",
    "Finding",
    "Scope",
    "Tally",
    "in_words",
    "listed",
    "name_of",
    "note",
    "problem",
]

LISTED = 5
LONGEST = 200


@dataclass(frozen=True)
class Scope:
    """What is to be checked.

    Attributes
    ----------
    archive
        At the version that is checked.
    deep
        Read every value and every image; else a sample.
    sample
        Rows in a sample.
    seed
        Of the sample.
    """

    archive: Reading
    deep: bool = False
    sample: int = 256
    seed: int = 0


@dataclass(frozen=True)
class Finding:
    """One thing that was found.

    Attributes
    ----------
    check
        The check that found it.
    wrong
        Whether the archive is damaged; else it is something to know.
    message
        What is so, and what to do about it, in one line.
    """

    check: str
    wrong: bool
    message: str

    def __str__(self) -> str:
        """Say it in one line."""
        return f"{'problem' if self.wrong else 'note'}: {self.check}: {self.message}"


Check = Callable[[Scope], Iterator[Finding]]
"""A function whose name, with spaces, is the name of the check."""


@dataclass(frozen=True)
class CheckReport:
    """What was checked, and what was found.

    Attributes
    ----------
    place, version, rows
        The archive, and the version that was checked.
    deep
        Whether every value was read.
    checks
        Names of the checks.
    findings
        Problems and notes.
    seconds
        Duration.
    """

    place: str
    version: int
    rows: int
    deep: bool
    checks: tuple[str, ...]
    findings: tuple[Finding, ...]
    seconds: float

    @property
    def problems(self) -> tuple[Finding, ...]:
        """What is wrong."""
        return tuple(finding for finding in self.findings if finding.wrong)

    @property
    def whole(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems

    def to_json(self) -> dict[str, Any]:
        """Give it as JSON values."""
        values = {**asdict(self), "whole": self.whole}
        return {"archive": values.pop("place"), **values}

    def __str__(self) -> str:
        """Say it, a line a finding."""
        state = "whole" if self.whole else f"{len(self.problems)} problems"
        how = "all values read" if self.deep else "values sampled; --deep reads all"
        line = f"check: {self.rows} objects, version {self.version}, {len(self.checks)} checks"
        return "\n".join(
            [*map(str, self.findings), f"{line}: {state} ({how}; {self.seconds:.1f} s)"]
        )


@dataclass
class Tally:
    """Objects with the same fault, counted batch by batch."""

    count: int = 0
    names: list[object] = field(default_factory=list)

    def add(self, names: Sequence[object]) -> None:
        """Count some more."""
        self.count += len(names)
        self.names += names[: LISTED - len(self.names)]

    def __str__(self) -> str:
        """Say how many, and name the first few."""
        more = ", …" if self.count > len(self.names) else ""
        return f"{self.count} objects ({', '.join(map(str, self.names))}{more})"


def problem(check: Check, message: str) -> Finding:
    """Give a finding of damage."""
    return Finding(name_of(check), wrong=True, message=message)


def note(check: Check, message: str) -> Finding:
    """Give a finding that is no damage."""
    return Finding(name_of(check), wrong=False, message=message)


def name_of(check: Check) -> str:
    """Give the name of a check."""
    return str(getattr(check, "__name__", check)).replace("_", " ")


def listed(names: Sequence[object]) -> str:
    """Name the first few."""
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return ", ".join(str(name) for name in names[:LISTED]) + more


def in_words(error: BaseException) -> str:
    """Give an error in one short line."""
    return (" ".join(str(error).split()) or type(error).__name__)[:LONGEST]
