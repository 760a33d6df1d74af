"""The API reference, drawn from the OpenAPI description."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Operation", "operations_of"]


@dataclass(frozen=True)
class Operation:
    """One method of one path."""

    method: str
    path: str
    summary: str
    description: str
    parameters: Sequence[Mapping[str, Any]]
    body: str


def operations_of(openapi: Mapping[str, Any]) -> list[Operation]:
    """List the operations of an OpenAPI description, in its order."""
    schemas = openapi.get("components", {}).get("schemas", {})
    return [
        Operation(
            method=method.upper(),
            path=path,
            summary=given.get("summary", ""),
            description=given.get("description", "").replace("``", ""),
            parameters=given.get("parameters", ()),
            body=_body(given.get("requestBody", {}), schemas),
        )
        for path, methods in openapi["paths"].items()
        for method, given in methods.items()
    ]


def _body(given: Mapping[str, Any], schemas: Mapping[str, Any]) -> str:
    """Give the JSON schema of a request's body, with the schemas that it names."""
    for content in given.get("content", {}).values():
        name = content["schema"].get("$ref", "").rpartition("/")[2]
        wanted, found = [name], {}
        while wanted:
            each = wanted.pop()
            if each in schemas and each not in found:
                found[each] = schemas[each]
                wanted += _named(schemas[each])
        return json.dumps(found, indent=2, ensure_ascii=False)
    return ""


def _named(value: object) -> list[str]:
    """Find the names of the schemas that a schema refers to."""
    if isinstance(value, dict):
        own = [str(value["$ref"]).rpartition("/")[2]] if "$ref" in value else []
        return own + [name for each in value.values() for name in _named(each)]
    return [name for each in value for name in _named(each)] if isinstance(value, list) else []
