"""Finds the orders that have been done for as long as their tenant keeps data, and has their customers forgotten."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Engine, text

from events.envelope import Cause
from events.errors import Conflict, Refused
from events.order import Order
from events.retention import expire
from storage.adding import add
from storage.database import connected
from storage.record import Log
from storage.telemetry import log

_MOST = 100
_NONE_YET = UUID(int=0)
# Done: delivered or cancelled, whichever came last; by the database's clock.
_OVERDUE = text("""
    select o.order_id, t.retention_days as days
    from tenants t join orders o on o.tenant = t.tenant
    where t.retention_days is not null and o.parent is null and o.word in ('delivered', 'cancelled')
        and o.placed_at < clock_timestamp() - make_interval(days => t.retention_days)
        and o.order_id > :after
        and (select max(e.recorded_at) from events e where e.stream = 'order-' || o.order_id
                and e.type in ('order-delivered', 'order-cancelled'))
            < clock_timestamp() - make_interval(days => t.retention_days)
    order by o.order_id limit :most
""")


class Overdue(NamedTuple):
    """An order that was done ``days`` days ago or earlier, and is not to be kept any longer."""

    order: UUID
    days: int


def overdue(engine: Engine, after: UUID = _NONE_YET, most: int = _MOST) -> list[Overdue]:
    """Some of them, by id, those behind ``after``."""
    with connected(engine) as connection:
        rows = connection.execute(_OVERDUE, {"after": after, "most": most}).all()
    return [Overdue(*row) for row in rows]


def expire_all(orders_log: Log, over: Callable[[], bool] = lambda: False) -> int:
    """Record of each that it is erased, unless its data are still needed; return how many. Safe beside others.

    Before each hundred it is asked whether it is ``over`` now. The key and the files follow with ``storage.erasing``.
    """
    done, after = 0, _NONE_YET
    while not over() and (found := overdue(orders_log.engine, after)):
        after = found[-1].order
        done += sum(_expire(each, orders_log) for each in found)
    return done


def _expire(each: Overdue, orders_log: Log) -> bool:
    name = str(each.order)

    def wanted(order: Order) -> list[object]:
        return expire(order, each.days)

    cause = Cause(correlation=name, causation=name, actor="retention")
    try:
        return add(wanted, partial(orders_log.read, name), cause, orders_log)[1]
    except (Refused, Conflict) as error:
        log.error("an order cannot be erased in time", order=name, reason=error.reason)
        return False
