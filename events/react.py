"""What an event sets in motion: a nudge now, or at a time, or for another order."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from events.facts import (
    AttemptEnded,
    AttemptFailed,
    AttentionNeeded,
    DisputeClosed,
    OrderDelivered,
    OrderPlaced,
    OrderRetried,
    PaymentReceived,
    ResendAsked,
)
from events.order import Order


@dataclass(frozen=True, slots=True)
class Nudge:
    """Look at this order, on its product's queue. ``due_at`` is ``None`` for now."""

    order: str
    product: str
    due_at: datetime | None = None


def react(order: Order, event: Any) -> tuple[Nudge, ...]:  # noqa: PLR0911 - one line a case
    """What ``event`` sets in motion. ``order`` is as it stands after the event.

    A nudge may be lost, late or doubled: none of them decides anything.
    """
    placed = order.placed
    if placed is None:
        return ()
    own = Nudge(order.id, placed.product)
    match event:
        case PaymentReceived() | DisputeClosed() | ResendAsked() if order.workable:
            return (own,)
        case AttemptEnded(why="leg" | "stop"):
            return (own,)
        case AttemptFailed(retry_at=retry_at) if retry_at and order.workable:
            return (replace(own, due_at=datetime.fromisoformat(retry_at)),)
        case OrderRetried() if order.workable:
            return (own, *_parent(placed))
        case OrderDelivered() | AttentionNeeded():
            return _parent(placed)
    return ()


def _parent(placed: OrderPlaced) -> tuple[Nudge, ...]:
    return (Nudge(placed.parent, placed.parent_product),) if placed.parent else ()
