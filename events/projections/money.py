"""The money of each day: what was paid, what went back, and what the model's answers cost."""

from datetime import datetime

from msgspec.structs import replace

from events.facts import (
    CallFailed,
    OrderCorrected,
    OrderPlaced,
    PaymentReceived,
    PaymentRefunded,
    SectionWritten,
)
from events.folding import NOTHING, Folded, Memory, Projection, corrected, day_of

# What the model costs is reckoned in dollars, in millionths.
_COST = ("usd", "cost")


class _Order(Memory, frozen=True):
    """``refunded`` is how much has gone back so far, in the minor unit of what was paid."""

    product: str
    refunded: int = 0


def _begun(event: OrderPlaced, _at: datetime) -> Folded:
    return _Order(product=event.product), NOTHING


def _asked(order: _Order, event: SectionWritten | CallFailed, at: datetime) -> Folded:
    return order, (((day_of(at), order.product, *_COST), event.cost),)


def _paid(order: _Order, event: PaymentReceived, at: datetime) -> Folded:
    money = event.amount
    return order, (((day_of(at), order.product, money.currency, "paid"), money.amount),)


def _refunded(order: _Order, event: PaymentRefunded, at: datetime) -> Folded:
    """Each tells of all that has gone back so far, and they come in any order."""
    money = event.amount
    more = max(0, money.amount - order.refunded)
    key = (day_of(at), order.product, money.currency, "refunded")
    return replace(order, refunded=order.refunded + more), ((key, more),)


projection = Projection(
    name="money",
    version=1,
    about="paid, refunded (minor units) and cost (millionths of a dollar), by day and product",
    key=("day", "product", "currency", "measure"),
    memory=_Order,
    begin=_begun,
    steps={
        OrderCorrected: corrected,
        PaymentReceived: _paid,
        PaymentRefunded: _refunded,
        SectionWritten: _asked,
        CallFailed: _asked,
    },
)
