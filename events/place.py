"""What a payment leads to: an order placed, paid or cancelled, or one that a person must look at."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, time
from enum import StrEnum
from typing import Any

from events.facts import (
    PAID_TOO_LATE,
    PAYMENT_EXPIRED,
    PAYMENT_FAILED,
    AttentionNeeded,
    OrderCancelled,
    OrderPlaced,
    PaymentReceived,
)
from events.money import Money
from events.order import Order
from events.plan import Delivery, Field, FieldKind, Product

# One address, nothing that a mail header could read as another. The server has the last word.
_ATOM = r"[^\s@,;:<>()\[\]\\\"\x00-\x1f\x7f.]+"
_ADDRESS = re.compile(rf"(?!.*=\?)(?=.{{3,254}}$){_ATOM}(\.{_ATOM})*@{_ATOM}(\.{_ATOM})+")


class Outcome(StrEnum):
    """What is known of the money."""

    PAID = "paid"
    PENDING = "pending"
    FAILED = "failed"
    EXPIRED = "expired"


# Why a person must look at what was paid for.
UNUSABLE = "unusable-payment"
_NO_PRODUCT = "The payment names no product of the catalogue."
_NO_ADDRESS = "There is no usable e-mail address."
_CANCELS = {Outcome.FAILED: PAYMENT_FAILED, Outcome.EXPIRED: PAYMENT_EXPIRED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Purchase:
    """What a checkout session says, in our words. ``at`` is when we learned of it, RFC 3339."""

    outcome: Outcome
    session: str
    intent: str
    product: str
    tenant: str
    live: bool
    at: str
    amount: Money
    listed: Money | None
    email: str
    fields: Mapping[str, str]


def place(
    order: Order, purchase: Purchase, subject: str, catalogue: Mapping[str, Product]
) -> list[Any]:
    """The events that ``purchase`` adds to ``order``; none if it says nothing new.

    Stripe says everything at least once and in any order: whichever event comes first places the order, and the end
    state is the same. What was paid for but cannot be made is placed too, and waits for a person.
    """
    facts: list[Any] = []
    if order.placed is None:
        if purchase.outcome is Outcome.EXPIRED:
            return []
        facts.append(
            OrderPlaced(
                product=purchase.product,
                tenant=purchase.tenant,
                subject=subject,
                at=purchase.at,
                session=purchase.session,
                intent=purchase.intent,
                price=purchase.amount,
                live=purchase.live,
                email=purchase.email,
                fields=purchase.fields,
            )
        )
    if purchase.outcome is Outcome.PAID and order.paid is None:
        facts.append(PaymentReceived(amount=purchase.amount, at=purchase.at))
        if order.erased:
            facts.append(
                AttentionNeeded(
                    reason=PAID_TOO_LATE,
                    attempt=order.attempt,
                    detail="It was paid for after its customer's data had been erased: it cannot be made.",
                    advice="Refund it in Stripe.",
                )
            )
        elif found := faults(purchase, catalogue):
            facts.append(
                AttentionNeeded(
                    reason=UNUSABLE,
                    attempt=0,
                    detail=" ".join(found),
                    advice="Correct the order, or refund it in Stripe.",
                )
            )
    if purchase.outcome in _CANCELS and not (order.paid or order.cancelled or order.erased):
        facts.append(OrderCancelled(reason=_CANCELS[purchase.outcome]))
    return facts


def faults(purchase: Purchase, catalogue: Mapping[str, Product]) -> list[str]:
    """Why this purchase cannot be made, one sentence each; empty if it can. No sentence repeats what was filled in."""
    product = catalogue.get(purchase.product)
    if product is None:
        return [_NO_PRODUCT]
    found = list(field_faults(product, purchase.fields))
    price = product.price(purchase.amount.currency)
    if price is None:
        found.append(f"{product.title} is not sold in {purchase.amount.currency!r}.")
    elif purchase.listed not in (None, price):
        found.append(f"{purchase.listed} was paid for, but {product.title} costs {price}.")
    if not usable_address(purchase.email):
        found.append(_NO_ADDRESS)
    return found


def obstacles(placed: OrderPlaced, product: Product | None) -> list[str]:
    """Why what was ordered cannot be made, whatever was paid; one sentence each, none repeats what was filled in."""
    if product is None:
        return [_NO_PRODUCT]
    found = list(field_faults(product, placed.fields))
    if product.delivery is Delivery.MAIL and not usable_address(placed.email):
        found.append(_NO_ADDRESS)
    return found


def usable_address(email: str) -> bool:
    """Whether a mail can be addressed to ``email``, and to nobody else by it."""
    return _ADDRESS.fullmatch(email) is not None


def field_faults(product: Product, filled: Mapping[str, str]) -> list[str]:
    """What is wrong with the buyer's fields, one sentence each."""
    found = (field_fault(field, filled.get(field.name, "")) for field in product.fields)
    return [fault for fault in found if fault]


def field_fault(field: Field, value: str) -> str | None:
    """What is wrong with ``value``, or ``None``."""
    if not value.strip():
        return f"The field {field.name} is missing." if field.required else None
    if len(value) > field.longest:
        return f"The field {field.name} is longer than {field.longest} characters."
    if "\0" in value:
        return f"The field {field.name} holds a NUL character."
    try:
        if field.kind is FieldKind.DATE and str(date.fromisoformat(value)) != value:
            return f"The field {field.name} is not a date like 1990-05-17."
        if field.kind is FieldKind.TIME:
            time.fromisoformat(value)
    except ValueError:
        form = "a date like 1990-05-17" if field.kind is FieldKind.DATE else "a time like 14:30"
        return f"The field {field.name} is not {form}."
    return None
