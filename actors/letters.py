"""What customers are told while their order is on its way: one letter for each notice."""

from collections.abc import Mapping

from actors.post import Letter, Post, subject_of, thread_of
from events.notices import CONFIRMATION, REFUND
from events.order import Order
from events.plan import Product
from events.saying import duration, price
from events.views import order_number
from storage.history import History


def letter(
    mail: str, identity: str, history: History, catalogue: Mapping[str, Product], post: Post
) -> Letter:
    """The letter named ``mail`` to the customer of that order, under the Message-ID ``identity``."""
    order = history.order
    assert order.placed is not None
    product = catalogue.get(order.placed.product)
    told: dict[str, object] = {
        "title": product.title if product else "order",
        "customer": order.placed.fields.get("name", ""),
        "number": order_number(order.id),
        "link": post.page(history.sealer.token(order.id)),
    }
    if mail == CONFIRMATION:
        assert product is not None
        template, more = "confirmation", _expected(product, catalogue)
    elif mail.startswith(REFUND):
        template, more = "refund", _refunded(order)
    else:
        template, more = "trouble", _done(order, product, catalogue)
    return Letter(
        template=template,
        to=order.placed.email,
        subject=subject_of(order.id, product),
        message_id=identity,
        thread=thread_of(order.id, post.domain),
        told={**told, **more},
    )


def _expected(product: Product, catalogue: Mapping[str, Product]) -> dict[str, object]:
    return {
        "takes": duration(product.promise),
        "sections": len(product.sections),
        "parts": [
            (catalogue[name].title, duration(catalogue[name].promise)) for name in product.parts
        ],
    }


def _refunded(order: Order) -> dict[str, object]:
    assert order.refunded is not None
    return {"amount": price(order.refunded), "full": order.refunded == order.paid}


def _done(
    order: Order, product: Product | None, catalogue: Mapping[str, Product]
) -> dict[str, object]:
    """What can be fetched already."""
    parts = [catalogue[name].title for name in order.parts if name in order.finished_parts]
    whole = order.document is not None
    return {"whole": whole, "ready": [product.title] if product and whole else parts}
