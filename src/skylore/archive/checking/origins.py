"""Whether it is known how each column came to be, and what made it is still there."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import ValidationError

from skylore.archive.checking.finding import Finding, Scope, in_words, note, problem
from skylore.archive.location import Location
from skylore.archive.provenance import Provenance, provenance_of
from skylore.archive.schema import VECTORS, base_schema

__all__ = ["CHECKS", "models", "provenance"]

SHARED = VECTORS[0]
"""The column whose model an archive keeps; encoders are found by their names."""
PARTS = ("config.json", "model.safetensors")


def provenance(scope: Scope) -> Iterator[Finding]:
    """Check that each column says how it came to be, and from columns that are there."""
    schema = scope.archive.schema
    given = set(base_schema(schema.field("id").type).names)
    for field in schema:
        if field.name in given:
            continue
        try:
            made = provenance_of(field)
        except ValidationError as error:
            yield problem(
                provenance,
                f"what {field.name} says of its making cannot be read ({in_words(error)}); use "
                "the Skylore that made it, or make the column anew with --overwrite",
            )
            continue
        if made is None and scope.archive.filled(field.name):
            yield problem(
                provenance,
                f"{field.name} does not say how it came to be; write it through a step or "
                "skylore ingest --join, or drop it",
            )
        gone = [name for name in (made and made.reads) or () if name not in schema.names]
        if gone:
            yield note(provenance, f"{field.name} was made from {gone[0]}, which was dropped")


def models(scope: Scope) -> Iterator[Finding]:
    """Check that the model of the shared space is kept whole."""
    schema = scope.archive.schema
    made = provenance_of(schema.field(SHARED)) if SHARED in schema.names else None
    if made is None or made.step == "ingest" or made.revision is None:
        return
    for part in _missing(scope.archive.location, made):
        yield problem(
            models,
            f"models/{made.revision}/{part}, by which words find {SHARED}, is missing; copy it "
            "from another copy of the archive, or run skylore align --overwrite",
        )


def _missing(location: Location, made: Provenance) -> list[str]:
    folder = f"models/{made.revision}"
    if location.is_local:
        return [part for part in PARTS if not (location.folder / folder / part).is_file()]
    there = {name.rsplit("/", 1)[-1] for name in location.session().list(folder)}
    return [part for part in PARTS if part not in there]


CHECKS = (provenance, models)
