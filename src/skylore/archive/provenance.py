"""How a column came to be, kept in the metadata of its field."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from skylore import __version__

__all__ = ["Provenance", "provenance_of", "with_provenance"]

KEY = b"skylore:provenance"


class Provenance(BaseModel):
    """Where the values of a column come from.

    Attributes
    ----------
    step
        The step that made it, such as ``ingest`` or ``embed``.
    parameters
        Everything that changes the values: preprocessing, prompt digest, settings.
    model, revision
        The model's name, and the digest of its weights and settings.
    inputs
        Recipes of the columns that it was made from, by the step that made them: values made from
        other inputs are other values.
    reads
        The columns that the step read; None where that was not recorded.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    step: str
    parameters: Mapping[str, JsonValue] = Field(default_factory=dict)
    model: str | None = None
    revision: str | None = None
    inputs: Mapping[str, str] = Field(default_factory=dict)
    reads: tuple[str, ...] | None = None
    skylore_version: str = __version__
    created: datetime = Field(default_factory=lambda: datetime.now(UTC).replace(microsecond=0))

    def same_recipe(self, other: Provenance) -> bool:
        """Whether both would give the same values for the same row."""
        return self.recipe == other.recipe

    @property
    def text_encoder(self) -> tuple[str, str] | None:
        """Name and revision of the encoder whose texts share this space; None if none do."""
        match self.parameters.get("text_encoder"):
            case {"name": str(name), "revision": str(revision)}:
                return name, revision
        return None

    @property
    def recipe(self) -> str:
        """A digest of all that determines the values."""
        recipe = json.dumps(self.model_dump(mode="json", include=RECIPE), sort_keys=True)
        return hashlib.sha256(recipe.encode()).hexdigest()[:16]

    def __str__(self) -> str:
        """Show step and model in one line."""
        return f"{self.step} by {self.model}" if self.model else self.step


RECIPE = {"step", "parameters", "model", "revision", "inputs"}


def with_provenance(field: pa.Field, provenance: Provenance) -> pa.Field:
    """Give the field with its provenance, keeping its other metadata."""
    metadata = dict(field.metadata or {})
    return field.with_metadata({**metadata, KEY: provenance.model_dump_json().encode()})


def provenance_of(field: pa.Field) -> Provenance | None:
    """Read the provenance of a field; None if it has none."""
    raw = (field.metadata or {}).get(KEY)
    return Provenance.model_validate_json(raw) if raw else None
