"""The append-only log of events: knows streams, not orders."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import psycopg
from psycopg.rows import class_row
from sqlalchemy import Connection, text

from events.chain import Link
from events.envelope import Cause, Recorded
from events.errors import Fenced, LedgerpressError, WrongExpectedVersion

# The SQLSTATEs that append() raises, and what they mean to its caller.
REFUSALS: Mapping[str, type[LedgerpressError]] = {"LP001": WrongExpectedVersion, "LP002": Fenced}


_APPEND = text("""
    select created from append(
        :stream, null, null, cast(:ids as uuid[]), cast(:types as text[]), cast(:schemas as smallint[]),
        cast(:data as text[]), :meta)
""")


# What ``arrays`` gives them by.
ARRAYS = ("ids", "types", "schemas", "data")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """An event ready to be appended: encoded, its personal fields sealed."""

    id: uuid.UUID
    type: str
    schema: int
    data: str


_READ = """
    select event_id as id, stream, version, type, schema, recorded_at, fence, data::text, meta::text, previous, hash
    from events where stream = %s and version > %s order by version
"""


def arrays(facts: Sequence[Fact]) -> dict[str, list[Any]]:
    """The facts as the parallel arrays that the database's functions take."""
    return {
        "ids": [fact.id for fact in facts],
        "types": [fact.type for fact in facts],
        "schemas": [fact.schema for fact in facts],
        "data": [fact.data for fact in facts],
    }


def literal(values: Iterable[object]) -> str:
    """A list as the text of a Postgres array: many times cheaper to make than what the driver makes of a list."""
    texts = [str(each).replace("\\", "\\\\").replace('"', '\\"') for each in values]
    return '{"' + '","'.join(texts) + '"}' if texts else "{}"


def metadata(cause: Cause, code: str) -> str:
    """What every event says about who, why and by which code, as stored."""
    told = {
        "correlation": cause.correlation,
        "causation": cause.causation,
        "actor": cause.actor,
        "code": code,
    }
    if cause.trace:
        told["traceparent"] = cause.trace
    return msgspec.json.encode(told).decode()


def read(connection: psycopg.Connection[Any], stream: str, *, after: int = 0) -> list[Link]:
    """The stream's events later than version ``after``, oldest first."""
    with connection.cursor(row_factory=class_row(Link)) as cursor:
        return cursor.execute(_READ, (stream, after)).fetchall()


def append(connection: Connection, stream: str, facts: Sequence[Fact], meta: str) -> bool:
    """Add facts to the end of a stream, whatever its version; return whether they are new.

    All of them are new or none is, or ``DBAPIError`` is raised. For streams that are no order's: an order's events are
    written by ``record``, with its row and its nudges.
    """
    written = connection.execute(_APPEND, {"stream": stream, **arrays(facts), "meta": meta})
    return bool(written.scalar_one())


def recorded(stored: Link, event: Any) -> Recorded:
    """The stored row with its event decoded."""
    meta = msgspec.json.decode(stored.meta)
    return Recorded(
        event=event,
        id=stored.id,
        stream=stored.stream,
        version=stored.version,
        type=stored.type,
        schema=stored.schema,
        recorded_at=stored.recorded_at,
        fence=stored.fence,
        cause=Cause(
            correlation=meta["correlation"],
            causation=meta["causation"],
            actor=meta["actor"],
            trace=meta.get("traceparent", ""),
        ),
        code=meta["code"],
        previous=stored.previous,
        hash=stored.hash,
    )
