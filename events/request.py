"""What a tenant's program orders: whether it can be made, and the events it leads to."""

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from events.envelope import NAMESPACE
from events.facts import OrderPlaced, PaymentReceived
from events.money import Money
from events.order import Order
from events.place import field_fault, usable_address
from events.plan import Delivery, Product

_LONGEST_NAME = 40
_MOST_FAULTS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """An order as it was asked for."""

    product: str
    fields: Mapping[str, str]
    email: str = ""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong, and where: ``pointer`` is a JSON pointer (RFC 6901) into the request. Repeats no value."""

    pointer: str
    message: str


def order_id(tenant: str, key: str) -> str:
    """The order that a tenant means by this key: one, however often and by however many it is asked for."""
    return str(uuid.uuid5(NAMESPACE, f"api/{tenant}/{key}"))


def faults(request: Request, catalogue: Mapping[str, Product]) -> list[Fault]:
    """Why this cannot be made; empty if it can."""
    product = catalogue.get(request.product)
    if product is None:
        return [Fault("/product", "There is no such product; GET /v1/products lists them all.")]
    return [each for each, _ in zip(_faults(request, product), range(_MOST_FAULTS), strict=False)]


def place(
    order: Order, request: Request, *, product: Product, tenant: str, live: bool, at: str
) -> list[Any]:
    """The events that ``request`` adds to ``order``: it is placed, and nothing is due. None if it was placed before."""
    if order.placed is not None:
        return []
    nothing = Money(0, product.prices[0].currency)
    return [
        OrderPlaced(
            product=request.product,
            tenant=tenant,
            subject=order.id,
            at=at,
            price=nothing,
            live=live,
            email=request.email,
            fields=dict(request.fields),
        ),
        PaymentReceived(amount=nothing),
    ]


def same(placed: OrderPlaced, request: Request) -> bool:
    """Whether that order was placed by this very request."""
    before = Request(product=placed.product, fields=dict(placed.fields), email=placed.email)
    return before == Request(
        product=request.product, fields=dict(request.fields), email=request.email
    )


def _faults(request: Request, product: Product) -> Iterator[Fault]:
    asked = {field.name: field for field in product.fields}
    for name in request.fields:
        if name not in asked:
            # A name of ours is short; a longer one may be anything, and is not repeated.
            place = f"/{_escaped(name)}" if len(name) <= _LONGEST_NAME else ""
            yield Fault(f"/fields{place}", f"{product.title} has no such field.")
    for name, field in asked.items():
        if message := field_fault(field, request.fields.get(name, "")):
            yield Fault(f"/fields/{name}", message)
    if request.email and not usable_address(request.email):
        yield Fault("/email", "This is no usable e-mail address.")
    elif not request.email and product.delivery is Delivery.MAIL:
        yield Fault("/email", f"{product.title} is delivered by e-mail: say where to.")


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
