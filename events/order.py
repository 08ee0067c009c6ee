"""The life of an order: its events, and the state they add up to."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, assert_never

from msgspec import Struct, structs

from events.envelope import PersonalFields, PersonalText, Unknown, event
from events.money import Money, Tokens

# Facts, in the past tense. A fact is never edited; when its shape must change,
# raise the version and teach ``upcast`` to read the old one.


@event("order-placed")
class OrderPlaced:
    """Somebody wants a report. ``at`` is when we learned of it, RFC 3339.

    ``subject`` names the key that opens the personal fields. ``session`` and ``intent`` are Stripe's names for the
    payment (empty for orders by API and for parts of a bundle). ``parent`` is the bundle this order is a part of, and
    ``parent_product`` what that bundle is called in the catalogue.
    """

    product: str
    tenant: str
    subject: str
    at: str
    session: str = ""
    intent: str = ""
    price: Money | None = None
    parent: str = ""
    parent_product: str = ""
    live: bool = False
    email: PersonalText = ""
    fields: PersonalFields = field(default_factory=dict)


@event("payment-received")
class PaymentReceived:
    """The money is there, or none is due. ``at`` is when we learned of it, RFC 3339."""

    amount: Money
    at: str = ""


@event("payment-refunded", key=("amount", "full"))
class PaymentRefunded:
    """Money went back. ``amount`` is all that has gone back of this payment so far, ``full`` that nothing is left."""

    amount: Money
    full: bool


@event("dispute-opened", key=("dispute", "inquiry"))
class DisputeOpened:
    """The buyer's bank wants the money back. ``inquiry``: it only asks so far, and no money has moved.

    ``reason`` is the card company's word for it.
    """

    dispute: str
    amount: Money
    reason: str
    inquiry: bool = False


@event("dispute-closed", key=("dispute", "outcome"))
class DisputeClosed:
    """It is settled who keeps the money. ``outcome`` is Stripe's word; only ``lost`` is to our disadvantage."""

    dispute: str
    outcome: str


# What may happen to a payment after it was made. Told of the payment, not of the order: see ``events/reversal.py``.
Reversal = PaymentRefunded | DisputeOpened | DisputeClosed


@event("attention-needed", key=("reason", "attempt"))
class AttentionNeeded:
    """Nothing more happens by itself: a person must look. ``advice`` tells what they can do."""

    reason: str
    attempt: int
    detail: str
    advice: str


@event("attempt-started", key=("number",))
class AttemptStarted:
    """A worker took the order. ``number`` is its fencing token: 1, 2, 3, ..."""

    number: int
    worker: str


@event("attempt-failed", key=("number",))
class AttemptFailed:
    """The attempt ended without the order being done. ``retry_at`` is RFC 3339, or empty when it was the last.

    ``spent`` is false when the failure was not the order's fault (the other side asked us to wait), so that it does
    not count against the product's ``attempts``.
    """

    number: int
    reason: str
    detail: str
    retry_at: str = ""
    spent: bool = True


@event("attempt-ended", key=("number",), intent=True)
class AttemptEnded:
    """The worker let go of an unfinished order in good order.

    ``why`` is ``leg`` (its time was up), ``stop`` (the process is shutting down) or ``rest`` (nothing to do for now).
    """

    number: int
    why: str


@event("sections-asked", key=("attempt", "sections", "model"), intent=True)
class SectionsAsked:
    """The model is about to be asked, one call for each section: money may be spent from here on.

    Recorded before the calls, and settled call by call by ``section-written`` or ``call-failed``. What is not settled
    was in flight when the worker let go or died. ``most`` is what all these calls together can cost at most, in
    millionths of a dollar.
    """

    attempt: int
    sections: tuple[str, ...]
    model: str
    most: int = 0


@event("section-written", key=("section",))
class SectionWritten:
    """The model's answer for one section. ``cost`` is in millionths of a dollar; ``milliseconds`` is its time."""

    section: str
    attempt: int
    model: str
    tokens: Tokens
    cost: int
    milliseconds: int
    text: PersonalText


@event("call-failed", key=("section", "attempt", "model"))
class CallFailed:
    """A call brought no usable answer. ``cost`` is what it cost all the same, in millionths of a dollar.

    ``lost`` counts its tries of which nobody knows whether they were answered, because the connection was lost or the
    answer did not come in time. One of the tries may have been answered after all: then ``section-written`` stands too.
    """

    section: str
    attempt: int
    model: str
    reason: str
    tokens: Tokens
    cost: int
    lost: int = 0


@event("chunk-rendered", key=("chunk",))
class ChunkRendered:
    """A piece of the document exists as a blob. ``plain`` says that it had to fall back to plain text."""

    chunk: str
    blob: str
    pages: int
    plain: bool = False


@event("document-bound")
class DocumentBound:
    """The document is whole. ``blob`` names its content (SHA-256, hexadecimal); ``size`` is in bytes."""

    blob: str
    filename: str
    media_type: str
    pages: int
    size: int


@event("parts-placed", intent=True)
class PartsPlaced:
    """Every part of a bundle is an order of its own: product to order id."""

    parts: Mapping[str, str]


@event("part-finished", key=("product",))
class PartFinished:
    """A part's document is ready to be handed over with the others."""

    product: str
    order: str
    document: DocumentBound


@event("part-held", key=("product", "number"))
class PartHeld:
    """A part needs a person, and the bundle waits for it. ``number`` tells its troubles apart."""

    product: str
    order: str
    number: int
    reason: str


@event("part-resumed", key=("product", "number"))
class PartResumed:
    """Work on a held part goes on."""

    product: str
    number: int


@event("mail-intended", key=("mail", "attempt"), intent=True)
class MailIntended:
    """A mail is about to go out under this Message-ID. Without ``mail-sent`` nobody can know whether it did.

    ``attempt`` is the order's for the report, and counts the tries of any other mail. ``until`` is RFC 3339: whoever
    finds no outcome by then may send that other mail again.
    """

    mail: str
    attempt: int
    message_id: str
    until: str = ""


@event("mail-sent", key=("mail",))
class MailSent:
    """The mail server took the mail over."""

    mail: str
    message_id: str


@event("mail-failed", key=("mail", "attempt"))
class MailFailed:
    """A mail did not go out, as far as we know. ``retry_at`` is RFC 3339, or empty if nobody waits for that time."""

    mail: str
    attempt: int
    reason: str
    retry_at: str = ""
    message_id: str = ""


@event("note-made", key=("number",), intent=True)
class NoteMade:
    """A person says why they do what is recorded with it."""

    number: int
    text: PersonalText


@event("resend-asked", key=("number",), intent=True)
class ResendAsked:
    """A person wants the report to be mailed once more."""

    number: int


@event("order-retried", key=("number",), intent=True)
class OrderRetried:
    """A person has looked: work may go on where it stopped. ``at`` is when, RFC 3339: deadlines count from then."""

    number: int
    at: str


@event("order-corrected", key=("number",), intent=True)
class OrderCorrected:
    """A person has put right what was filled in. What is empty here stays as it was."""

    number: int
    product: str = ""
    email: PersonalText = ""
    fields: PersonalFields = field(default_factory=dict)


@event("order-delivered", intent=True)
class OrderDelivered:
    """The buyer has it, or can fetch it. ``by`` is ``mail``, ``api`` or ``bundle``."""

    by: str


@event("order-cancelled", key=("reason",))
class OrderCancelled:
    """Nothing further is made or spent."""

    reason: str


# Why a person decides whether the report is mailed again.
MAIL_DOUBTFUL = "mail-doubtful"
# Why an order is cancelled that was never paid for. Money that arrives all the same revives it: what Stripe says comes
# in any order, and the end must be the same.
PAYMENT_FAILED = "payment-failed"
PAYMENT_EXPIRED = "payment-expired"
UNPAID = frozenset({PAYMENT_FAILED, PAYMENT_EXPIRED})
# Why an order is cancelled whose money is gone.
REFUNDED = "refunded"
DISPUTE_LOST = "dispute-lost"
LOST = "lost"
# Why an order is cancelled by a person.
BY_OPERATOR = "operator"

OrderEvent = (
    OrderPlaced
    | PaymentReceived
    | PaymentRefunded
    | DisputeOpened
    | DisputeClosed
    | AttentionNeeded
    | AttemptStarted
    | AttemptFailed
    | AttemptEnded
    | SectionsAsked
    | SectionWritten
    | CallFailed
    | ChunkRendered
    | DocumentBound
    | PartsPlaced
    | PartFinished
    | PartHeld
    | PartResumed
    | MailIntended
    | MailSent
    | MailFailed
    | NoteMade
    | ResendAsked
    | OrderRetried
    | OrderCorrected
    | OrderDelivered
    | OrderCancelled
    | Unknown
)


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
    attentions: int = 0
    notes: int = 0
    retries: int = 0
    corrections: int = 0
    resends: int = 0

    @property
    def closed(self) -> bool:
        """Nothing is left to be done for the buyer, unless a person asks for it."""
        return self.delivered is not None or self.cancelled is not None

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
            and (self.delivered is None or self.resending != "")
            and not self.disputed
        )


def evolve(order: Order, event: OrderEvent) -> Order:  # noqa: C901, PLR0911, PLR0912 - one case an event
    """Apply one event. Never refuses: what happened, happened."""
    order = structs.replace(order, version=order.version + 1)
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
        case SectionsAsked(sections=names, most=most):
            each = most // max(1, len(names))
            return structs.replace(
                _let_go(order), running=order.running, asked=names, most_each=each
            )
        case SectionWritten(section=name):
            sections = {**order.sections, name: event}
            return structs.replace(_progressed(_settled(order, name)), sections=sections)
        case CallFailed(section=name, cost=cost, lost=lost):
            return structs.replace(
                _settled(order, name),
                wasted=order.wasted + Calls(int(lost == 0), cost),
                lost=order.lost + Calls(lost, lost * order.most_each),
            )
        case ChunkRendered(chunk=name):
            return structs.replace(_progressed(order), chunks={**order.chunks, name: event})
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
    lost = order.lost + Calls(len(order.asked), order.reserved)
    return structs.replace(order, running=False, asked=(), most_each=0, lost=lost)


def _settled(order: Order, section: str) -> Order:
    return structs.replace(order, asked=tuple(name for name in order.asked if name != section))


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
