"""What an archive holds, for people."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Hashable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from skylore.archive.columns import Column, Version

if TYPE_CHECKING:
    import lance

    from skylore.archive.reading import Reading
    from skylore.archive.table import Archive

__all__ = ["FailureCount", "Summary", "bytes_in_words", "bytes_on_disk", "describe", "sources_of"]


@dataclass(frozen=True)
class FailureCount:
    """How many objects a step set aside for one reason, and one of them."""

    step: str
    kind: str
    count: int
    example: str
    reason: str


@dataclass(frozen=True)
class Summary:
    """What an archive holds.

    Attributes
    ----------
    place, rows, version
        Where it is, its number of objects, and its version.
    bytes
        Size on disk of all versions; None on an object store.
    sources
        Objects by source.
    columns
        Each column with the number of objects that have a value.
    indexes
        Indexed columns.
    failures
        What was set aside, by step and reason.
    """

    place: str
    rows: int
    version: Version
    bytes: int | None
    sources: dict[str, int]
    columns: list[tuple[Column, int]]
    indexes: list[str]
    failures: list[FailureCount]

    def to_json(self) -> dict[str, Any]:
        """Give it as JSON values."""
        return {
            "archive": self.place,
            "rows": self.rows,
            "version": self.version.number,
            "written": self.version.time.isoformat(),
            "bytes": self.bytes,
            "sources": self.sources,
            "columns": [
                {
                    "name": column.name,
                    "type": str(column.type),
                    "filled": filled,
                    "unit": column.unit,
                    "description": column.description,
                    "provenance": column.provenance and column.provenance.model_dump(mode="json"),
                }
                for column, filled in self.columns
            ],
            "indexes": self.indexes,
            "failures": [asdict(failure) for failure in self.failures],
        }

    def __str__(self) -> str:
        """Show it as text."""
        size = f", {bytes_in_words(self.bytes)}" if self.bytes is not None else ""
        state = f"version {self.version.number} of {self.version.time:%Y-%m-%d %H:%M}"
        lines = [f"{self.place}: {self.rows} objects, {state}{size}"]
        lines += [f"  {count} from {name}" for name, count in self.sources.items()]
        lines += ["", *_aligned(self.columns)]
        lines += ["", f"indexed: {', '.join(self.indexes) or 'nothing yet'}"]
        if self.failures:
            lines += ["", "set aside (try again with --retry-failed):"]
        lines += [
            f"  {f.step}: {f.count} × {f.kind}, such as {f.example}: {f.reason}"
            for f in self.failures
        ]
        return "\n".join(lines)


def describe(archive: Archive) -> Summary:
    """Summarise an archive."""
    return Summary(
        place=str(archive),
        rows=len(archive),
        version=archive.versions[-1],
        bytes=bytes_on_disk(archive),
        sources=sources_of(archive),
        columns=[(column, archive.filled(name)) for name, column in archive.columns.items()],
        indexes=[i.field_names[0] for i in archive.objects.describe_indices()],
        failures=_failures(archive),
    )


def sources_of(archive: Reading) -> dict[str, int]:
    """Count objects by source, most first; of later versions only what has changed is read."""
    known: dict[Hashable, Counter[str]] = archive.cached("sources", dict)
    fragments = {_state(fragment): fragment for fragment in archive.objects.get_fragments()}
    for made in [made for made in list(known) if made not in fragments]:
        known.pop(made, None)
    total: Counter[str] = Counter()
    for made, fragment in fragments.items():
        if made not in known:
            known[made] = _sources_in(fragment)
        total += known[made]
    return dict(total.most_common())


def _state(fragment: lance.LanceFragment) -> Hashable:
    """Give what is equal only where a fragment holds the same rows and values."""
    made, number = fragment.metadata, fragment.fragment_id
    deleted = str(made.deletion_file.path(number)) if made.deletion_file else ""
    return number, tuple(file.path for file in made.files), deleted, repr(made.overlays or "")


def _sources_in(fragment: lance.LanceFragment) -> Counter[str]:
    counts: Counter[str] = Counter()
    for batch in fragment.to_batches(columns=["source"]):
        for count in batch["source"].value_counts():
            counts[count["values"].as_py() or "unknown"] += count["counts"].as_py()
    return counts


def _failures(archive: Archive) -> list[FailureCount]:
    groups: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for failure in archive.quarantine.read().to_pylist():
        groups.setdefault((failure["step"], failure["kind"], failure["reason"]), []).append(failure)
    return [
        FailureCount(step, kind, len(found), found[0]["id"], reason)
        for (step, kind, reason), found in groups.items()
    ]


def bytes_on_disk(archive: Reading) -> int | None:
    """Measure all files of an archive, of all versions; None on an object store."""
    if not archive.location.is_local:
        return None
    total = 0
    for path in archive.location.folder.rglob("*"):
        with contextlib.suppress(FileNotFoundError):  # another process tidies up
            total += path.stat().st_size if path.is_file() else 0
    return total


def _aligned(columns: list[tuple[Column, int]]) -> list[str]:
    names = max(len(column.name) for column, _ in columns)
    rows = []
    for column, filled in columns:
        made = str(column.provenance) if column.provenance else "ingest"
        unit = f" [{column.unit}]" if column.unit else ""
        rows.append(f"  {column.name:<{names}} {filled:>9} {made:<24} {column.description}{unit}")
    return [line.rstrip() for line in rows]


def bytes_in_words(size: int) -> str:
    """Show a size with three digits."""
    value, units = float(size), ["B", "kB", "MB", "GB", "TB"]
    while value >= 1000 and len(units) > 1:
        value /= 1000
        units.pop(0)
    return f"{value:.3g} {units[0]}"
