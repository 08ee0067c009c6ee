"""The customer's page as it was at a moment: the page's own story, told from the order as it stood then."""

from dataclasses import replace
from datetime import datetime

from msgspec import structs

from api.desk import Desk
from api.telling import Story, expected, tell
from events.order import Order
from events.views import Word
from storage.orders import OrderRow, parts_of
from storage.past import Past, Then, parts_then, past

# Whose page it was is not told. The page masks an address anyway: this becomes "••••@•••".
_SOMEBODY = "\u2022@\u2022\u2022\u2022"


def as_seen(then: Then, history: Past, desk: Desk) -> Story:
    """What the page said then. Holds no personal data, and no way in.

    What is usual is not kept: when the report was expected is told by what is usual today.
    """
    order = _without_address(then.order)
    product = desk.catalogue.get(then.row.status.product)
    parts: list[OrderRow] = []
    if product and product.parts:
        rows = parts_of(desk.log.engine, order.id)
        parts = parts_then(then.when, [past(row, desk.log, desk.catalogue) for row in rows])
    return tell(
        then.row,
        order,
        product,
        parts=parts,
        catalogue=desk.catalogue,
        expected=expected(then.row, desk.usual(product), then.when) if product else None,
        took=_took(then, history),
        link=f"#{order.id}",
    )


def _took(then: Then, history: Past) -> float | None:
    """How long the order had taken, in seconds; ``None`` if it was not delivered yet."""
    status = then.row.status
    if status.word is not Word.DELIVERED or not status.since:
        return None
    past_events = history.recorded[: then.by.version]
    at = next(each.recorded_at for each in past_events if each.type == "order-delivered")
    return (at - datetime.fromisoformat(status.since)).total_seconds()


def _without_address(order: Order) -> Order:
    placed = order.placed
    if placed is None or not placed.email:
        return order
    return structs.replace(order, placed=replace(placed, email=_SOMEBODY))
