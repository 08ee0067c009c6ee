"""Orders as the log tells them: read, opened and folded. Raises ``Unavailable`` if Postgres is away."""

import uuid
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct
from sqlalchemy import Engine

from events.chain import Link
from events.codec import decode
from events.errors import NotFound
from events.order import Order, evolve, fold
from storage import event_log
from storage.database import again_once, directly
from storage.vault import Sealer, Vault

# An order's events as far as they say how it stands, and with the first of them who asked and its customer's key.
_STORED = """
    select e.event_id::text, e.type, e.schema, e.data::text, case when e.version = 1 then e.meta::text end,
        case when e.version = 1 then k.wrapped end, case when e.version = 1 then k.kek end
    from events e left join orders o on o.order_id = %s left join subjects k on k.subject = o.subject
    where e.stream = %s order by e.version
"""
# The same with all that their hashes are made of.
_LINKS = """
    select e.event_id as id, e.stream, e.version, e.type, e.schema, e.recorded_at, e.fence, e.data::text, e.meta::text,
        e.previous, e.hash, case when e.version = 1 then k.wrapped end, case when e.version = 1 then k.kek end
    from events e left join orders o on o.order_id = %s left join subjects k on k.subject = o.subject
    where e.stream = %s order by e.version
"""
_FIRST = """
    select recorded_at from events where stream = %s and type = %s order by version limit 1
"""


class Stored(Struct, frozen=True):
    """An event as it is needed to know how its order stands: a third of its columns."""

    id: str
    type: str
    schema: int
    data: str


class Unopened(NamedTuple):
    """An order's events, sealed as they are; the metadata of the first; and what opens them."""

    events: list[Stored]
    asked: str
    sealer: Sealer


# Where in such rows that ends, and the rest begins.
_END_OF_STORED, _END_OF_LINK = len(Stored.__struct_fields__), len(Link.__struct_fields__)


@dataclass(frozen=True, slots=True)
class History:
    """An order as its log tells it, and what opens its personal fields.

    ``correlation`` is the request that its first event came from, and ``trace`` that request's traceparent. ``wrote``
    says of what ``record`` returns whether the events are this call's, and not there already.
    """

    order: Order
    sealer: Sealer
    correlation: str = ""
    trace: str = ""
    wrote: bool = False


def stream_of(order_id: str) -> str:
    """The name of an order's stream."""
    return f"order-{order_id}"


def unopened(engine: Engine, vault: Vault, order_id: str) -> Unopened:
    """The order as it is stored, oldest event first. Raises ``NotFound`` if nothing was ever recorded of it."""
    rows = _rows(engine, _STORED, order_id)
    events = [Stored(*row[:_END_OF_STORED]) for row in rows]
    asked, wrapped, kek = rows[0][_END_OF_STORED:]
    return Unopened(events, asked, _sealer(vault, events[0].data, wrapped, kek))


def linked(engine: Engine, vault: Vault, order_id: str) -> tuple[list[Link], Sealer]:
    """The same events with all that their hashes are made of, and what opens them."""
    rows = _rows(engine, _LINKS, order_id)
    links = [Link(*row[:_END_OF_LINK]) for row in rows]
    return links, _sealer(vault, links[0].data, *rows[0][_END_OF_LINK:])


def folded(order_id: str, found: Unopened) -> History:
    """The order that these events add up to."""
    stored, asked, sealer = found
    order = fold(order_id, (opened(each, sealer) for each in stored))
    meta = msgspec.json.decode(asked)
    return History(order, sealer, meta["correlation"], meta.get("traceparent", ""))


def caught_up(engine: Engine, history: History) -> History:
    """The same order with what has been recorded since."""
    order = history.order

    def ask() -> list[Link]:
        with directly(engine) as connection:
            return event_log.read(connection, stream_of(order.id), after=order.version)

    for each in again_once(ask):
        order = evolve(order, opened(each, history.sealer))
    return replace(history, order=order, wrote=False)


def first_recorded(engine: Engine, order_id: str, kind: str) -> datetime | None:
    """When an event of that kind was recorded of the order, first; ``None`` if none was."""

    def ask() -> datetime | None:
        with directly(engine) as connection:
            found = connection.execute(_FIRST, (stream_of(order_id), kind)).fetchone()
        return found[0] if found else None

    return again_once(ask)


def opened(stored: Link | Stored, sealer: Sealer) -> Any:
    """The event, with its personal fields if the customer's key is still there."""
    place = str(stored.id)
    return decode(
        stored.type, stored.schema, stored.data, lambda sealed: sealer.open(sealed, place)
    )


def _rows(engine: Engine, query: str, order_id: str) -> list[tuple[Any, ...]]:
    def ask() -> list[tuple[Any, ...]]:
        with directly(engine) as connection:
            return connection.execute(query, (order_id, stream_of(order_id))).fetchall()

    rows = again_once(ask)
    if not rows:
        message = f"there is no order {order_id}"
        raise NotFound(message)
    return rows


def _sealer(vault: Vault, first: str, wrapped: bytes | None, kek: str | None) -> Sealer:
    """What opens the events of the order that begins with ``first``."""
    subject = msgspec.json.decode(first)["subject"]
    return vault.opened(uuid.UUID(subject), wrapped, kek)
