"""What has become of the orders for a product, by the day on which it became so."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

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
from events.folding import NOTHING, Additions, Memory, Projection, day_of

_OUTCOMES: Mapping[type, str] = {
    AttentionNeeded: "attention",
    DisputeOpened: "disputed",
    PaymentRefunded: "refunded",
    OrderDelivered: "delivered",
    OrderErased: "erased",
}


class _Order(Memory, frozen=True):
    """``unpaid`` is the day on which it was cancelled for want of money, which money that comes all the same undoes."""

    product: str
    unpaid: str = ""
    counted: tuple[str, ...] = ()


def _step(order: _Order | None, event: Any, at: datetime) -> tuple[_Order | None, Additions]:
    day = day_of(at)
    if order is None:
        if not isinstance(event, OrderPlaced):
            return None, NOTHING
        return _once(_Order(product=event.product), "placed", day)
    match event:
        case OrderCorrected(product=product) if product:
            return msgspec.structs.replace(order, product=product), NOTHING
        case PaymentReceived():
            return _paid(order, day)
        case OrderCancelled(reason=reason):
            after, additions = _once(order, "cancelled", day)
            if reason in UNPAID and additions:
                after = msgspec.structs.replace(after, unpaid=day)
            return after, additions
    outcome = _OUTCOMES.get(type(event))
    return _once(order, outcome, day) if outcome else (order, NOTHING)


def _once(order: _Order, outcome: str, day: str) -> tuple[_Order, Additions]:
    """An order counts once for each outcome, however often it comes to it."""
    if outcome in order.counted:
        return order, NOTHING
    after = msgspec.structs.replace(order, counted=(*order.counted, outcome))
    return after, (((order.product, day, outcome), 1),)


def _paid(order: _Order, day: str) -> tuple[_Order, Additions]:
    after, additions = _once(order, "paid", day)
    if not order.unpaid:
        return after, additions
    counted = tuple(each for each in after.counted if each != "cancelled")
    after = msgspec.structs.replace(after, unpaid="", counted=counted)
    return after, (*additions, ((order.product, order.unpaid, "cancelled"), -1))


projection = Projection(
    name="outcomes",
    version=1,
    about="what has become of orders, by product and day",
    key=("product", "day", "outcome"),
    memory=_Order,
    events=(
        OrderPlaced,
        OrderCorrected,
        PaymentReceived,
        PaymentRefunded,
        DisputeOpened,
        AttentionNeeded,
        OrderDelivered,
        OrderCancelled,
        OrderErased,
    ),
    step=_step,
)
