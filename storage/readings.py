"""Who looked at an order's history or at the log: each look is an event itself, sealed and signed like all others.

The looks at an order stand in a stream of their own beside the order's, those at the log as a whole in one for all.
They hold no personal data, and not what was typed into a form.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Engine

from events.envelope import Cause
from storage import event_log
from storage.database import again_once, connected, directly
from storage.event_log import Fact
from storage.orders import OrderRow, parts_of

TYPE = "log-read"
_OF_LOG, _OF_ORDER = "reading-log", "reading-order-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A look at ``what``: a page, a proof or a bundle. ``filters`` are the names of those that were set."""

    what: str
    order: str = ""
    version: int = 0
    filters: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """A look that was noted: who, at what, when."""

    who: str
    what: str
    version: int
    at: datetime


def stream_of(order: str) -> str:
    """The stream of the looks at an order; of those at the log for no order."""
    return f"{_OF_ORDER}{order}" if order else _OF_LOG


def order_in(stream: str) -> str:
    """The order that the looks in this stream were at; empty if it is another stream."""
    return stream.removeprefix(_OF_ORDER) if stream.startswith(_OF_ORDER) else ""


def with_parts(engine: Engine, row: OrderRow, what: str) -> list[Reading]:
    """A look at the order and one at each of its parts: what opens all of a set opens their histories, too."""
    return [
        Reading(what=what, order=each.status.order, version=each.status.version)
        for each in (row, *parts_of(engine, row.status.order))
    ]


def note(engine: Engine, reading: Reading, *, who: str, request: str, code: str) -> None:
    """Record that ``who`` (a role) is about to look. Raises ``Unavailable``: what cannot be noted is not shown."""
    data: dict[str, Any] = {"what": reading.what}
    if reading.order:
        data |= {"order": reading.order, "version": reading.version}
    if reading.filters:
        data["filters"] = list(reading.filters)
    fact = Fact(id=uuid.uuid4(), type=TYPE, schema=1, data=msgspec.json.encode(data).decode())
    meta = event_log.metadata(Cause(correlation=request, causation=request, actor=who), code)

    def write() -> bool:
        with connected(engine) as connection:
            return event_log.append(connection, stream_of(reading.order), [fact], meta)

    again_once(write)


def of_order(engine: Engine, order: str) -> list[Read]:
    """The looks at an order so far, oldest first."""

    def ask() -> list[Read]:
        with directly(engine) as connection:
            links = event_log.read(connection, stream_of(order))
        return [_read(each.data, each.meta, each.recorded_at) for each in links]

    return again_once(ask)


def _read(data: str, meta: str, at: datetime) -> Read:
    told = msgspec.json.decode(data)
    who = msgspec.json.decode(meta)["actor"]
    return Read(who=who, what=told["what"], version=told.get("version", 0), at=at)
