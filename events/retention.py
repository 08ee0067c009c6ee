"""When the time of a customer's data has come: what was agreed with the tenant, and what stands against it."""

from typing import Any

from events.facts import BY_RETENTION, OrderErased
from events.order import Order


def expire(order: Order, days: int) -> list[Any]:
    """The erasure of an order that was done ``days`` days ago or earlier; nothing while its data are still needed.

    A dispute that is open has to be answered with them, and a report that is to be mailed once more is made of them.
    A part goes with its bundle.
    """
    if order.placed is None or order.placed.parent or order.erased or not order.closed:
        return []
    if order.disputed or order.workable:
        return []
    return [OrderErased(by=BY_RETENTION, reason=f"{days} days after it was done")]
