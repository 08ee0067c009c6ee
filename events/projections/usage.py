"""The ledger: what the orders of a tenant have used in a month, by product."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from events.facts import (
    AttemptEnded,
    AttemptFailed,
    AttemptStarted,
    AttentionNeeded,
    CallFailed,
    OrderCancelled,
    OrderCorrected,
    OrderDelivered,
    OrderErased,
    OrderPlaced,
    SectionsAsked,
    SectionWritten,
)
from events.folding import NOTHING, Additions, Folded, Memory, Projection, corrected, month_of


class _Order(Memory, frozen=True):
    """``asked`` are the sections whose calls are in flight, each of which can cost ``most``."""

    tenant: str
    product: str
    asked: tuple[str, ...] = ()
    most: int = 0


def _begun(event: OrderPlaced, at: datetime) -> Folded:
    order = _Order(tenant=event.tenant, product=event.product)
    return order, _lines(order, at, (("orders", 1),))


def _asked(order: _Order, event: SectionsAsked, at: datetime) -> Folded:
    after, lost = _let_go(order, event, at)
    most = event.most // max(1, len(event.sections))
    return replace(after, asked=event.sections, most=most), lost


def _written(order: _Order, event: SectionWritten, at: datetime) -> Folded:
    tenant, month, product, tokens = order.tenant, month_of(at), order.product, event.tokens
    # Most of what is folded: written out, because that is faster than a loop.
    return _settled(order, event.section), (
        ((tenant, month, product, "calls"), 1),
        ((tenant, month, product, "tokens"), tokens.prompt + tokens.completion),
        ((tenant, month, product, "cost"), event.cost),
    )


def _failed(order: _Order, event: CallFailed, at: datetime) -> Folded:
    least = ("calls", int(event.lost == 0)), ("cost", event.cost)
    lines = _lines(order, at, (*least, *_lost(order, event.lost)))
    return _settled(order, event.section), lines


def _let_go(order: _Order, _event: Any, at: datetime) -> Folded:
    """Whoever worked on it does no more: what was in flight is lost."""
    if not order.most:
        return order, NOTHING
    free = _Order(tenant=order.tenant, product=order.product)
    if not order.asked:
        return free, NOTHING
    return free, _lines(order, at, _lost(order, len(order.asked)))


def _lost(order: _Order, calls: int) -> tuple[tuple[str, int], ...]:
    return ("lost", calls), ("lost_cost", calls * order.most)


def _settled(order: _Order, section: str) -> _Order:
    asked = tuple([name for name in order.asked if name != section])
    return _Order(tenant=order.tenant, product=order.product, asked=asked, most=order.most)


def _lines(order: _Order, at: datetime, used: Iterable[tuple[str, int]]) -> Additions:
    tenant, month, product = order.tenant, month_of(at), order.product
    return tuple([((tenant, month, product, measure), amount) for measure, amount in used])


projection = Projection(
    name="usage",
    version=1,
    about="what a tenant's orders have used in a month",
    key=("tenant", "month", "product", "measure"),
    memory=_Order,
    begin=_begun,
    steps={
        OrderCorrected: corrected,
        AttemptStarted: _let_go,
        AttemptEnded: _let_go,
        AttemptFailed: _let_go,
        SectionsAsked: _asked,
        SectionWritten: _written,
        CallFailed: _failed,
        OrderDelivered: _let_go,
        AttentionNeeded: _let_go,
        OrderCancelled: _let_go,
        OrderErased: _let_go,
    },
)
