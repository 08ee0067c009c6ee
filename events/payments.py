"""Reads what Stripe says, whatever shape it comes in: a ``Purchase``, or what became of a payment later."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from events.envelope import NAMESPACE
from events.facts import LOST, DisputeClosed, DisputeOpened, PaymentRefunded, Reversal
from events.money import Money
from events.place import Outcome, Purchase

_COMPLETED = "checkout.session.completed"
_OUTCOMES = {
    _COMPLETED: Outcome.PAID,
    "checkout.session.async_payment_succeeded": Outcome.PAID,
    "checkout.session.async_payment_failed": Outcome.FAILED,
    "checkout.session.expired": Outcome.EXPIRED,
}
# ``charge.refunded`` comes with every refund and says how much has gone back in all: whatever its order and number of
# arrival, the largest sum is the latest. What ``refund.*`` and ``charge.refund.updated`` tell is one refund of several,
# and nothing that it does not tell.
_REFUNDED = "charge.refunded"
# Any event of a dispute carries its status, and the status is all that is read of it.
_DISPUTE = "charge.dispute."
# All kinds that are read: what a webhook must send, and what is asked for when it may not have.
LISTENED = (
    *_OUTCOMES,
    _REFUNDED,
    f"{_DISPUTE}created",
    f"{_DISPUTE}updated",
    f"{_DISPUTE}closed",
    f"{_DISPUTE}funds_withdrawn",
    f"{_DISPUTE}funds_reinstated",
)
# What a checkout session's own state says, as the event that told of it.
_STATES = {"complete": _COMPLETED, "expired": "checkout.session.expired"}
_CLOSED = frozenset({"won", LOST, "warning_closed", "prevented"})
_INQUIRY = "warning_"
_NOTHING_DUE = "no_payment_required"
_SETTLED = frozenset({"paid", _NOTHING_DUE})
# Stripe's own ids are at most 255 characters; its amounts at most 8 digits, in some currencies 12.
_LONGEST_NAME = 255
_LARGEST_AMOUNT = 10**12


@dataclass(frozen=True, slots=True)
class Ignored:
    """Nothing about an order of ours; ``reason`` is one word for machines."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reversed:
    """What became of a payment after it was made. ``intent`` is Stripe's name for the payment."""

    tenant: str
    intent: str
    fact: Reversal


def order_id(tenant: str, session: str) -> str:
    """The order that is paid for in this checkout session: one, however many events tell of it."""
    return str(uuid.uuid5(NAMESPACE, f"stripe/{tenant}/{session}"))


def event_name(event: Mapping[str, object]) -> str:
    """Stripe's id of the event, or nothing."""
    return _name(event.get("id"))


def as_event(session: Mapping[str, object]) -> dict[str, object] | None:
    """The event that would have told of a session as Stripe has it now; ``None`` while its buyer may still pay."""
    kind = _STATES.get(_name(session.get("status")))
    if kind is None:
        return None
    return {"type": kind, "livemode": session.get("livemode"), "data": {"object": session}}


def read(
    event: Mapping[str, object], *, tenant: str, live: bool, at: str
) -> Purchase | Reversed | Ignored:
    """What ``event`` says, as far as it concerns us. Raises nothing: a payment must not be lost to a strange field.

    Few fields are read, because their names drift between Stripe's API versions. What is missing or of another type
    than expected reads as empty, and a paid order that lacks something is left to a person.
    """
    kind = _name(event.get("type"))
    reverses = kind == _REFUNDED or kind.startswith(_DISPUTE)
    if kind not in _OUTCOMES and not reverses:
        return Ignored("unknown-type")
    if event.get("account"):
        return Ignored("other-account")
    if event.get("livemode") is (not live):
        return Ignored("other-livemode")
    told = _mapping(_mapping(event.get("data")).get("object"))
    if reverses:
        return _reversed(told, tenant, refund=kind == _REFUNDED)
    return _purchase(event, told, tenant=tenant, live=live, at=at)


def _purchase(
    event: Mapping[str, object], session: Mapping[str, object], *, tenant: str, live: bool, at: str
) -> Purchase | Ignored:
    outcome = _OUTCOMES[_name(event.get("type"))]
    if _name(session.get("mode")) not in ("payment", ""):
        return Ignored("other-mode")
    name = _name(session.get("id")) or event_name(event)
    if not name:
        return Ignored("nameless")
    status = _name(session.get("payment_status"))
    # Versions before payment_status completed a session only when it was paid.
    if event.get("type") == _COMPLETED and status and status not in _SETTLED:
        outcome = Outcome.PENDING
    metadata = _mapping(session.get("metadata"))
    amount, listed = _amounts(session)
    return Purchase(
        outcome=outcome,
        session=name,
        intent=_name(session.get("payment_intent")),
        product=_name(metadata.get("product")),
        tenant=tenant,
        live=live,
        at=at,
        amount=amount,
        listed=None if status == _NOTHING_DUE else listed,
        email=_email(session),
        fields={
            _text(key): _text(value)
            for key, value in metadata.items()
            if key != "product" and isinstance(value, str)
        },
    )


def _reversed(told: Mapping[str, object], tenant: str, *, refund: bool) -> Reversed | Ignored:
    intent = _name(told.get("payment_intent"))
    if not intent:
        return Ignored("no-payment-intent")  # not paid for in a checkout session
    fact = _refund(told) if refund else _dispute(told)
    return Reversed(tenant=tenant, intent=intent, fact=fact) if fact else Ignored("nothing-said")


def _refund(charge: Mapping[str, object]) -> PaymentRefunded | None:
    paid, back = _whole(charge.get("amount")), _whole(charge.get("amount_refunded"))
    full = charge.get("refunded") is True or 0 < paid <= back
    if not full and back <= 0:
        return None
    currency = _name(charge.get("currency")).lower()
    return PaymentRefunded(amount=Money(max(back, 0) or paid, currency), full=full)


def _dispute(dispute: Mapping[str, object]) -> DisputeOpened | DisputeClosed | None:
    name, status = _name(dispute.get("id")), _name(dispute.get("status"))
    if not name:
        return None
    if status in _CLOSED:
        return DisputeClosed(dispute=name, outcome=status)
    # A status that is not known here pauses the order too: a person will see it.
    amount = Money(_whole(dispute.get("amount")), _name(dispute.get("currency")).lower())
    return DisputeOpened(
        dispute=name,
        amount=amount,
        reason=_name(dispute.get("reason")),
        inquiry=status.startswith(_INQUIRY),
    )


def _amounts(session: Mapping[str, object]) -> tuple[Money, Money]:
    """What was paid, and the list price it was paid for: before discounts, without tax and shipping."""
    currency = _name(session.get("currency")).lower()
    total = _whole(session.get("amount_total"))
    details = _mapping(session.get("total_details"))
    discount, tax, shipping = (
        _whole(details.get(f"amount_{part}")) for part in ("discount", "tax", "shipping")
    )
    return Money(total, currency), Money(total + discount - tax - shipping, currency)


def _email(session: Mapping[str, object]) -> str:
    given = _text(_mapping(session.get("customer_details")).get("email"))
    return (given or _text(session.get("customer_email"))).strip()


def _name(value: object) -> str:
    """An id or a word; of an expanded object its id."""
    if isinstance(value, Mapping):
        value = value.get("id")
    return _text(value)[:_LONGEST_NAME]


def _text(value: object) -> str:
    """Text that Postgres can keep: without NUL, and with lone surrogates replaced."""
    if not isinstance(value, str):
        return ""
    return value.replace("\0", "").encode("utf-8", "replace").decode()


def _whole(value: object) -> int:
    known = isinstance(value, int) and not isinstance(value, bool) and abs(value) <= _LARGEST_AMOUNT
    return value if known and isinstance(value, int) else 0


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}
