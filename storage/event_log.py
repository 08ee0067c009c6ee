"""The append-only log of events: knows streams, not orders."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, NamedTuple

import msgspec
import psycopg
from msgspec import Struct
from psycopg.rows import class_row
from sqlalchemy import Connection

from events.chain import Link
from events.envelope import Cause, Recorded
from events.errors import Fenced, LedgerpressError, WrongExpectedVersion

_RECORD = """
    select outcomes, nudged from record(
        %s::json, %s::uuid[], %s::text[], %s::smallint[], %s::text[], %s)
"""
# What record() says of what it did not write, and what it means to its caller.
REFUSALS: Mapping[str, type[LedgerpressError]] = {"moved": WrongExpectedVersion, "fenced": Fenced}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """An event ready to be appended: encoded, its personal fields sealed."""

    id: uuid.UUID
    type: str
    schema: int
    data: str


class Taking(Struct, frozen=True, kw_only=True):
    """Under what an attempt takes an order; see the type ``taking`` of the schema."""

    tenant: str
    holder: str
    redelivered: bool
    seconds: float
    silent: float


class Outgoing(Struct, frozen=True, kw_only=True):
    """A nudge for the outbox, due now or at a time."""

    order_id: str
    product: str
    due_at: datetime | None = None


class Writing(Struct, frozen=True, kw_only=True):
    """What is to be recorded of one stream, all of it or nothing; see the function ``record`` of the schema.

    ``entry`` is the order's row, as JSON.
    """

    stream: str
    facts: Sequence[Fact]
    meta: str
    expected: int | None = None
    fence: int | None = None
    entry: msgspec.Raw = msgspec.Raw(b"null")
    nudges: Sequence[Outgoing] = ()
    release: bool = False
    take: Taking | None = None


class Written(NamedTuple):
    """What became of a writing: the outcome, and the outbox ids of those of its nudges that are due now."""

    outcome: str
    nudges: Sequence[int] = ()

    @property
    def new(self) -> bool:
        """Whether it was recorded just now, and not refused or there already."""
        return self.outcome == "new"


_READ = """
    select event_id as id, stream, version, type, schema, recorded_at, fence, data::text, meta::text, previous, hash
    from events where stream = %s and version > %s order by version
"""


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


def write(
    connection: psycopg.Connection[Any], writings: Sequence[Writing], *, patient: bool = True
) -> list[Written]:
    """Write to several streams in one statement, and say what became of each.

    Raises what psycopg raises; nothing is written then. Unless it is ``patient``, that is so if somebody else is at one
    of the streams for long.
    """
    row = connection.execute(_RECORD, (*_arguments(writings), patient)).fetchone()
    assert row is not None
    outcomes, nudged = row
    numbers = iter(nudged)
    written = [
        Written(outcome, list(islice(numbers, _due_now(writing))) if outcome == "new" else ())
        for writing, outcome in zip(writings, outcomes, strict=True)
    ]
    assert next(numbers, None) is None
    return written


def append(connection: Connection, stream: str, facts: Sequence[Fact], meta: str) -> bool:
    """Add facts to the end of a stream, whatever its version; return whether they are new.

    All of them are new or none is, or ``WrongExpectedVersion`` is raised. For streams that are no order's: an order's
    events are written with its row and its nudges.
    """
    writing = Writing(stream=stream, facts=facts, meta=meta)
    found = connection.exec_driver_sql(_RECORD, (*_arguments([writing]), True)).one()
    (outcome,) = found.outcomes
    if kind := REFUSALS.get(outcome):
        message = f"somebody else has written some of this to {stream}"
        raise kind(message)
    return bool(outcome == "new")


def _arguments(writings: Sequence[Writing]) -> tuple[str, ...]:
    facts = [fact for writing in writings for fact in writing.facts]
    told = [
        {
            "stream": each.stream,
            "size": len(each.facts),
            "expected": each.expected,
            "fence": each.fence,
            "meta": each.meta,
            "entry": each.entry,
            "nudges": each.nudges,
            "release": each.release,
            "take": each.take,
        }
        for each in writings
    ]
    return (
        msgspec.json.encode(told).decode(),
        literal(fact.id for fact in facts),
        literal(fact.type for fact in facts),
        literal(fact.schema for fact in facts),
        literal(fact.data for fact in facts),
    )


def _due_now(writing: Writing) -> int:
    return sum(each.due_at is None for each in writing.nudges)


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
