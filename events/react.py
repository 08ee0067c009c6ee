"""What an event sets in motion: a nudge now, or at a time, or for another order."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from events.order import (
    AttemptEnded,
    AttemptFailed,
    AttentionNeeded,
    DisputeClosed,
    Order,
    OrderDelivered,
    PaymentReceived,
)


@dataclass(frozen=True, slots=True)
class Nudge:
    """Look at this order, on its product's queue. ``due_at`` is ``None`` for now."""

    order: str
    product: str
    due_at: datetime | None = None


def react(order: Order, event: Any) -> tuple[Nudge, ...]:
    """What ``event`` sets in motion. ``order`` is as it stands after the event.

    A nudge may be lost, late or doubled: none of them decides anything.
    """
    placed = order.placed
    if placed is None:
        return ()
    match event:
        case PaymentReceived() | DisputeClosed() if order.workable:
            return (Nudge(order.id, placed.product),)
        case AttemptEnded(why="leg" | "stop"):
            return (Nudge(order.id, placed.product),)
        case AttemptFailed(retry_at=retry_at) if retry_at and order.workable:
            return (Nudge(order.id, placed.product, datetime.fromisoformat(retry_at)),)
        case OrderDelivered() | AttentionNeeded() if placed.parent:
            return (Nudge(placed.parent, placed.parent_product),)
    return ()
