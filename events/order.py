"""The state of an order: what its events add up to."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, assert_never

from msgspec import Struct, structs

from events.envelope import Unknown
from events.facts import (
    UNPAID,
    AttemptEnded,
    AttemptFailed,
    AttemptStarted,
    AttentionNeeded,
    CallFailed,
    ChunkRendered,
    DisputeClosed,
    DisputeOpened,
    DocumentBound,
    MailFailed,
    MailIntended,
    MailSent,
    NoteMade,
    OrderCancelled,
    OrderCorrected,
    OrderDelivered,
    OrderErased,
    OrderEvent,
    OrderPlaced,
    OrderRetried,
    PartFinished,
    PartHeld,
    PartResumed,
    PartsPlaced,
    PaymentReceived,
    PaymentRefunded,
    ResendAsked,
    Reversal,
    SectionsAsked,
    SectionWritten,
)
from events.money import Money


@dataclass(frozen=True, slots=True)
class Calls:
    """Some calls, and what they cost or can cost, in millionths of a dollar."""

    number: int = 0
    cost: int = 0

    def __add__(self, other: "Calls") -> "Calls":
        return Calls(self.number + other.number, self.cost + other.cost)


# A struct and not a dataclass: a copy with a change takes a microsecond instead of ten, and every event makes one.
class Order(Struct, frozen=True, kw_only=True):
    """What the events add up to.

    ``attempt`` is the latest fencing token, ``running`` whether that attempt has not ended as far as the log knows.
    ``failures`` counts spent attempts and ``crashes`` attempts that never said how they ended, both since the last
    progress: an order that still moves is never given up. ``since`` is when the time that it may take began, RFC 3339:
    when it was paid for, or when a person last let it go on. ``asked`` are the sections whose calls are in flight, each
    of which can cost ``most_each``; ``wasted`` the calls that were answered without use; ``lost`` those of which nobody
    knows whether they were answered, because the worker died or let go, with the most that they can have cost.
    ``attentions``, ``notes``, ``retries``, ``corrections`` and ``resends`` count.
    """

    id: str
    version: int = 0
    placed: OrderPlaced | None = None
    since: str = ""
    paid: Money | None = None
    reversals: tuple[Reversal, ...] = ()
    attempt: int = 0
    running: bool = False
    crashes: int = 0
    failures: int = 0
    failure: AttemptFailed | None = None
    asked: tuple[str, ...] = ()
    most_each: int = 0
    wasted: Calls = Calls()
    lost: Calls = Calls()
    sections: Mapping[str, SectionWritten] = {}
    chunks: Mapping[str, ChunkRendered] = {}
    document: DocumentBound | None = None
    parts: Mapping[str, str] = {}
    finished_parts: Mapping[str, PartFinished] = {}
    held_parts: Mapping[str, PartHeld] = {}
    mails: Mapping[str, MailIntended | MailSent | MailFailed] = {}
    delivered: OrderDelivered | None = None
    attention: AttentionNeeded | None = None
    cancelled: OrderCancelled | None = None
    erased: OrderErased | None = None
    attentions: int = 0
    notes: int = 0
    retries: int = 0
    corrections: int = 0
    resends: int = 0

    @property
    def closed(self) -> bool:
        """Nothing is left to be done for the buyer, unless a person asks for it."""
        return any(each is not None for each in (self.delivered, self.cancelled, self.erased))

    @property
    def resending(self) -> str:
        """The name of the mail that a person wants sent once more, if it has not been sent yet."""
        name = f"report-{self.resends + 1}"
        return name if self.resends and not isinstance(self.mails.get(name), MailSent) else ""

    @property
    def doubtful(self) -> MailIntended | None:
        """The report's mail of which nobody knows whether it went out, if there is one."""
        found = (mail for name, mail in self.mails.items() if _in_doubt(name, mail))
        return next((mail for mail in found if isinstance(mail, MailIntended)), None)

    @property
    def refunded(self) -> Money | None:
        """How much of the payment has gone back, whichever refund was heard of last."""
        refunds = [each.amount for each in self.reversals if isinstance(each, PaymentRefunded)]
        return max(refunds, key=lambda amount: amount.amount, default=None)

    @property
    def disputed(self) -> bool:
        """Whether a dispute is open. A closed one stays closed, even if its opening is heard of later."""
        if not self.reversals:
            return False  # almost always, and asked for at every turn
        opened = {each.dispute for each in self.reversals if isinstance(each, DisputeOpened)}
        return bool(
            opened - {each.dispute for each in self.reversals if isinstance(each, DisputeClosed)}
        )

    @property
    def cost(self) -> int:
        """What the answers to its calls have cost so far, in millionths of a dollar."""
        return self.wasted.cost + sum(section.cost for section in self.sections.values())

    @property
    def spent(self) -> int:
        """The most that all its calls can have cost so far, those included of which nobody knows."""
        return self.cost + self.lost.cost

    @property
    def reserved(self) -> int:
        """The most that the calls in flight can cost."""
        return self.most_each * len(self.asked)

    @property
    def workable(self) -> bool:
        """A worker may take it up."""
        return (
            self.placed is not None
            and self.paid is not None
            and self.attention is None
            and self.cancelled is None
            and self.erased is None
            and (self.delivered is None or self.resending != "")
            and not self.disputed
        )


def evolve(order: Order, event: OrderEvent) -> Order:  # noqa: C901, PLR0911, PLR0912 - one case an event
    """Apply one event. Never refuses: what happened, happened."""
    version = order.version + 1
    match event:  # what a long order has hundreds of comes first, and is copied once
        case ChunkRendered(chunk=name):
            chunks = {**order.chunks, name: event}
            return structs.replace(order, version=version, chunks=chunks, failures=0, crashes=0)
        case SectionWritten(section=name):
            return structs.replace(
                order,
                version=version,
                sections={**order.sections, name: event},
                asked=_without_call(order, name),
                failures=0,
                crashes=0,
            )
        case SectionsAsked(sections=names, most=most):
            return structs.replace(
                order,
                version=version,
                asked=names,
                most_each=most // max(1, len(names)),
                lost=_lost(order),
            )
    order = structs.replace(order, version=version)
    match event:
        case OrderPlaced(at=at):
            return structs.replace(order, placed=event, since=at)
        case PaymentReceived(amount=amount, at=at):
            unpaid = order.cancelled is not None and order.cancelled.reason in UNPAID
            return structs.replace(
                order,
                paid=amount,
                since=at or order.since,
                cancelled=None if unpaid else order.cancelled,
            )
        case PaymentRefunded() | DisputeOpened() | DisputeClosed():
            return structs.replace(order, reversals=(*order.reversals, event))
        case AttemptStarted(number=number):
            crashes = order.crashes + order.running
            return structs.replace(
                _let_go(order), attempt=number, running=True, crashes=crashes, failure=None
            )
        case AttemptEnded():
            return _let_go(order)
        case AttemptFailed(spent=spent):
            return structs.replace(_let_go(order), failure=event, failures=order.failures + spent)
        case CallFailed(section=name, cost=cost, lost=lost):
            return structs.replace(
                order,
                asked=_without_call(order, name),
                wasted=order.wasted + Calls(int(lost == 0), cost),
                lost=order.lost + Calls(lost, lost * order.most_each),
            )
        case DocumentBound():
            return structs.replace(_progressed(order), document=event)
        case PartsPlaced(parts=parts):
            return structs.replace(_progressed(order), parts=parts)
        case PartFinished(product=name):
            finished = {**order.finished_parts, name: event}
            return structs.replace(
                _progressed(order), finished_parts=finished, held_parts=_without(order, name)
            )
        case PartHeld(product=name):
            return structs.replace(order, held_parts={**order.held_parts, name: event})
        case PartResumed(product=name):
            return structs.replace(order, held_parts=_without(order, name))
        case MailIntended(mail=mail) | MailSent(mail=mail) | MailFailed(mail=mail):
            return structs.replace(order, mails={**order.mails, mail: event})
        case OrderDelivered():
            return structs.replace(_let_go(order), delivered=event)
        case AttentionNeeded():
            return structs.replace(_let_go(order), attention=event, attentions=order.attentions + 1)
        case OrderCancelled():
            return structs.replace(_let_go(order), cancelled=event)
        case OrderErased():
            return structs.replace(_let_go(order), erased=event, attention=None)
        case NoteMade():
            return structs.replace(order, notes=order.notes + 1)
        case ResendAsked():
            return structs.replace(order, resends=order.resends + 1)
        case OrderRetried(at=at):
            # Whoever lets it go on knows that a mail may have gone out, and wants it sent.
            mails = {name: mail for name, mail in order.mails.items() if not _in_doubt(name, mail)}
            return structs.replace(
                _progressed(order),
                attention=None,
                failure=None,
                mails=mails,
                since=at,
                retries=order.retries + 1,
            )
        case OrderCorrected():
            return structs.replace(
                order, placed=_corrected(order.placed, event), corrections=order.corrections + 1
            )
        case Unknown():
            return order
    assert_never(event)


def _let_go(order: Order) -> Order:
    """Nobody works on it any more; calls that were in flight are lost."""
    return structs.replace(order, running=False, asked=(), most_each=0, lost=_lost(order))


def _lost(order: Order) -> Calls:
    """The calls that nobody knows the end of, once those in flight are given up."""
    if not order.asked:
        return order.lost
    return order.lost + Calls(len(order.asked), order.reserved)


def _without_call(order: Order, section: str) -> tuple[str, ...]:
    return tuple(name for name in order.asked if name != section)


def _without(order: Order, part: str) -> dict[str, PartHeld]:
    return {name: held for name, held in order.held_parts.items() if name != part}


def _in_doubt(name: str, mail: MailIntended | MailSent | MailFailed) -> bool:
    return name.startswith("report") and isinstance(mail, MailIntended)


def _corrected(placed: OrderPlaced | None, correction: OrderCorrected) -> OrderPlaced | None:
    return placed and replace(
        placed,
        product=correction.product or placed.product,
        email=correction.email or placed.email,
        fields={**placed.fields, **correction.fields},
    )


def _progressed(order: Order) -> Order:
    return structs.replace(order, failures=0, crashes=0)


def fold(order_id: str, events: Iterable[Any]) -> Order:
    """The order these events add up to, oldest first."""
    order = Order(id=order_id)
    for each in events:
        order = evolve(order, each)
    return order
