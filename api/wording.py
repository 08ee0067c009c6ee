"""What customers are told about each state of an order, and what they may expect."""

from datetime import datetime

from api.saying import masked, price
from events.facts import DISPUTE_LOST, REFUNDED, MailSent
from events.notices import TROUBLE, UNTOLD
from events.order import Order
from events.plan import Delivery, Product
from events.views import DISPUTED, PART_HELD, SETTLED, Word
from storage.orders import OrderRow


def words(row: OrderRow, order: Order, product: Product | None) -> tuple[str, str]:
    """The headline, and a sentence or two below it."""
    word, where = row.status.word, _address(order)
    them = bool(product and product.parts)
    ready = "Your reports are ready" if them else "Your report is ready"
    match word:
        case Word.DELIVERED:
            return ready, _delivered(order, where, them=them)
        case Word.DELIVERING:
            way = f"on the way to {where}" if where else "whole"
            begin = "They are" if them else "It is"
            return ready, f"{begin} {way}, and can be fetched here already."
        case Word.ATTENTION:
            return _attention(row, order, where)
        case Word.CANCELLED if row.status.reason in _CANCELLED:
            return _CANCELLED[row.status.reason]
        case Word.RETRYING:
            due = datetime.fromisoformat(row.status.retry_at).strftime("%H:%M:%S UTC")
            return "A short pause", _PAUSE.format(due=due)
        case _:
            return _SEVERAL if them and word is Word.WRITING else _PLAIN[word]


def _attention(row: OrderRow, order: Order, where: str) -> tuple[str, str]:
    if row.status.reason == DISPUTED:
        return _PAUSED
    written = _written(order, where)
    if row.status.reason == PART_HELD:
        return "Part of your set takes longer", f"{_HELD} {written}".strip()
    return "A person is looking at your order", f"{_SAFE} {written}".strip()


_PAUSED = (
    "Your order is paused",
    "Your bank has a question about the payment. We go on once it is answered.",
)
_SAFE = "Your payment is safe with us, and there is nothing for you to do."
_HELD = (
    "A person is looking at it, and there is nothing for you to do. The other reports go on, and each can be fetched"
    " here as soon as it is ready."
)
_SEVERAL = ("Your reports are being written", "Each can be fetched as soon as it is ready.")
_PLAIN = {
    Word.AWAITING_PAYMENT: (
        "Waiting for your payment",
        "Some ways to pay take a few days. We begin the moment the money arrives.",
    ),
    Word.QUEUED: ("Thank you, your payment is here", "The first lines are written in a moment."),
    Word.WRITING: (
        "Your report is being written",
        "The bar moves whenever a section is finished.",
    ),
    Word.PRESSING: (
        "Written, and on the press",
        "Every section is there. Cover, contents and pages are being set and bound.",
    ),
    Word.CANCELLED: ("This order was cancelled", "Nothing more is made for it."),
    Word.ERASED: ("Your data has been erased", "We keep nothing that could tell who you are."),
}
_PAUSE = (
    "Something we depend on did not answer. We go on by ourselves at {due}; what is written is kept,"
    " and there is nothing for you to do."
)
_NOT_PAID = "Nothing was made, and nothing was charged. You are welcome to try once more."
_CANCELLED = {
    REFUNDED: (
        "Your payment was refunded",
        "The order is cancelled, and nothing more is made for it. Banks take up to ten days to show a refund.",
    ),
    DISPUTE_LOST: (
        "This order was cancelled",
        "Your bank has returned the payment to you, and nothing more is made for it.",
    ),
    "payment-failed": ("The payment did not go through", _NOT_PAID),
    "payment-expired": ("The checkout was not finished", _NOT_PAID),
}


def _delivered(order: Order, where: str, *, them: bool) -> str:
    by = order.delivered.by if order.delivered else ""
    if by == "mail" and where:
        return f"{'They' if them else 'It'} went to {where}; you find everything here, too."
    if by == "bundle":
        return "The e-mail comes when the other reports of your set are ready, too."
    return "Take your time with it."


def aside(row: OrderRow, order: Order, product: Product | None) -> str:
    """That nobody has to wait in front of the page, or what stands in the way."""
    word, where = row.status.word, _address(order)
    if word is Word.ATTENTION and row.status.reason == "unusable-payment":
        return f"What stands in the way: {row.status.detail}"
    if product is None or word in (*SETTLED, Word.ATTENTION, Word.DELIVERING):
        return _money_back(order)
    leave = "You can close this page and come back to it."
    if product.delivery is Delivery.MAIL and where:
        leave = f"You can close this page: we will e-mail you at {where}."
    return f"{_money_back(order)} {leave}".strip()


def _money_back(order: Order) -> str:
    """What has gone back of the payment."""
    if order.refunded is None:
        return ""
    return f"{price(order.refunded)} of your payment went back the way it came."


def _written(order: Order, where: str) -> str:
    """What the customer has been told by mail, or will be."""
    if isinstance(order.mails.get(TROUBLE), MailSent):
        return f"We have written to {where}."
    if order.attention and order.attention.reason in UNTOLD:
        return "If no e-mail of ours has reached you, please write to us with the order's number."
    return f"An e-mail to {where} is on its way." if where else ""


# What may be said to everybody.
STATES = {
    Word.AWAITING_PAYMENT: "Waiting for its payment",
    Word.QUEUED: "Paid, and about to begin",
    Word.WRITING: "Being written",
    Word.PRESSING: "On the press",
    Word.DELIVERING: "Ready",
    Word.DELIVERED: "Ready",
    Word.RETRYING: "A short pause",
    Word.ATTENTION: "A person is looking at it",
    Word.CANCELLED: "Cancelled",
    Word.ERASED: "Erased",
}


def _address(order: Order) -> str:
    return masked(order.placed.email) if order.placed else ""
