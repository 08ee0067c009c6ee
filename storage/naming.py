"""Orders by whatever name people have of them: their id or number, the checkout session, the payment; and streams."""

import uuid

from sqlalchemy import ColumnElement, Connection, Engine, or_, select

from events.errors import NotFound
from events.views import numbered
from storage.database import again_once, connected, rows
from storage.history import stream_of
from storage.payments import payment_stream
from storage.tables import events, orders, tenants

_SESSION, _PAYMENT = "cs_", "pi_"
_MOST = 20


def orders_named(engine: Engine, name: str) -> list[str]:
    """The ids of the orders of that name, the newest first, at most 20; several may have one number."""
    condition = _called(name.strip())
    if condition is None:
        return []
    query = select(orders.c.order_id).where(condition).order_by(orders.c.placed_at.desc())
    return [str(row.order_id) for row in rows(engine, query.limit(_MOST))]


def streams_of(connection: Connection, name: str) -> tuple[str, list[str]]:
    """The order's id as it is written, and all streams of it: those of its payment and of a bundle's parts, too.

    Raises ``NotFound``.
    """
    try:
        identity = uuid.UUID(name)
    except ValueError:
        identity = uuid.UUID(int=0)
    ours = select(orders.c.order_id, orders.c.tenant, orders.c.intent).where(
        or_(orders.c.order_id == identity, orders.c.parent == identity)
    )
    found = {row.order_id: row for row in connection.execute(ours)}
    if identity not in found:
        message = f"there is no order {name}"
        raise NotFound(message)
    payments = [payment_stream(each.tenant, each.intent) for each in found.values() if each.intent]
    return str(identity), [*(stream_of(str(each)) for each in found), *payments]


def place_of(engine: Engine, event: uuid.UUID) -> tuple[str, int] | None:
    """The order that an event was recorded of, and its version there; ``None`` if no order has it."""
    query = select(events.c.stream, events.c.version).where(events.c.event_id == event)

    def ask() -> tuple[str, int] | None:
        with connected(engine) as connection:
            row = connection.execute(query).one_or_none()
        order = order_in(row.stream) if row else ""
        return (order, row.version) if row and order else None

    return again_once(ask)


def order_in(stream: str) -> str:
    """The order whose stream that is, or empty if it is no order's."""
    beginning, name = stream_of(""), stream.removeprefix(stream_of(""))
    return name if stream.startswith(beginning) and _is_id(name) else ""


def _is_id(name: str) -> bool:
    try:
        return str(uuid.UUID(name)) == name
    except ValueError:
        return False


def _called(name: str) -> ColumnElement[bool] | None:
    if name.startswith(_SESSION):  # one look into the index of sessions for each tenant
        return orders.c.tenant.in_(select(tenants.c.tenant)) & (orders.c.session == name)
    if name.startswith(_PAYMENT):
        return (orders.c.intent == name) & (orders.c.intent != "")
    if ends := numbered(name):
        return orders.c.order_id.between(*ends)
    try:
        return orders.c.order_id == uuid.UUID(name)
    except ValueError:
        return None
