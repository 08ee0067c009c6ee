"""What can happen to an order: its events, each a fact in the past tense."""

from collections.abc import Mapping
from dataclasses import field

from events.envelope import PersonalFields, PersonalText, Unknown, event
from events.money import Money, Tokens

# A fact is never edited; when its shape must change,
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
    text: PersonalText = ""


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


@event("chunk-rendered", key=("chunk", "attempt", "recipe"))
class ChunkRendered:
    """A piece of the document exists as a blob. ``plain`` says that it had to fall back to plain text.

    ``recipe`` is a hash of what it was made of: its HTML, the style sheet, the fonts, the engine. A chunk may be
    rendered again by another recipe; the latest counts.
    """

    chunk: str
    blob: str
    pages: int
    plain: bool = False
    attempt: int = 0
    recipe: str = ""


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
    text: PersonalText = ""


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


@event("order-erased", intent=True)
class OrderErased:
    """The customer is forgotten: the key to their data is destroyed, and so are the files. Nothing further is made.

    ``by`` is whose wish it was: ``customer``, ``tenant``, ``operator``, or ``retention`` when its time had come. The
    ``reason`` outlives the key, and so is kept in the clear: it must not tell who the customer was.
    """

    by: str
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
# Whose wish it is that a customer is forgotten, when a person does it; and when nobody has to.
WISHES = ("customer", "tenant", "operator")
BY_RETENTION = "retention"
# Why a person must look at an order that is paid for after it was erased.
PAID_TOO_LATE = "paid-after-erasure"

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
    | OrderErased
    | Unknown
)
