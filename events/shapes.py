"""The shapes of events as JSON Schemas, from their classes: what others are told, and what is recorded. Pure."""

from collections.abc import Mapping
from typing import Any

import msgspec

from events.envelope import Kind

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def public_shape(kind: Kind) -> dict[str, Any]:
    """The JSON Schema of an event's ``data`` in an announcement: without its personal fields."""
    found = recorded_shape(kind)["fields"]
    properties = {
        name: shape for name, shape in found["properties"].items() if name not in kind.personal
    }
    required = [name for name in found.get("required", []) if name not in kind.personal]
    return {
        "$schema": _DIALECT,
        "title": kind.name,
        "description": " ".join((kind.cls.__doc__ or "").split()),
        "x-schemaversion": str(kind.schema),
        "type": "object",
        "properties": properties,
        "required": required,
        **({"$defs": found["$defs"]} if "$defs" in found else {}),
    }


def recorded_shape(kind: Kind) -> dict[str, Any]:
    """All that must not change of an event without a new schema version: its fields, what is sealed, and its key."""
    schema = msgspec.json.schema(kind.cls)
    definitions = {name: _bare(each) for name, each in schema["$defs"].items()}
    fields = definitions.pop(kind.cls.__name__)
    if definitions:
        fields["$defs"] = definitions
    return {"fields": fields, "personal": sorted(kind.personal), "key": list(kind.key)}


def _bare(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Without the title and the description: they may be said better at any time."""
    return {name: each for name, each in schema.items() if name not in {"title", "description"}}
