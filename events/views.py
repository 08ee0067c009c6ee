"""What an order looks like from outside: the status, folded from the same events as everything else."""

import uuid
from enum import StrEnum

from msgspec import Struct

from events.facts import AttemptFailed, AttentionNeeded
from events.order import Order
from events.plan import DocumentKind, Product


class Word(StrEnum):
    """Where an order stands, in one word."""

    AWAITING_PAYMENT = "awaiting_payment"
    QUEUED = "queued"
    WRITING = "writing"
    PRESSING = "pressing"
    DELIVERING = "delivering"
    DELIVERED = "delivered"
    RETRYING = "retrying"
    ATTENTION = "attention"
    CANCELLED = "cancelled"
    ERASED = "erased"


# Crockford's base 32: no I, L, O or U. https://www.crockford.com/base32.html
_DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LENGTH = 8
_MISREAD = str.maketrans("ILO", "110")
DISPUTED = "disputed"
PART_HELD = "part-held"
# Nothing a worker does can change these.
SETTLED = frozenset({Word.DELIVERED, Word.CANCELLED, Word.ERASED})


class Progress(Struct, frozen=True, kw_only=True):
    """How far it is. ``percent`` never falls and is 100 only when delivered. ``now`` names what is being written."""

    done: int
    total: int
    unit: str
    percent: int
    now: tuple[str, ...] = ()


class Spent(Struct, frozen=True, kw_only=True):
    """What the calls of the model have cost so far, in millionths of a dollar.

    ``lost`` are calls of which nobody knows whether they were answered, and ``lost_cost`` the most they can have cost:
    what crashes have cost.
    """

    calls: int
    tokens: int
    cost: int
    lost: int = 0
    lost_cost: int = 0


class Status(Struct, frozen=True, kw_only=True):
    """Everything about an order that may be shown without opening a sealed field.

    ``since`` is when the time that it may take began, RFC 3339.
    """

    order: str
    version: int
    product: str
    tenant: str
    word: Word
    progress: Progress
    spent: Spent
    attempt: int = 0
    retry_at: str = ""
    reason: str = ""
    detail: str = ""
    advice: str = ""
    parent: str = ""
    parts: tuple[tuple[str, str], ...] = ()
    document: str = ""
    pages: int = 0
    size: int = 0
    since: str = ""


def status(order: Order, product: Product | None) -> Status:
    """The status of ``order``. ``product`` is ``None`` when the catalogue does not have what was paid for."""
    assert order.placed is not None
    trouble = (
        None
        if order.closed and not order.resending
        else dispute(order) or order.attention or _held(order, product) or order.failure
    )
    written = order.sections.values()
    document = order.document
    return Status(
        order=order.id,
        version=order.version,
        product=order.placed.product,
        tenant=order.placed.tenant,
        word=word(order, product),
        progress=progress(order, product),
        spent=Spent(
            calls=len(order.sections) + order.wasted.number,
            tokens=sum(each.tokens.prompt + each.tokens.completion for each in written),
            cost=order.cost,
            lost=order.lost.number,
            lost_cost=order.lost.cost,
        ),
        attempt=order.attempt,
        retry_at=trouble.retry_at if isinstance(trouble, AttemptFailed) else "",
        reason=trouble.reason if trouble else _why_closed(order),
        detail=trouble.detail if trouble else "",
        advice=trouble.advice if isinstance(trouble, AttentionNeeded) else "",
        parent=order.placed.parent,
        parts=tuple(sorted(order.parts.items())),
        document=document.filename if document else "",
        pages=document.pages if document else 0,
        size=document.size if document else 0,
        since=order.since,
    )


def _why_closed(order: Order) -> str:
    if order.erased:
        return f"erased-by-{order.erased.by}"
    return order.cancelled.reason if order.cancelled else ""


def dispute(order: Order) -> AttentionNeeded | None:
    """An open dispute as something that a person must look at, before all else: nothing helps until it is over."""
    if not order.disputed:
        return None
    return AttentionNeeded(
        reason=DISPUTED,
        attempt=order.attempt,
        detail="The buyer's bank disputes the payment or asks about it.",
        advice=(
            "Answer it in Stripe, or refund the payment. Work goes on by itself if it ends in our favour, and the"
            " order is cancelled if it is lost or refunded."
        ),
    )


def _held(order: Order, bundle: Product | None) -> AttentionNeeded | None:
    """Parts that need a person, as something that the bundle's readers must know."""
    if bundle is None or not order.held_parts:
        return None
    return AttentionNeeded(
        reason=PART_HELD,
        attempt=order.attempt,
        detail=f"Waiting for {', '.join(sorted(order.held_parts))}, which a person must look at.",
        advice="Mend the cause and retry that part's order; the bundle then goes on by itself.",
    )


def word(order: Order, product: Product | None) -> Word:  # noqa: PLR0911 - one line a word
    """One word for where the order stands."""
    if order.erased:
        return Word.ERASED
    if order.cancelled:
        return Word.CANCELLED
    if order.delivered:
        return Word.DELIVERED
    if order.attention or order.held_parts or order.disputed or product is None:
        return Word.ATTENTION
    if order.paid is None:
        return Word.AWAITING_PAYMENT
    if order.failure and order.failure.retry_at:
        return Word.RETRYING
    if order.attempt == 0:
        return Word.QUEUED
    return _stage(order, product)


def _stage(order: Order, product: Product) -> Word:
    if product.parts:
        done = len(order.finished_parts) == len(product.parts)
        return Word.DELIVERING if done else Word.WRITING
    if len(order.sections) < len(product.sections):
        return Word.WRITING
    return Word.PRESSING if order.document is None else Word.DELIVERING


def progress(order: Order, product: Product | None) -> Progress:
    """How far it is, from what the log says is done."""
    if product is None:
        return Progress(done=0, total=0, unit="sections", percent=0)
    if product.parts:
        done, total, unit = len(order.finished_parts), len(product.parts), "reports"
        steps, all_steps = done, total + 1
    else:
        done, total, unit = len(order.sections), len(product.sections), "sections"
        # A section takes the model some seconds, a chunk the press a tenth of one.
        steps = 20 * done + len(order.chunks) + (order.document is not None)
        all_steps = 20 * total + len(product.chunks) + 2
    percent = 100 if order.delivered else min(99, 100 * steps // all_steps)
    titles = {section.name: section.title for section in product.sections}
    now = tuple(titles.get(name, name) for name in order.asked)
    return Progress(done=done, total=total, unit=unit, percent=percent, now=now)


def order_number(order_id: str) -> str:
    """The first 40 bits of the id, like 7F3K-Q2XW: to talk about, and almost unique."""
    bits = uuid.UUID(order_id).int >> (128 - 5 * _LENGTH)
    digits = [_DIGITS[bits >> (5 * place) & 31] for place in reversed(range(_LENGTH))]
    return "".join(digits[:4]) + "-" + "".join(digits[4:])


def numbered(number: str) -> tuple[uuid.UUID, uuid.UUID] | None:
    """The first and the last id that an order of that number can have; ``None`` for what is no order's number.

    Read as Crockford asks for: in either case, with I and L as 1 and O as 0, the hyphen anywhere or nowhere.
    """
    digits = number.upper().replace("-", "").translate(_MISREAD)
    if len(digits) != _LENGTH or not set(digits) <= set(_DIGITS):
        return None
    bits = 0
    for digit in digits:
        bits = bits << 5 | _DIGITS.index(digit)
    rest = 128 - 5 * _LENGTH
    return uuid.UUID(int=bits << rest), uuid.UUID(int=(bits + 1 << rest) - 1)


def media_type(product: Product) -> str:
    """What kind of file the finished document is."""
    return "application/pdf" if product.document is DocumentKind.PDF else "application/json"
