"""The next step of an order, named from what its log says is done. Naming a step does nothing."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import reduce

from events.facts import ChunkRendered, MailIntended, MailSent, OrderDelivered, OrderEvent
from events.order import Order, evolve
from events.plan import Chunk, ChunkKind, Delivery, DocumentKind, Product, Section

# Three workers in a row died over it without getting anywhere: it is the order, not the workers.
MOST_CRASHES = 3


@dataclass(frozen=True, slots=True)
class Write:
    """Ask the model for these sections, side by side."""

    sections: tuple[Section, ...]


@dataclass(frozen=True, slots=True)
class Render:
    """Make these pieces of the document."""

    chunks: tuple[Chunk, ...]


@dataclass(frozen=True, slots=True)
class Bind:
    """Make one document of all pieces, in reading order."""

    chunks: tuple[ChunkRendered, ...]


@dataclass(frozen=True, slots=True)
class Compose:
    """Make a JSON document of the written sections."""


@dataclass(frozen=True, slots=True)
class PlaceParts:
    """Place an order of its own for every part."""

    products: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Gather:
    """See which of these parts have finished meanwhile: product to order id."""

    parts: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Mail:
    """Send the buyer this mail. ``doubtful``: an earlier attempt may have sent it, nobody can know."""

    mail: str
    doubtful: bool


@dataclass(frozen=True, slots=True)
class Deliver:
    """Say that the buyer has it, ``by`` mail, api or bundle."""

    by: str


@dataclass(frozen=True, slots=True)
class Park:
    """Stop working on it until a person has looked."""

    reason: str
    detail: str
    advice: str


Step = Write | Render | Bind | Compose | PlaceParts | Gather | Mail | Deliver | Park


def decide(order: Order, product: Product, now: datetime) -> Step | None:
    """Name the next step, or ``None`` when there is nothing to do for now."""
    if not order.workable or waiting(order, now):
        return None
    if order.crashes >= MOST_CRASHES:
        return Park(
            "crashes",
            f"{order.crashes} workers in a row died while working on this order.",
            "Read the workers' logs, mend the cause, then retry the order.",
        )
    if product.parts:
        return _together(order, product)
    return _alone(order, product)


def foregone(
    order: Order, facts: Iterable[OrderEvent], product: Product, now: datetime
) -> tuple[OrderDelivered, ...]:
    """What follows from ``facts`` by themselves, and may be recorded with them: that it is delivered."""
    step = decide(reduce(evolve, facts, order), product, now)
    return (OrderDelivered(by=step.by),) if isinstance(step, Deliver) else ()


def waiting(order: Order, now: datetime) -> bool:
    """Whether the latest attempt failed and the next one is not due yet."""
    failure = order.failure
    return (
        failure is not None
        and failure.retry_at != ""
        and now < datetime.fromisoformat(failure.retry_at)
    )


def _alone(order: Order, product: Product) -> Step:
    unwritten = [each for each in product.sections if each.name not in order.sections]
    if unwritten:
        return Write(tuple(unwritten[: product.width]))
    if product.document is DocumentKind.JSON:
        return Compose() if order.document is None else _hand_over(order, product)
    unrendered = [each for each in product.chunks if each.name not in order.chunks]
    # The contents know their page numbers only when everything else has its pages.
    if ready := [each for each in unrendered if each.kind is not ChunkKind.CONTENTS] or unrendered:
        return Render(tuple(ready[: product.width]))
    if order.document is None:
        return Bind(tuple(order.chunks[each.name] for each in product.chunks))
    return _hand_over(order, product)


def _together(order: Order, product: Product) -> Step:
    if not order.parts:
        return PlaceParts(product.parts)
    unfinished = tuple(
        (name, part) for name, part in order.parts.items() if name not in order.finished_parts
    )
    return Gather(unfinished) if unfinished else _hand_over(order, product)


def _hand_over(order: Order, product: Product) -> Step:
    assert order.placed is not None
    if order.resending:
        return Mail(order.resending, doubtful=_in_doubt(order, order.resending))
    if order.placed.parent:
        return Deliver("bundle")
    if product.delivery is Delivery.API:
        return Deliver("api")
    if not isinstance(order.mails.get("report"), MailSent):
        return Mail("report", doubtful=_in_doubt(order, "report"))
    return Deliver("mail")


def _in_doubt(order: Order, mail: str) -> bool:
    return isinstance(order.mails.get(mail), MailIntended)
