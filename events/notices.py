"""Who has still to be told of what: the notices that an order's history calls for."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from events.facts import MAIL_DOUBTFUL, DisputeOpened, MailFailed, MailIntended, MailSent
from events.order import Order
from events.place import usable_address
from events.plan import Delivery, Product

# The mail to the customer, once in an order's life, however often it gets into trouble.
TROUBLE = "trouble"
# The mail that says how long it will take, of what takes so long that nobody waits for it before the screen.
CONFIRMATION = "confirmation"
LONG_SECONDS = 600.0
# The mail that says how much money has gone back: one for each sum, which is part of its name.
REFUND = "refund-"
ALERT = "alert-"
# Nothing to write to the customer about: their address is the trouble, or they may have the report already.
UNTOLD = frozenset({"mail-refused", "mail-address", MAIL_DOUBTFUL})
LATE = "late"
_FIRST_WAIT = timedelta(seconds=30)
_LONGEST_WAIT = timedelta(hours=1)
# How long after an intent without an outcome the notice is sent again, under the same Message-ID.
DOUBT = timedelta(minutes=2)
_MOST_TRIES = 12


class To(StrEnum):
    """Who is told."""

    CUSTOMER = "customer"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class Notice:
    """A mail that is owed. ``mail`` is its name in the log; ``due_at`` is never later than it should go out."""

    mail: str
    to: To
    due_at: datetime


def owed(order: Order, product: Product | None) -> tuple[Notice, ...]:
    """The notices that have not gone out yet, whenever they are due.

    ``product`` is ``None`` when the catalogue does not have what was paid for. A part's customer is told of by its
    bundle, and so are its disputes.
    """
    if order.placed is None:
        return ()
    found = (
        Notice(mail, to, later)
        for mail, to, due_at in _called_for(order, product)
        if (later := _next(order, mail, due_at)) is not None
    )
    return tuple(found)


def tell_at(order: Order, product: Product | None) -> datetime | None:
    """When the next notice is due, or ``None`` if none is owed."""
    return min((each.due_at for each in owed(order, product)), default=None)


def intend(
    order: Order, mail: str, message_id: str, now: datetime, doubt: timedelta = DOUBT
) -> MailIntended:
    """The intent to send this notice now."""
    return MailIntended(
        mail=mail,
        attempt=tries(order, mail) + 1,
        message_id=message_id,
        until=(now + doubt).isoformat(),
    )


def fail(intent: MailIntended, reason: str, now: datetime, *, final: bool) -> MailFailed:
    """What to record when the notice did not go out: 30 s, 60 s, 120 s ... up to an hour later it is tried again.

    One to the customer is given up after twelve tries, or at once if that is ``final``; one to the operator never.
    """
    wait = min(_FIRST_WAIT * 2 ** min(intent.attempt - 1, _MOST_TRIES), _LONGEST_WAIT)
    to_customer = not intent.mail.startswith(ALERT)
    over = to_customer and (final or intent.attempt >= _MOST_TRIES)
    return MailFailed(
        mail=intent.mail,
        attempt=intent.attempt,
        reason=reason,
        retry_at="" if over else (now + wait).isoformat(),
        message_id=intent.message_id,
    )


def tried_as(order: Order, mail: str) -> str:
    """The Message-ID under which ``mail`` may have gone out already, or nothing."""
    last = order.mails.get(mail)
    return last.message_id if isinstance(last, MailIntended | MailFailed) else ""


def tries(order: Order, mail: str) -> int:
    """How often ``mail`` has been tried."""
    last = order.mails.get(mail)
    return last.attempt if isinstance(last, MailIntended | MailFailed) else 0


def _called_for(order: Order, product: Product | None) -> Iterable[tuple[str, To, datetime]]:
    assert order.placed is not None
    placed_at = datetime.fromisoformat(order.placed.at)
    if order.attention and not order.cancelled:
        yield f"{ALERT}{order.attentions}", To.OPERATOR, placed_at
    for mail in _for_customer(order, product):
        yield mail, To.CUSTOMER, placed_at
    if order.placed.parent:
        return
    if order.disputed:
        disputes = sum(isinstance(each, DisputeOpened) for each in order.reversals)
        yield f"{ALERT}dispute-{disputes}", To.OPERATOR, placed_at
        return
    # What waits for a person anyway has been told of already.
    if product and order.paid and not (order.closed or order.attention or order.held_parts):
        deadline = timedelta(seconds=product.pacing.deadline)
        yield (
            f"{ALERT}{LATE}-{order.retries + 1}",
            To.OPERATOR,
            datetime.fromisoformat(order.since) + deadline,
        )


def _for_customer(order: Order, product: Product | None) -> Iterable[str]:
    assert order.placed is not None
    if order.placed.parent or order.erased:
        return
    if product and product.delivery is not Delivery.MAIL:
        return
    if not usable_address(order.placed.email):
        return
    if order.refunded:
        yield f"{REFUND}{order.refunded.amount}"
    if order.closed or order.disputed:
        return
    if _in_trouble(order):
        yield TROUBLE
    elif product and order.paid and product.promise >= LONG_SECONDS and not order.attention:
        yield CONFIRMATION


def _in_trouble(order: Order) -> bool:
    worth_telling = order.attention is not None and order.attention.reason not in UNTOLD
    return worth_telling or bool(order.held_parts)


def _next(order: Order, mail: str, due_at: datetime) -> datetime | None:
    match order.mails.get(mail):
        case MailSent():
            return None
        case MailIntended(until=until) if until:
            return datetime.fromisoformat(until)
        case MailFailed(retry_at=retry_at):
            return datetime.fromisoformat(retry_at) if retry_at else None
    return due_at
