"""Mails the buyer: the intent before, the outcome after, the same Message-ID however often it is sent."""

from collections.abc import Generator

from actors.attempt import Attempt
from actors.post import Attachment, message_id
from events.order import DocumentBound, MailIntended, MailSent, Order
from events.plan import Product
from storage.telemetry import log


def mail(
    name: str, attempt: Attempt, product: Product, *, doubtful: bool
) -> Generator[MailIntended | MailSent]:
    """Send the mail ``name`` with the finished documents; yield the intent, then that the server took it."""
    order, tools = attempt.order, attempt.tools
    assert order.placed is not None
    identity = message_id(order.id, name, tools.post.domain)
    if doubtful:
        log.warning("this mail may have been sent before", order=order.id, mail=name)
    yield MailIntended(mail=name, attempt=order.attempt, message_id=identity)

    tools.post.send(
        name,
        to=order.placed.email,
        message_id=identity,
        product=product,
        customer=order.placed.fields.get("name", ""),
        link=tools.post.page(attempt.history.sealer.token(order.id)),
        documents=[
            Attachment(
                filename=each.filename,
                media_type=each.media_type,
                content=tools.blobs.get(each.blob, attempt.history.sealer),
                pages=each.pages,
            )
            for each in documents(order)
        ],
    )
    yield MailSent(mail=name, message_id=identity)


def documents(order: Order) -> list[DocumentBound]:
    """What the buyer gets: the document, or those of a bundle's parts in the order of the parts."""
    if order.document:
        return [order.document]
    finished = order.finished_parts
    return [finished[name].document for name in order.parts if name in finished]
