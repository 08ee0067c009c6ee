"""What an intervention would lead to: what is kept, what repeats, what it can cost, and who gets a mail."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from events.facts import MailSent
from events.interventions import Arrived, Cancel, Correct, Erase, Resend, Retry, Wish
from events.money import Rate
from events.order import Order
from events.plan import Delivery, Product
from events.prompt import compose
from events.spending import most_cost, most_tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What would happen.

    ``kept`` is done and is not done again; ``to_do`` is still to be made; ``repeated`` is made once more although it
    may have been made before. ``most_cost`` is the most that the calls to come can cost, in millionths of a dollar.
    ``mails`` says who gets which mail; ``remarks`` what else to know.
    """

    kept: tuple[str, ...] = ()
    to_do: tuple[str, ...] = ()
    repeated: tuple[str, ...] = ()
    most_cost: int = 0
    mails: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


def foresee(  # noqa: PLR0911 - one wish a case
    order: Order, wish: Wish, catalogue: Mapping[str, Product], rate: Rate
) -> Preview:
    """What ``wish`` would lead to. ``rate`` is the model's."""
    assert order.placed is not None
    product = catalogue.get(order.placed.product)
    match wish:
        case Retry() if order.delivered:
            return Preview(mails=_resent(order), remarks=_doubts(order))
        case Retry():
            return _going_on(order, product, catalogue, rate)
        case Cancel():
            return Preview(
                kept=tuple(_kept(order)),
                remarks=(
                    "No money goes back by this: refund the payment in Stripe.",
                    "Answers of the model that are on their way are thrown away.",
                ),
            )
        case Resend():
            return Preview(kept=("the report as it is",), mails=_resent(order))
        case Correct():
            return _corrected(order)
        case Arrived():
            return Preview(
                kept=tuple(_kept(order)), remarks=("It is noted as delivered; no mail is sent.",)
            )
        case Erase():
            return _forgotten(order)


def _forgotten(order: Order) -> Preview:
    remarks = [
        "Name, address, all that was filled in, texts and files are destroyed. Nothing brings them back.",
        "What was mailed stays with whoever has it. Other orders of the same customer are not erased by this.",
    ]
    if order.workable:
        remarks.append(
            "It is not finished: nothing more is made for it. Answers on their way are thrown away."
        )
    if order.paid and order.paid.amount and not order.delivered:
        remarks.append("No money goes back by this: refund the payment in Stripe.")
    if order.disputed:
        remarks.append("Its payment is disputed: what could answer that is destroyed, too.")
    if order.parts:
        remarks.append(f"Its {len(order.parts)} reports are erased with it.")
    return Preview(kept=("the history, its hashes and what it cost",), remarks=tuple(remarks))


def _going_on(
    order: Order, product: Product | None, catalogue: Mapping[str, Product], rate: Rate
) -> Preview:
    assert order.placed is not None
    if product is None:
        return Preview()
    unwritten = [each for each in product.sections if each.name not in order.sections]
    cost = most_cost((most_tokens(compose(product, each, order), each) for each in unwritten), rate)
    unplaced = product.parts if not order.parts else ()
    cost += sum(catalogue[name].budget for name in unplaced)
    to_do = [f"{len(unwritten)} of {len(product.sections)} sections"] if unwritten else []
    to_do += [catalogue[name].title for name in unplaced]
    if product.sections and order.document is None:
        to_do.append("the document")
    lost = order.lost.number + len(order.asked)
    repeated = [f"up to {lost} calls whose answers were lost"] if lost and unwritten else []
    mailed = isinstance(order.mails.get("report"), MailSent)
    if order.doubtful:
        repeated.append("the mail, which may have arrived already")
    owes_mail = product.delivery is Delivery.MAIL and not order.placed.parent and not mailed
    remarks = []
    if order.attention and order.attention.reason == "unusable-payment":
        remarks.append("It is made for what was paid, whatever it costs in the shop.")
    return Preview(
        kept=tuple(_kept(order)),
        to_do=tuple(to_do),
        repeated=tuple(repeated),
        most_cost=cost,
        mails=("the customer gets the report",) if owes_mail else (),
        remarks=tuple(remarks),
    )


def _corrected(order: Order) -> Preview:
    remarks = ["Nothing begins by this; retry the order if it is in attention."]
    if order.sections or order.parts:
        remarks.append("What is written stays as it is; only what is still to come is corrected.")
    return Preview(kept=tuple(_kept(order)), remarks=tuple(remarks))


def _kept(order: Order) -> Iterable[str]:
    if order.sections:
        yield f"{len(order.sections)} sections"
    if order.chunks and order.document is None:
        yield f"{len(order.chunks)} pieces of the document"
    if order.document:
        yield "the document"
    yield from (f"the report {name}" for name in order.finished_parts)
    yield from (f"mail {name}" for name, mail in order.mails.items() if isinstance(mail, MailSent))


def _resent(order: Order) -> tuple[str, ...]:
    return ("the customer gets the report once more",) if order.placed else ()


def _doubts(order: Order) -> tuple[str, ...]:
    return ("The mail may have arrived already.",) if order.doubtful else ()
