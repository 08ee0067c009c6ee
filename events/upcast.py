"""Old shapes of events brought up to date, one small function for each step from a schema version to the next."""

from collections.abc import Callable, Mapping
from typing import Any

Upcaster = Callable[[dict[str, Any]], dict[str, Any]]

# (event type, the schema version it reads): the function that turns its data into the next version's.
UPCASTERS: Mapping[tuple[str, int], Upcaster] = {}


def upcast(
    name: str,
    schema: int,
    current: int,
    data: dict[str, Any],
    upcasters: Mapping[tuple[str, int], Upcaster] = UPCASTERS,
) -> dict[str, Any]:
    """``data`` in the shape of schema version ``current``; ``KeyError`` if a step is missing."""
    for version in range(schema, current):
        data = upcasters[name, version](data)
    return data
