"""How long orders take: from payment to delivery, each stage and each section; counted in buckets of milliseconds."""

from datetime import datetime
from functools import lru_cache
from itertools import pairwise
from typing import Any

import msgspec

from events.buckets import bucket
from events.facts import (
    AttemptStarted,
    DocumentBound,
    OrderCorrected,
    OrderDelivered,
    OrderPlaced,
    PaymentReceived,
    SectionWritten,
)
from events.folding import NOTHING, Additions, Memory, Projection, day_of, month_of

READY, STAGE, SECTION = "ready", "stage", "section"
# What lies between payment and delivery, in order: until a worker takes it up, until the last section is written, until
# the document is bound, until it is delivered.
STAGES = ("queued", "writing", "pressing", "delivering")


class _Order(Memory, frozen=True):
    """When it was paid for, and when it last came to the end of a stage."""

    product: str
    paid: datetime | None = None
    begun: datetime | None = None
    written: datetime | None = None
    bound: datetime | None = None


def _step(  # noqa: PLR0911 - one line an event
    order: _Order | None, event: Any, at: datetime
) -> tuple[_Order | None, Additions]:
    if order is None:
        return (_Order(product=event.product) if isinstance(event, OrderPlaced) else None), NOTHING
    match event:
        case SectionWritten(section=name, milliseconds=length):
            key = (SECTION, month_of(at), order.product, name, _bucket(length))
            return msgspec.structs.replace(order, written=at), ((key, 1),)
        case PaymentReceived() if order.paid is None:
            return msgspec.structs.replace(order, paid=at), NOTHING
        case AttemptStarted() if order.begun is None:
            return msgspec.structs.replace(order, begun=at), NOTHING
        case DocumentBound():
            return msgspec.structs.replace(order, bound=at), NOTHING
        case OrderDelivered() if order.paid is not None:
            return _Order(product=order.product), _delivered(order, order.paid, at)
        case OrderCorrected(product=product) if product:
            return msgspec.structs.replace(order, product=product), NOTHING
    return order, NOTHING


def _delivered(order: _Order, paid: datetime, at: datetime) -> Additions:
    day = day_of(at)
    whole = (READY, day, order.product, "", _bucket(_between(paid, at)))
    marks = (paid, order.begun, order.written, order.bound, at)
    stages = [
        ((STAGE, day[:7], order.product, name, _bucket(_between(since, until))), 1)
        for name, (since, until) in zip(STAGES, pairwise(marks), strict=True)
        if since is not None and until is not None
    ]
    return ((whole, 1), *stages)


def _between(since: datetime, until: datetime) -> int:
    """Whole milliseconds, rounded down; not by dividing, which takes twice as long."""
    length = until - since
    return (86_400 * length.days + length.seconds) * 1000 + length.microseconds // 1000


def _bucket(length: int) -> str:
    return _written(bucket(length))


@lru_cache(maxsize=1000)
def _written(number: int) -> str:
    return f"{number:04}"


projection = Projection(
    name="durations",
    version=1,
    about="how long orders, their stages and their sections take",
    key=("what", "when", "product", "name", "bucket"),
    memory=_Order,
    events=(
        OrderPlaced,
        OrderCorrected,
        PaymentReceived,
        AttemptStarted,
        SectionWritten,
        DocumentBound,
        OrderDelivered,
    ),
    step=_step,
)
