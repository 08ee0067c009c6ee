"""How long orders take: from payment to delivery, each stage and each section; counted in buckets of milliseconds."""

from datetime import datetime
from functools import lru_cache

from msgspec.structs import replace

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
from events.folding import NOTHING, Folded, Memory, Projection, corrected, day_of, month_of

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


def _begun(event: OrderPlaced, _at: datetime) -> Folded:
    return _Order(product=event.product), NOTHING


def _paid(order: _Order, _event: PaymentReceived, at: datetime) -> Folded:
    return order if order.paid else replace(order, paid=at), NOTHING


def _taken_up(order: _Order, _event: AttemptStarted, at: datetime) -> Folded:
    return order if order.begun else replace(order, begun=at), NOTHING


def _written(order: _Order, event: SectionWritten, at: datetime) -> Folded:
    key = (SECTION, month_of(at), order.product, event.section, _bucket(event.milliseconds))
    return replace(order, written=at), ((key, 1),)


def _bound(order: _Order, _event: DocumentBound, at: datetime) -> Folded:
    return replace(order, bound=at), NOTHING


def _delivered(order: _Order, _event: OrderDelivered, at: datetime) -> Folded:
    if order.paid is None:
        return order, NOTHING
    day, product = day_of(at), order.product
    additions = [((READY, day, product, "", _bucket(_between(order.paid, at))), 1)]
    month, marks = day[:7], (order.paid, order.begun, order.written, order.bound, at)
    for name, since, until in zip(STAGES, marks[:-1], marks[1:], strict=True):
        if since is not None and until is not None:
            additions.append(((STAGE, month, product, name, _bucket(_between(since, until))), 1))
    return _Order(product=product), additions


def _between(since: datetime, until: datetime) -> int:
    """Whole milliseconds, rounded down; not by dividing, which takes twice as long."""
    length = until - since
    return (86_400 * length.days + length.seconds) * 1000 + length.microseconds // 1000


def _bucket(length: int) -> str:
    return _padded(bucket(length))


@lru_cache(maxsize=1000)
def _padded(number: int) -> str:
    return f"{number:04}"


projection = Projection(
    name="durations",
    version=1,
    about="how long orders, their stages and their sections take",
    key=("what", "when", "product", "name", "bucket"),
    memory=_Order,
    begin=_begun,
    steps={
        OrderCorrected: corrected,
        PaymentReceived: _paid,
        AttemptStarted: _taken_up,
        SectionWritten: _written,
        DocumentBound: _bound,
        OrderDelivered: _delivered,
    },
)
