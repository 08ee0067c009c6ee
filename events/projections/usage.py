"""The ledger: what the orders of a tenant have used in a month, by product."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

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
from events.folding import NOTHING, Additions, Memory, Projection, month_of


class _Order(Memory, frozen=True):
    """``asked`` are the sections whose calls are in flight, each of which can cost ``most``."""

    tenant: str
    product: str
    asked: tuple[str, ...] = ()
    most: int = 0


def _step(  # noqa: PLR0911 - one line an event
    order: _Order | None, event: Any, at: datetime
) -> tuple[_Order | None, Additions]:
    if order is None:
        return _placed(event, at)
    match event:
        case SectionWritten(section=name, tokens=tokens, cost=cost):
            used = ("calls", 1), ("tokens", tokens.prompt + tokens.completion), ("cost", cost)
            return _settled(order, name), _lines(order, at, used)
        case SectionsAsked(sections=names, most=most):
            after, lost = _let_go(order, at)
            asked = _Order(
                tenant=after.tenant,
                product=after.product,
                asked=names,
                most=most // max(1, len(names)),
            )
            return asked, lost
        case CallFailed(section=name, cost=cost, lost=lost):
            least = ("calls", int(lost == 0)), ("cost", cost)
            lines = _lines(order, at, (*least, *_lost(order, lost)))
            return _settled(order, name), lines
        case OrderCorrected(product=product) if product:
            return (
                _Order(tenant=order.tenant, product=product, asked=order.asked, most=order.most),
                NOTHING,
            )
        case OrderPlaced() | OrderCorrected():
            return order, NOTHING
    return _let_go(order, at)


def _placed(event: Any, at: datetime) -> tuple[_Order | None, Additions]:
    if not isinstance(event, OrderPlaced):
        return None, NOTHING
    order = _Order(tenant=event.tenant, product=event.product)
    return order, _lines(order, at, (("orders", 1),))


def _let_go(order: _Order, at: datetime) -> tuple[_Order, Additions]:
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
    events=(
        OrderPlaced,
        OrderCorrected,
        AttemptStarted,
        AttemptEnded,
        AttemptFailed,
        SectionsAsked,
        SectionWritten,
        CallFailed,
        OrderDelivered,
        AttentionNeeded,
        OrderCancelled,
        OrderErased,
    ),
    step=_step,
)
