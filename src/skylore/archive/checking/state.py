"""Whether what steps keep beside the objects agrees with them, and what was left lying about."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from skylore.archive.checking.finding import Finding, Scope, in_words, listed, note, problem
from skylore.archive.checking.reading import attempted
from skylore.archive.provenance import provenance_of
from skylore.archive.schema import ID
from skylore.archive.staging import ROW, Staging

__all__ = ["CHECKS", "leftovers", "set_aside", "staged"]

TEMPORARY = ("*.tmp", "*.tmp.*", ".tmp*", "*.part", "*.partial")


def staged(scope: Scope) -> Iterator[Finding]:
    """Read the finished batches that are not folded into the objects yet."""
    for step in _staged_steps(scope):
        table = attempted(Staging(scope.archive.location, step).read)
        if isinstance(table, BaseException):
            yield problem(
                staged,
                f"finished work of {step} cannot be read ({in_words(table)}); remove the folder "
                f"staging/{step}.lance and run skylore {step} again",
            )
            continue
        rows = table.num_rows
        gone = rows - scope.archive.take(table[ROW], [ID]).num_rows
        more = f", {gone} of them for objects deleted since" if gone else ""
        yield note(
            staged, f"{rows} rows of {step} are finished{more}, and taken in when it runs again"
        )


def _staged_steps(scope: Scope) -> list[str]:
    location = scope.archive.location
    if not location.is_local:
        made = (provenance_of(field) for field in scope.archive.schema)
        steps = {p.step for p in made if p is not None}
    else:
        steps = {path.stem for path in (location.folder / "staging").glob("*.lance")}
    return [
        s
        for s in sorted(steps)
        if location.has_table(f"staging/{s}") and Staging(location, s).rows()
    ]


def set_aside(scope: Scope) -> Iterator[Finding]:
    """Check that what was set aside is listed once, and has no value."""
    table = attempted(scope.archive.quarantine.read)
    if isinstance(table, BaseException):
        yield problem(
            set_aside,
            f"the list of failures cannot be read ({in_words(table)}); remove the folder "
            "failures.lance and run the steps again",
        )
        return
    keys = table.select(["step", ID])
    if keys.group_by(["step", ID]).aggregate([]).num_rows != keys.num_rows:
        yield problem(
            set_aside, "an object is listed twice for one step; run it with --retry-failed"
        )
    unsettled = set(_staged_steps(scope))
    for step in sorted(set(table["step"].to_pylist()) - unsettled):
        names = _filled_all_the_same(scope, step, table)
        if names:
            yield problem(
                set_aside,
                f"{len(names)} objects were set aside by {step} and have its value all the same "
                f"({listed(names)}); run skylore {step} --retry-failed",
            )


def _filled_all_the_same(scope: Scope, step: str, table: pa.Table) -> list[object]:
    schema = scope.archive.schema
    made = {field.name: provenance_of(field) for field in schema}
    outputs = [n for n, p in made.items() if p is not None and p.step == step != "ingest"]
    rows = table.filter(pa.compute.equal(table["step"], step))["row"].drop_null()
    if not outputs or not len(rows):
        return []
    found = scope.archive.take(rows, [ID, *outputs])
    filled = [pa.compute.is_valid(found[name]) for name in outputs]
    some = filled[0]
    for each in filled[1:]:
        some = pa.compute.or_(some, each)
    names: list[object] = found[ID].filter(some).to_pylist()
    return names


def leftovers(scope: Scope) -> Iterator[Finding]:
    """List temporary files that a killed process left behind."""
    if not scope.archive.location.is_local:
        return
    folder = scope.archive.location.folder
    found: set[Path] = {path for pattern in TEMPORARY for path in folder.rglob(pattern)}
    if found:
        names = sorted(str(path.relative_to(folder)) for path in found)
        yield note(
            leftovers,
            f"{len(names)} temporary files ({listed(names)}); remove them when nothing is running",
        )


CHECKS = (staged, set_aside, leftovers)
