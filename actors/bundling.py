"""A bundle's parts, placed as orders of their own."""

import uuid
from collections.abc import Generator

from actors.attempt import Attempt
from events.envelope import NAMESPACE
from events.facts import OrderPlaced, PartsPlaced, PaymentReceived
from events.money import Money


def part_id(bundle: str, product: str) -> str:
    """The order id of a bundle's part: always the same, so that it can be placed only once."""
    return str(uuid.uuid5(NAMESPACE, f"part/{bundle}/{product}"))


def place_parts(products: tuple[str, ...], attempt: Attempt) -> Generator[PartsPlaced]:
    """Place an order for every part, under the bundle's own key; then say so.

    A crash in between places the rest later: a part that exists already stays as it is.
    """
    bundle, tools = attempt.order, attempt.tools
    assert bundle.placed is not None
    parts = {name: part_id(bundle.id, name) for name in products}
    for name, order_id in parts.items():
        part = tools.log.begin(order_id, attempt.history.sealer.subject)
        if part.order.placed:
            continue
        wanted = {field.name for field in tools.catalogue[name].fields}
        placed = OrderPlaced(
            product=name,
            tenant=bundle.placed.tenant,
            subject=bundle.placed.subject,
            at=bundle.placed.at,
            live=bundle.placed.live,
            parent=bundle.id,
            parent_product=bundle.placed.product,
            email=bundle.placed.email,
            fields={key: value for key, value in bundle.placed.fields.items() if key in wanted},
        )
        nothing_due = PaymentReceived(
            amount=Money(0, bundle.paid.currency if bundle.paid else "usd")
        )
        tools.log.record(part, [placed, nothing_due], attempt.cause)
    yield PartsPlaced(parts=parts)
