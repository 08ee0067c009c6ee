"""What a person may do to an order, what it leads to, and why it may be refused."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from events.decide import waiting
from events.errors import Refused
from events.facts import (
    BY_OPERATOR,
    WISHES,
    MailSent,
    NoteMade,
    OrderCancelled,
    OrderCorrected,
    OrderErased,
    OrderRetried,
    ResendAsked,
)
from events.order import Order, evolve
from events.place import obstacles
from events.plan import Product


@dataclass(frozen=True, slots=True)
class Retry:
    """Let it go on where it stopped, now."""


@dataclass(frozen=True, slots=True)
class Cancel:
    """Make and spend nothing further. Gives no money back."""


@dataclass(frozen=True, slots=True)
class Resend:
    """Mail a delivered report once more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Correct:
    """Put right what was filled in. What is not named stays as it was."""

    product: str = ""
    email: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Arrived:
    """Say that a mail arrived of which nobody knew whether it went out."""


@dataclass(frozen=True, slots=True)
class Erase:
    """Forget the customer: their data, the texts and the files. ``by`` is whose wish it is, one of ``WISHES``."""

    by: str


Wish = Retry | Cancel | Resend | Correct | Arrived | Erase
_CORRECTION, _ERASURE = "invalid-correction", "invalid-erasure"
# Why a wish is refused for what it says, and not for how the order stands.
INVALID = frozenset({_CORRECTION, _ERASURE})
# In characters: why a customer is forgotten, which is not itself forgotten.
LONGEST_REASON = 200
# What has so many words may be a name, and what has so many letters may tell whose.
_NAME_WORDS = 4
_TELLING = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a person wants, the reason they give, and when. ``erased``: the order's personal data are gone."""

    wish: Wish
    reason: str
    now: datetime
    erased: bool = False


def intervene(order: Order, asked: Asked, catalogue: Mapping[str, Product]) -> list[Any]:
    """The facts that ``asked`` adds to ``order``, the reason first.

    Raises ``Refused`` with a stable reason, and a sentence that says what to do instead.
    """
    assert order.placed is not None
    if asked.erased or order.erased:
        raise Refused(
            "This customer's data have been erased: there is nothing left to make or to send.",
            reason="erased",
        )
    if isinstance(asked.wish, Erase):
        return [_erase(order, asked.wish, asked.reason)]
    facts = _facts(order, asked.wish, asked.now, catalogue)
    return [NoteMade(number=order.notes + 1, text=asked.reason), *facts]


def _facts(
    order: Order,
    wish: Retry | Cancel | Resend | Correct | Arrived,
    now: datetime,
    catalogue: Mapping[str, Product],
) -> list[Any]:
    match wish:
        case Retry():
            return _retry(order, catalogue, now)
        case Cancel():
            return _cancel(order)
        case Resend():
            return _resend(order)
        case Correct():
            return _correct(order, wish, catalogue)
        case Arrived():
            return _arrived(order, now)


def _retry(order: Order, catalogue: Mapping[str, Product], now: datetime) -> list[Any]:
    assert order.placed is not None
    _not_cancelled(order)
    if order.delivered and not order.resending:
        raise Refused("It has been delivered. To mail it once more, resend it.", reason="delivered")
    if order.paid is None:
        raise Refused(
            "It has not been paid for. It begins by itself when the money arrives.",
            reason="not-paid",
        )
    if order.disputed:
        raise Refused(
            "Its payment is disputed. Answer the dispute in Stripe; work goes on by itself if it is won.",
            reason="disputed",
        )
    if found := obstacles(order.placed, catalogue.get(order.placed.product)):
        raise Refused(
            f"It cannot be made as it is: {' '.join(found)} Correct the order first, then retry it.",
            reason="not-usable",
        )
    if order.attention is None and order.held_parts:
        parts = ", ".join(held.order for held in order.held_parts.values())
        raise Refused(f"It waits for its part: retry {parts} instead.", reason="part-held")
    if order.attention is None and not waiting(order, now):
        raise Refused(
            "Nothing stops it: it is being worked on, or waits for a worker.", reason="at-work"
        )
    return [OrderRetried(number=order.retries + 1, at=now.isoformat())]


def _cancel(order: Order) -> list[Any]:
    _not_cancelled(order)
    _not_a_part(order, "Cancel")
    if order.delivered:
        raise Refused(
            "It has been delivered. To give the money back, refund the payment in Stripe.",
            reason="delivered",
        )
    return [OrderCancelled(reason=BY_OPERATOR)]


def _resend(order: Order) -> list[Any]:
    _not_cancelled(order)
    _not_a_part(order, "Resend")
    if order.delivered is None:
        raise Refused(
            "It has not been delivered yet. Retry it if it is stuck.", reason="not-delivered"
        )
    if order.delivered.by != "mail":
        raise Refused(
            "It is not delivered by mail: its report can be fetched.", reason="not-mailed"
        )
    if order.resending:
        raise Refused(
            "It is to be mailed once more already. Retry it if that is stuck.", reason="at-work"
        )
    return [ResendAsked(number=order.resends + 1)]


def _correct(order: Order, wish: Correct, catalogue: Mapping[str, Product]) -> list[Any]:
    assert order.placed is not None
    _not_cancelled(order)
    _not_a_part(order, "Correct")
    if order.delivered and (wish.product or wish.fields):
        raise Refused(
            "It has been delivered. Only its e-mail address can be corrected, to resend it.",
            reason="delivered",
        )
    renamed = wish.product not in ("", order.placed.product)
    if renamed and (order.attempt or order.attention is None):
        raise Refused(
            "It has been begun, or is about to be: another product must be ordered anew.",
            reason="begun",
        )
    correction = OrderCorrected(
        number=order.corrections + 1, product=wish.product, email=wish.email, fields=wish.fields
    )
    corrected = evolve(order, correction).placed
    assert corrected is not None
    product = catalogue.get(corrected.product)
    known = {each.name for each in product.fields} if product else set()
    found = obstacles(corrected, product)
    if product and set(wish.fields) - known:
        found.append(f"{product.title} asks only for {', '.join(sorted(known))}.")
    if corrected == order.placed and not _may_repeat(order, wish, product):
        found.append("This is what it says already.")
    if found:
        raise Refused(" ".join(found), reason=_CORRECTION)
    return [correction]


def _may_repeat(order: Order, wish: Correct, product: Product | None) -> bool:
    """Whether what a bundle says already may be said again, for those of its parts that may not have heard of it."""
    return bool(product and product.parts and (wish.email or wish.fields) and not order.closed)


def _arrived(order: Order, now: datetime) -> list[Any]:
    _not_cancelled(order)
    mail = order.doubtful
    if mail is None:
        raise Refused(
            "No mail of it is in doubt. Its history says what was sent.", reason="nothing-in-doubt"
        )
    if order.running:
        raise Refused("It is being worked on. Look again in a minute.", reason="at-work")
    sent = MailSent(mail=mail.mail, message_id=mail.message_id)
    return [sent, OrderRetried(number=order.retries + 1, at=now.isoformat())]


def _erase(order: Order, wish: Erase, reason: str) -> OrderErased:
    _not_a_part(order, "Erase")
    if wish.by not in WISHES:
        raise Refused(f"Say whose wish it is: {', '.join(WISHES)}.", reason=_ERASURE)
    if len(reason) > LONGEST_REASON or _tells_who(reason, order):
        raise Refused(
            f"This reason is kept for ever, in the clear: use at most {LONGEST_REASON} characters, and nothing that the"
            " customer filled in. The number of their request is enough.",
            reason=_ERASURE,
        )
    return OrderErased(by=wish.by, reason=reason)


def _tells_who(reason: str, order: Order) -> bool:
    """Whether ``reason`` repeats what the customer filled in, or a word of their name, or holds an address."""
    assert order.placed is not None
    said = reason.casefold()
    filled = [
        value.strip().casefold() for value in (order.placed.email, *order.placed.fields.values())
    ]
    names = [
        word for value in filled if len(value.split()) <= _NAME_WORDS for word in value.split()
    ]
    whole = any(value in said for value in filled if len(value) >= _TELLING)
    words = set(re.findall(r"\w+", said))
    return "@" in said or whole or any(name in words for name in names if len(name) >= _TELLING)


def _not_cancelled(order: Order) -> None:
    if order.cancelled:
        raise Refused(
            "It has been cancelled and stays so. If the buyer still wants it, have them order again.",
            reason="cancelled",
        )


def _not_a_part(order: Order, verb: str) -> None:
    if order.placed and order.placed.parent:
        raise Refused(
            f"It is a part of a bundle. {verb} the bundle, order {order.placed.parent}, instead.",
            reason="part",
        )


def pass_on(part: Order, bundle: Order, product: Product | None) -> list[Any]:
    """The correction that gives an unfinished part what its bundle says now; nothing if it has it already."""
    if part.closed or part.placed is None or bundle.placed is None or product is None:
        return []
    wanted = {each.name for each in product.fields}
    fields = {
        name: value
        for name, value in bundle.placed.fields.items()
        if name in wanted and part.placed.fields.get(name) != value
    }
    email = bundle.placed.email if bundle.placed.email != part.placed.email else ""
    if not fields and not email:
        return []
    return [OrderCorrected(number=part.corrections + 1, email=email, fields=fields)]
