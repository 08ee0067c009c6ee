"""What has become of the orders for a product, by the day on which it became so."""

from datetime import datetime
from functools import partial
from typing import Any

from msgspec.structs import replace

from events.facts import (
    UNPAID,
    AttentionNeeded,
    DisputeOpened,
    OrderCancelled,
    OrderCorrected,
    OrderDelivered,
    OrderErased,
    OrderPlaced,
    PaymentReceived,
    PaymentRefunded,
)
from events.folding import NOTHING, Folded, Memory, Projection, corrected, day_of


class _Order(Memory, frozen=True):
    """``unpaid`` is the day on which it was cancelled for want of money, which money that comes all the same undoes."""

    product: str
    unpaid: str = ""
    counted: tuple[str, ...] = ()


def _begun(event: OrderPlaced, at: datetime) -> Folded:
    return _once("placed", _Order(product=event.product), event, at)


def _once(outcome: str, order: _Order, _event: Any, at: datetime) -> Folded:
    """An order counts once for each outcome, however often it comes to it."""
    if outcome in order.counted:
        return order, NOTHING
    after = replace(order, counted=(*order.counted, outcome))
    return after, (((order.product, day_of(at), outcome), 1),)


def _cancelled(order: _Order, event: OrderCancelled, at: datetime) -> Folded:
    after, additions = _once("cancelled", order, event, at)
    if event.reason in UNPAID and additions:
        after = replace(after, unpaid=day_of(at))
    return after, additions


def _paid(order: _Order, event: PaymentReceived, at: datetime) -> Folded:
    after, additions = _once("paid", order, event, at)
    if not order.unpaid:
        return after, additions
    counted = tuple(each for each in after.counted if each != "cancelled")
    after = replace(after, unpaid="", counted=counted)
    return after, (*additions, ((order.product, order.unpaid, "cancelled"), -1))


projection = Projection(
    name="outcomes",
    version=1,
    about="what has become of orders, by product and day",
    key=("product", "day", "outcome"),
    memory=_Order,
    begin=_begun,
    steps={
        OrderCorrected: corrected,
        PaymentReceived: _paid,
        OrderCancelled: _cancelled,
        PaymentRefunded: partial(_once, "refunded"),
        DisputeOpened: partial(_once, "disputed"),
        AttentionNeeded: partial(_once, "attention"),
        OrderDelivered: partial(_once, "delivered"),
        OrderErased: partial(_once, "erased"),
    },
)
