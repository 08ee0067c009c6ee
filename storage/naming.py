"""Finds orders by whatever name people have of them: their id or number, the checkout session, the payment."""

import uuid

from sqlalchemy import ColumnElement, Engine, select

from events.views import numbered
from storage.database import again_once, connected
from storage.tables import events, orders, tenants

_SESSION, _PAYMENT = "cs_", "pi_"
_MOST = 20
_ORDER = "order-"


def orders_named(engine: Engine, name: str) -> list[str]:
    """The ids of the orders of that name, the newest first, at most 20; several may have one number."""
    condition = _called(name.strip())
    if condition is None:
        return []
    query = select(orders.c.order_id).where(condition).order_by(orders.c.placed_at.desc())

    def ask() -> list[str]:
        with connected(engine) as connection:
            return [str(each) for each in connection.execute(query.limit(_MOST)).scalars()]

    return again_once(ask)


def place_of(engine: Engine, event: uuid.UUID) -> tuple[str, int] | None:
    """The order that an event was recorded of, and its version there; ``None`` if no order has it."""
    query = select(events.c.stream, events.c.version).where(events.c.event_id == event)

    def ask() -> tuple[str, int] | None:
        with connected(engine) as connection:
            row = connection.execute(query).one_or_none()
        if row is None or not row.stream.startswith(_ORDER):
            return None
        return row.stream.removeprefix(_ORDER), row.version

    return again_once(ask)


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
