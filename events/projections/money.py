"""The money of each day: what was paid, what went back, and what the model's answers cost."""

from datetime import datetime
from typing import Any

import msgspec

from events.facts import (
    CallFailed,
    OrderCorrected,
    OrderPlaced,
    PaymentReceived,
    PaymentRefunded,
    SectionWritten,
)
from events.folding import NOTHING, Additions, Memory, Projection, day_of

# What the model costs is reckoned in dollars, in millionths.
_COST = ("usd", "cost")


class _Order(Memory, frozen=True):
    """``refunded`` is how much has gone back so far, in the minor unit of what was paid."""

    product: str
    refunded: int = 0


def _step(order: _Order | None, event: Any, at: datetime) -> tuple[_Order | None, Additions]:
    if order is None:
        return (_Order(product=event.product) if isinstance(event, OrderPlaced) else None), NOTHING
    day = day_of(at)
    match event:
        case SectionWritten(cost=cost) | CallFailed(cost=cost):
            return order, (((day, order.product, *_COST), cost),)
        case PaymentReceived(amount=money):
            return order, (((day, order.product, money.currency, "paid"), money.amount),)
        case PaymentRefunded(amount=money):
            # Each tells of all that has gone back so far, and they come in any order.
            more = max(0, money.amount - order.refunded)
            after = msgspec.structs.replace(order, refunded=order.refunded + more)
            return after, (((day, order.product, money.currency, "refunded"), more),)
        case OrderCorrected(product=product) if product:
            return msgspec.structs.replace(order, product=product), NOTHING
    return order, NOTHING


projection = Projection(
    name="money",
    version=1,
    about="paid, refunded (minor units) and cost (millionths of a dollar), by day and product",
    key=("day", "product", "currency", "measure"),
    memory=_Order,
    events=(
        OrderPlaced,
        OrderCorrected,
        PaymentReceived,
        PaymentRefunded,
        SectionWritten,
        CallFailed,
    ),
    step=_step,
)
