"""What follows when money goes back: an order cancelled, paused or resumed, and its parts with it.

A refund or a dispute names a payment and not an order, and may be heard of before the order is. So it belongs to the
payment first, and is added to the order from there: by whoever comes second.

An inquiry, when a bank only asks, pauses like a dispute: it often ends in a refund, and what was spent is lost.
"""

from collections.abc import Iterable
from typing import Any

from events.envelope import event_id
from events.facts import (
    DISPUTE_LOST,
    LOST,
    REFUNDED,
    UNPAID,
    DisputeClosed,
    DisputeOpened,
    OrderCancelled,
    PaymentRefunded,
    Reversal,
)
from events.order import Order, evolve


def reverse(order: Order, told: Iterable[Any]) -> list[Any]:
    """The events that ``told`` adds to ``order``; none if it says nothing new. In any order, the end is the same.

    A delivered order stays delivered: what became of its money is noted, and no more.
    """
    facts: list[Any] = []
    for fact in told:
        if not isinstance(fact, Reversal) or _known(order, fact):
            continue
        for each in (fact, *_cancelled_by(fact, order)):
            facts.append(each)
            order = evolve(order, each)
    return facts


def follow(part: Order, bundle: Order) -> list[Any]:
    """The events that give a part the standing of its bundle: erased, cancelled, paused or resumed like it.

    A part that is delivered stays so, and can still be downloaded, unless its customer is forgotten.
    """
    if bundle.erased and not part.erased:
        return [bundle.erased]
    if part.closed:
        return []
    disputes = [
        each for each in bundle.reversals if isinstance(each, DisputeOpened | DisputeClosed)
    ]
    facts = reverse(part, disputes)
    gone = any(isinstance(each, OrderCancelled) for each in facts)
    if bundle.cancelled and not gone:
        facts.append(OrderCancelled(reason=bundle.cancelled.reason))
    return facts


def _cancelled_by(fact: Reversal, order: Order) -> tuple[OrderCancelled, ...]:
    if order.delivered:
        return ()
    why = order.cancelled.reason if order.cancelled else None
    match fact:
        case PaymentRefunded(full=True) if why != REFUNDED:
            return (OrderCancelled(reason=REFUNDED),)
        case DisputeClosed(outcome=outcome) if outcome == LOST and (why is None or why in UNPAID):
            return (OrderCancelled(reason=DISPUTE_LOST),)
    return ()


def _known(order: Order, fact: Reversal) -> bool:
    return event_id(order.id, fact) in {event_id(order.id, each) for each in order.reversals}
