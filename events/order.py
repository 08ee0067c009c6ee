"""The life of an order: its events, and the state they add up to."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, assert_never

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
    """The money is there, or none is due."""

    amount: Money


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


@event("sections-asked", key=("attempt", "sections"), intent=True)
class SectionsAsked:
    """The model is about to be asked: money may be spent from here on.

    Recorded before the calls. Whatever is not followed by its ``section-written`` was in flight when the worker died.
    """

    attempt: int
    sections: tuple[str, ...]
    model: str


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


@event("mail-intended", key=("mail", "attempt"), intent=True)
class MailIntended:
    """A mail is about to go out under this Message-ID. Without ``mail-sent`` nobody can know whether it did."""

    mail: str
    attempt: int
    message_id: str


@event("mail-sent", key=("mail",))
class MailSent:
    """The mail server took the mail over."""

    mail: str
    message_id: str


@event("order-delivered", intent=True)
class OrderDelivered:
    """The buyer has it, or can fetch it. ``by`` is ``mail``, ``api`` or ``bundle``."""

    by: str


@event("order-cancelled", key=("reason",))
class OrderCancelled:
    """Nothing further is made or spent."""

    reason: str


# Why an order is cancelled that was never paid for. Money that arrives all the same revives it: what Stripe says comes
# in any order, and the end must be the same.
PAYMENT_FAILED = "payment-failed"
PAYMENT_EXPIRED = "payment-expired"
UNPAID = frozenset({PAYMENT_FAILED, PAYMENT_EXPIRED})
# Why an order is cancelled whose money is gone.
REFUNDED = "refunded"
DISPUTE_LOST = "dispute-lost"
LOST = "lost"

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
    | ChunkRendered
    | DocumentBound
    | PartsPlaced
    | PartFinished
    | MailIntended
    | MailSent
    | OrderDelivered
    | OrderCancelled
    | Unknown
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What the events add up to.

    ``attempt`` is the latest fencing token, ``running`` whether that attempt has not ended as far as the log knows.
    ``failures`` counts spent attempts and ``crashes`` attempts that never said how they ended, both since the last
    progress: an order that still moves is never given up.
    """

    id: str
    version: int = 0
    placed: OrderPlaced | None = None
    paid: Money | None = None
    reversals: tuple[Reversal, ...] = ()
    attempt: int = 0
    running: bool = False
    crashes: int = 0
    failures: int = 0
    failure: AttemptFailed | None = None
    asked: tuple[str, ...] = ()
    sections: Mapping[str, SectionWritten] = field(default_factory=dict)
    chunks: Mapping[str, ChunkRendered] = field(default_factory=dict)
    document: DocumentBound | None = None
    parts: Mapping[str, str] = field(default_factory=dict)
    finished_parts: Mapping[str, PartFinished] = field(default_factory=dict)
    mails: Mapping[str, MailIntended | MailSent] = field(default_factory=dict)
    delivered: OrderDelivered | None = None
    attention: AttentionNeeded | None = None
    cancelled: OrderCancelled | None = None

    @property
    def closed(self) -> bool:
        """Nothing will ever be done again by a worker."""
        return self.delivered is not None or self.cancelled is not None

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
        """What its model calls have cost so far, in millionths of a dollar."""
        return sum(section.cost for section in self.sections.values())

    @property
    def workable(self) -> bool:
        """A worker may take it up."""
        return (
            self.placed is not None
            and self.paid is not None
            and self.attention is None
            and not self.closed
            and not self.disputed
        )


def evolve(order: Order, event: OrderEvent) -> Order:  # noqa: C901, PLR0911, PLR0912 - one case an event
    """Apply one event. Never refuses: what happened, happened."""
    order = replace(order, version=order.version + 1)
    match event:
        case OrderPlaced():
            return replace(order, placed=event)
        case PaymentReceived(amount=amount):
            unpaid = order.cancelled is not None and order.cancelled.reason in UNPAID
            return replace(order, paid=amount, cancelled=None if unpaid else order.cancelled)
        case PaymentRefunded() | DisputeOpened() | DisputeClosed():
            return replace(order, reversals=(*order.reversals, event))
        case AttemptStarted(number=number):
            crashes = order.crashes + order.running
            return replace(order, attempt=number, running=True, crashes=crashes, failure=None)
        case AttemptEnded():
            return replace(order, running=False, asked=())
        case AttemptFailed(spent=spent):
            failures = order.failures + spent
            return replace(order, running=False, asked=(), failure=event, failures=failures)
        case SectionsAsked(sections=names):
            return replace(order, asked=names)
        case SectionWritten(section=name):
            asked = tuple(other for other in order.asked if other != name)
            sections = {**order.sections, name: event}
            return replace(_progressed(order), asked=asked, sections=sections)
        case ChunkRendered(chunk=name):
            return replace(_progressed(order), chunks={**order.chunks, name: event})
        case DocumentBound():
            return replace(_progressed(order), document=event)
        case PartsPlaced(parts=parts):
            return replace(_progressed(order), parts=parts)
        case PartFinished(product=name):
            finished = {**order.finished_parts, name: event}
            return replace(_progressed(order), finished_parts=finished)
        case MailIntended(mail=mail) | MailSent(mail=mail):
            return replace(order, mails={**order.mails, mail: event})
        case OrderDelivered():
            return replace(order, delivered=event, running=False)
        case AttentionNeeded():
            return replace(order, attention=event, running=False, asked=())
        case OrderCancelled():
            return replace(order, cancelled=event, running=False, asked=())
        case Unknown():
            return order
    assert_never(event)


def _progressed(order: Order) -> Order:
    return replace(order, failures=0, crashes=0)


def fold(order_id: str, events: Iterable[Any]) -> Order:
    """The order these events add up to, oldest first."""
    order = Order(id=order_id)
    for each in events:
        order = evolve(order, each)
    return order
