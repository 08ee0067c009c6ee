"""The customer's page as it was at a moment: the page's own story, told from the order as it stood then."""

from dataclasses import replace

from msgspec import structs

from api.desk import Desk
from api.telling import Story, is_late, tell
from events.order import Order
from storage.orders import parts_of
from storage.past import Then, parts_then, past

# Whose page it was is not told. The page masks an address anyway: this becomes "••••@•••".
_SOMEBODY = "\u2022@\u2022\u2022\u2022"


def as_seen(then: Then, desk: Desk) -> Story:
    """What the page said then. Holds no personal data, and no way in."""
    order = _without_address(then.order)
    product = desk.catalogue.get(then.row.status.product)
    parts = []
    if product and product.parts:
        rows = parts_of(desk.log.engine, order.id)
        parts = parts_then(then.when, [past(row, desk.log, desk.catalogue) for row in rows])
    return tell(
        then.row,
        order,
        product,
        parts=parts,
        catalogue=desk.catalogue,
        late=is_late(then.row, product, then.when, desk.settings.speed),
        link=f"#{order.id}",
    )


def _without_address(order: Order) -> Order:
    placed = order.placed
    if placed is None or not placed.email:
        return order
    return structs.replace(order, placed=replace(placed, email=_SOMEBODY))
