"""Mails the buyer: the intent before, the outcome after, the same Message-ID however often it is sent."""

from collections.abc import Generator
from datetime import timedelta

from actors.attempt import Attempt
from actors.post import Attachment, Letter, Untaken, message_id, subject_of, thread_of
from events.errors import Refused
from events.facts import (
    MAIL_DOUBTFUL,
    AttentionNeeded,
    DocumentBound,
    MailFailed,
    MailIntended,
    MailSent,
)
from events.order import Order
from events.plan import Product
from storage.telemetry import log

# How long the link to a report that is too large for a mail can be used; the customer's page goes on leading there.
_LINK_LASTS = timedelta(days=7)


def mail(
    name: str, attempt: Attempt, product: Product, *, doubtful: bool
) -> Generator[MailIntended | MailSent | MailFailed | AttentionNeeded]:
    """Send the mail ``name`` with the finished documents; yield the intent, then that the server took it.

    A ``doubtful`` one is sent again, under the same Message-ID, or a person is asked: as ``MAIL_DOUBT`` says.
    """
    order, tools = attempt.order, attempt.tools
    assert order.placed is not None
    identity = message_id(order.id, name, tools.post.domain)
    if doubtful and tools.asks_in_doubt:
        yield AttentionNeeded(
            reason=MAIL_DOUBTFUL,
            attempt=order.attempt,
            detail="The mail may have gone out already: the mail server's answer was never heard.",
            advice=(
                "Look into the mail server's log, or ask the customer. Then retry the order to have it sent again,"
                " or say that it arrived."
            ),
        )
        return
    if doubtful:
        log.warning("this mail may have been sent before", order=order.id, mail=name)
    yield MailIntended(mail=name, attempt=order.attempt, message_id=identity)

    until = tools.clock() + _LINK_LASTS
    letter = Letter(
        template="report",
        to=order.placed.email,
        subject=subject_of(order.id, product),
        message_id=identity,
        thread=thread_of(order.id, tools.post.domain),
        told={
            "title": product.title,
            "customer": order.placed.fields.get("name", ""),
            "link": tools.post.page(attempt.history.sealer.token(order.id)),
            "until": f"{until:%-d %B %Y}",
        },
    )
    enclosed = [
        _enclosed(each, whose, attempt, int(until.timestamp())) for whose, each in documents(order)
    ]
    try:
        tools.post.send(letter, enclosed)
    except (Refused, Untaken) as error:
        # It has not gone out: the next attempt need not wonder.
        yield MailFailed(mail=name, attempt=order.attempt, reason=error.reason, message_id=identity)
        raise
    yield MailSent(mail=name, message_id=identity)


def documents(order: Order) -> list[tuple[str, DocumentBound]]:
    """What the buyer gets, each with the id of its order: the document, or those of a bundle's parts in their order."""
    if order.document:
        return [(order.id, order.document)]
    finished = [order.finished_parts[name] for name in order.parts if name in order.finished_parts]
    return [(part.order, part.document) for part in finished]


def _enclosed(document: DocumentBound, order: str, attempt: Attempt, until: int) -> Attachment:
    # A bundle and its parts are one customer's, and sealed with one key.
    sealer = attempt.history.sealer
    return Attachment(
        filename=document.filename,
        media_type=document.media_type,
        content=attempt.tools.blobs.get(document.blob, sealer),
        pages=document.pages,
        link=attempt.tools.post.report(order, until, sealer.signature(order, until)),
    )
