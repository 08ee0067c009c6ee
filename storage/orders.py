"""The status rows: what can be said of an order without reading its log."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Engine, Row, literal, select, text, tuple_

from events.notices import tell_at
from events.order import Order
from events.plan import Product
from events.views import Status, Word, numbered, status
from storage.database import connected, rows
from storage.event_log import literal as literals
from storage.tables import orders, tenants
from storage.vault import token_hash


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRow:
    """An order's status with what the row adds to it. Holds no personal data.

    ``restated`` is how often it was put right without a new event.
    """

    status: Status
    subject: uuid.UUID
    session: str
    placed_at: datetime
    updated_at: datetime
    restated: int = 0

    @property
    def edition(self) -> str:
        """Another one whenever the row says something else: its version, and how often it was put right, if it was."""
        version = str(self.status.version)
        return f"{version}~{self.restated}" if self.restated else version


def by_id(engine: Engine, order_id: str) -> OrderRow | None:
    """The order of that id, or ``None``; also for what is no id at all."""
    try:
        identity = uuid.UUID(order_id)
    except ValueError:
        return None
    return _one(engine, orders.c.order_id == identity)


def by_number(engine: Engine, number: str) -> OrderRow | None:
    """The order of that number, or ``None`` if there is none, or more than one: numbers are not unique."""
    ends = numbered(number)
    if ends is None:
        return None
    found = rows(engine, select(orders).where(orders.c.order_id.between(*ends)).limit(2))
    return _row(found[0]) if len(found) == 1 else None


def by_token(engine: Engine, token: str) -> OrderRow | None:
    """The order whose customer holds this token, or ``None``."""
    return _one(engine, orders.c.token_hash == token_hash(token))


def by_session(engine: Engine, tenant: str, session: str) -> OrderRow | None:
    """The order that was paid for in this checkout session, or ``None``."""
    if not session:
        return None
    return _one(engine, (orders.c.tenant == tenant) & (orders.c.session == session))


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which orders: of one tenant or (empty) of all, in one state or in any, paid for in that checkout session or any.

    ``after`` is the last one already seen: its time of placing and its id.
    """

    tenant: str = ""
    word: str = ""
    session: str = ""
    after: tuple[datetime, uuid.UUID] | None = None


def some(engine: Engine, wanted: Wanted, most: int) -> list[OrderRow]:
    """The orders that are wanted, the newest first, at most ``most``."""
    query = select(orders).order_by(orders.c.placed_at.desc(), orders.c.order_id.desc())
    if wanted.tenant:
        query = query.where(orders.c.tenant == wanted.tenant)
    elif wanted.session:  # one look into the index of sessions for each tenant
        query = query.where(orders.c.tenant.in_(select(tenants.c.tenant)))
    if wanted.word:
        query = query.where(orders.c.word == wanted.word)
    if wanted.session:
        query = query.where(orders.c.session == wanted.session)
    if wanted.after:
        place = tuple_(orders.c.placed_at, orders.c.order_id)
        query = query.where(place < tuple_(*(literal(each) for each in wanted.after)))
    return [_row(row) for row in rows(engine, query.limit(most))]


def parts_of(engine: Engine, order_id: str) -> list[OrderRow]:
    """The parts of a bundle, as far as they have been placed."""
    query = select(orders).where(orders.c.parent == uuid.UUID(order_id)).order_by(orders.c.product)
    return [_row(row) for row in rows(engine, query)]


_MOVED = text("""
    select o.* from unnest(cast(:orders as uuid[]), cast(:versions as int[])) as seen (order_id, version)
    join orders o on o.order_id = seen.order_id where o.version <> seen.version
""").columns(*orders.c)


def moved(engine: Engine, seen: Mapping[str, int]) -> list[OrderRow]:
    """Of the orders in ``seen`` those that are no longer at the version named there."""
    given = {"orders": literals(seen), "versions": literals(seen.values())}
    with connected(engine) as connection:
        return [_row(row) for row in connection.execute(_MOVED, given)]


def to_tell(engine: Engine, now: datetime, most: int) -> list[tuple[str, int]]:
    """Orders of which somebody is to be told by ``now``, the most urgent first, each with its version."""
    query = (
        select(orders.c.order_id, orders.c.version)
        .where(orders.c.tell_at <= now)
        .order_by(orders.c.tell_at, orders.c.order_id)
        .limit(most)
    )
    return [(str(row.order_id), row.version) for row in rows(engine, query)]


def paid_sessions(engine: Engine, tenant: str, sessions: Sequence[str]) -> set[str]:
    """Those of the checkout sessions whose order is there and does not wait for its money."""
    query = select(orders.c.session).where(
        orders.c.tenant == tenant,
        orders.c.session.in_(list(sessions)),
        orders.c.word != Word.AWAITING_PAYMENT,
    )
    return {row.session for row in rows(engine, query)}


def unpaid_sessions(engine: Engine, tenant: str, most: int) -> list[str]:
    """The checkout sessions whose orders wait for their money, the oldest first."""
    query = (
        select(orders.c.session)
        .where(
            orders.c.tenant == tenant,
            orders.c.word == Word.AWAITING_PAYMENT,
            orders.c.session.like("cs\\_%"),
        )
        .order_by(orders.c.placed_at)
        .limit(most)
    )
    return [row.session for row in rows(engine, query)]


def matching(
    engine: Engine, wanted: Mapping[str, str], *, most: int | None = None
) -> list[OrderRow]:
    """Orders whose ``status``, ``tenant``, ``product`` and ``reason`` are as ``wanted``, the newest first."""
    columns = {
        "status": orders.c.word,
        "tenant": orders.c.tenant,
        "product": orders.c.product,
        "reason": orders.c.status["reason"].as_string(),
    }
    query = (
        select(orders)
        .where(*(columns[name] == value for name, value in wanted.items() if value))
        .order_by(orders.c.placed_at.desc(), orders.c.order_id)
    )
    return [_row(row) for row in rows(engine, query if most is None else query.limit(most))]


def chosen(engine: Engine, query: Any) -> list[OrderRow]:
    """The orders that a query of the whole table's rows finds, as it orders them."""
    return [_row(row) for row in rows(engine, query)]


def columns(order: Order, catalogue: Mapping[str, Product]) -> dict[str, Any]:
    """What an order's row says: all that follows from its events and the catalogue alone."""
    placed = order.placed
    assert placed is not None  # order-placed is the first event of every stream
    product = catalogue.get(placed.product)
    view = status(order, product)
    return {
        "order_id": order.id,
        "tenant": placed.tenant,
        "product": placed.product,
        "word": view.word,
        "workable": order.workable,
        "spent": order.spent,
        "reserved": order.reserved,
        "tell_at": tell_at(order, product),
        "session": placed.session,
        "intent": placed.intent,
        "parent": placed.parent or None,
        "subject": placed.subject,
        "status": view,
    }


def _one(engine: Engine, condition: ColumnElement[bool]) -> OrderRow | None:
    found = rows(engine, select(orders).where(condition))
    return _row(found[0]) if found else None


def _row(row: Row[Any]) -> OrderRow:
    return OrderRow(
        status=msgspec.convert(row.status, Status),
        subject=row.subject,
        session=row.session,
        placed_at=row.placed_at,
        updated_at=row.updated_at,
        restated=row.restated,
    )
