"""Money that goes back stops the order, in whatever order and number Stripe tells of it."""

from collections.abc import Iterable
from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.facts import (
    DisputeClosed,
    DisputeOpened,
    OrderCancelled,
    OrderDelivered,
    PaymentRefunded,
    Reversal,
)
from events.money import Money
from events.order import Order, fold
from events.payments import Ignored, Reversed, read
from events.place import Outcome, Purchase, place
from events.products import CATALOGUE, find
from events.react import Nudge, react
from events.reversal import follow, reverse
from events.views import status, word
from tests.examples import ORDER, SUBJECT, order, paid, placed
from tests.stripe_events import stripe_event
from tests.unit.test_place import PAID

USD = 4900
PART = Money(2000, "usd")
PARTIAL = PaymentRefunded(amount=PART, full=False)
FULL = PaymentRefunded(amount=Money(USD, "usd"), full=True)
OPENED = DisputeOpened(dispute="du_1", amount=Money(USD, "usd"), reason="fraudulent")
ASKED = DisputeOpened(dispute="du_1", amount=Money(USD, "usd"), reason="general", inquiry=True)
WON = DisputeClosed(dispute="du_1", outcome="won")
LOST = DisputeClosed(dispute="du_1", outcome="lost")
UNPAID = replace(PAID, outcome=Outcome.PENDING)
FAILED = replace(PAID, outcome=Outcome.FAILED)

Said = Purchase | Reversal


def after(*arrival: Said) -> Order:
    """The order once all this has arrived, the payment's own facts kept until there is one."""
    events: list[Any] = []
    kept: list[Reversal] = []
    for said in arrival:
        if isinstance(said, Purchase):
            events += place(fold(ORDER, events), said, SUBJECT, CATALOGUE)
        else:
            kept.append(said)
        if fold(ORDER, events).placed:
            events += reverse(fold(ORDER, events), kept)
    return fold(ORDER, events)


def end(state: Order) -> tuple[Any, ...]:
    """All that may be seen of it, and that must not depend on what was heard of first."""
    view = status(state, find("life_clarity"))
    return view.word, view.reason, state.workable, state.paid, state.refunded


def ends(arrivals: Iterable[Iterable[Said]]) -> set[tuple[Any, ...]]:
    return {end(after(*arrival)) for arrival in arrivals}


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ([UNPAID, PAID, PARTIAL], ("queued", "", True, PAID.amount, PART)),
        ([UNPAID, PAID, PARTIAL, FULL], ("cancelled", "refunded", False, PAID.amount, FULL.amount)),
        ([FAILED, PAID, FULL], ("cancelled", "refunded", False, PAID.amount, FULL.amount)),
        ([UNPAID, PAID, OPENED], ("attention", "disputed", False, PAID.amount, None)),
        ([PAID, ASKED, OPENED, WON], ("queued", "", True, PAID.amount, None)),
        ([PAID, FAILED, OPENED, LOST], ("cancelled", "dispute-lost", False, PAID.amount, None)),
        ([PAID, OPENED, LOST, WON], ("cancelled", "dispute-lost", False, PAID.amount, None)),
        ([PAID, OPENED, LOST, FULL], ("cancelled", "refunded", False, PAID.amount, FULL.amount)),
        ([PAID, OPENED, FULL, WON], ("cancelled", "refunded", False, PAID.amount, FULL.amount)),
    ],
    ids=[
        "partial",
        "full",
        "failed-paid-full",
        "disputed",
        "inquiry-dispute-won",
        "lost",
        "lost-and-won",
        "lost-and-refunded",
        "disputed-and-refunded",
    ],
)
def test_the_end_does_not_depend_on_what_arrives_first_or_twice(
    said: list[Said], expected: tuple[Any, ...]
) -> None:
    twice = [*said, said[0], said[-1]]

    assert ends(permutations(twice)) == {expected}


@given(st.data())
def test_any_news_in_any_order_and_number_has_one_end(data: st.DataObject) -> None:
    news: list[Said] = [UNPAID, FAILED, PARTIAL, FULL, ASKED, OPENED, WON, LOST]
    chosen = data.draw(st.sets(st.sampled_from(range(len(news)))))
    said: list[Said] = [PAID, *(news[number] for number in sorted(chosen))]
    doubled: st.SearchStrategy[list[Said]] = st.lists(st.sampled_from(said), max_size=4).flatmap(
        lambda more: st.permutations([*said, *more])
    )

    assert end(after(*data.draw(doubled))) == end(after(*said))


def test_a_delivered_order_stays_delivered() -> None:
    delivered = order(placed(), paid(), OrderDelivered(by="mail"))

    assert reverse(delivered, [FULL, OPENED, LOST]) == [FULL, OPENED, LOST]
    state = fold(ORDER, [placed(), paid(), OrderDelivered(by="mail"), FULL, OPENED])
    assert word(state, find("life_clarity")) == "delivered"
    assert status(state, find("life_clarity")).reason == ""


def test_a_dispute_says_what_a_person_can_do() -> None:
    view = status(order(placed(), paid(), OPENED), find("life_clarity"))

    assert (view.word, view.reason) == ("attention", "disputed")
    assert "Stripe" in view.advice


def test_an_order_whose_dispute_is_over_is_nudged_and_no_other() -> None:
    nudge = (Nudge(ORDER, "life_clarity"),)

    assert react(order(placed(), paid(), OPENED, WON), WON) == nudge
    assert react(order(placed(), OPENED, WON), WON) == ()
    assert react(order(placed(), paid(), OPENED), OPENED) == ()


def part(*events: Any) -> Order:
    return order(placed(parent=ORDER, parent_product="bundle"), paid(), *events)


def test_a_part_is_cancelled_paused_and_resumed_with_its_bundle() -> None:
    cancelled = OrderCancelled(reason="refunded")

    assert follow(part(), order(placed("bundle"), paid(), FULL, cancelled)) == [cancelled]
    assert follow(part(), order(placed("bundle"), paid(), OPENED)) == [OPENED]
    assert follow(part(OPENED), order(placed("bundle"), paid(), OPENED, WON)) == [WON]
    lost = OrderCancelled(reason="dispute-lost")
    assert follow(part(OPENED), order(placed("bundle"), paid(), OPENED, LOST, lost)) == [LOST, lost]


def test_a_part_that_follows_already_or_is_delivered_is_left_alone() -> None:
    cancelled = OrderCancelled(reason="refunded")
    bundle = order(placed("bundle"), paid(), OPENED, FULL, cancelled)

    assert follow(part(OPENED, cancelled), bundle) == []
    assert follow(part(OrderDelivered(by="bundle")), bundle) == []
    assert follow(part(PARTIAL), order(placed("bundle"), paid(), PARTIAL)) == []


# What Stripe's events say.


def heard(name: str, kind: str = "", **changes: Any) -> Any:
    event = stripe_event(name, **changes)
    event["type"] = kind or event["type"]
    said = read(event, tenant="default", live=False, at="")
    return said.fact if isinstance(said, Reversed) else said


def test_a_refund_is_read() -> None:
    partial: dict[str, Any] = {"amount_refunded": 2000, "refunded": False}

    assert heard("charge.refunded.full") == FULL
    assert heard("charge.refunded.full", **partial) == PARTIAL
    assert heard("charge.refunded.full", refunded=None) == FULL
    assert heard("charge.refunded.full", amount_refunded=None) == FULL
    assert heard("charge.refunded.full", amount_refunded=0, refunded=False) == Ignored(
        "nothing-said"
    )
    assert heard("charge.refunded.full", payment_intent=None) == Ignored("no-payment-intent")


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("warning_needs_response", DisputeOpened),
        ("warning_under_review", DisputeOpened),
        ("needs_response", DisputeOpened),
        ("under_review", DisputeOpened),
        ("from_the_future", DisputeOpened),
        (None, DisputeOpened),
        ("warning_closed", DisputeClosed),
        ("prevented", DisputeClosed),
        ("won", DisputeClosed),
        ("lost", DisputeClosed),
    ],
)
@pytest.mark.parametrize("kind", ["created", "updated", "closed", "funds_withdrawn"])
def test_a_dispute_is_read_by_its_status(
    kind: str, state: str | None, expected: type[DisputeOpened | DisputeClosed]
) -> None:
    fact = heard("charge.dispute.created.inquiry", f"charge.dispute.{kind}", status=state)

    assert isinstance(fact, expected)
    assert fact.dispute == "du_1Hn8VZlW5N6L7tRklr9N8ElH"


def test_an_inquiry_is_known_as_one() -> None:
    assert heard("charge.dispute.created.inquiry").inquiry
    assert not heard("charge.dispute.created.inquiry", status="needs_response").inquiry


@pytest.mark.parametrize("name", ["charge.refunded.full", "charge.dispute.created.inquiry"])
@pytest.mark.parametrize(
    "changes",
    [
        {"amount": "x", "amount_refunded": [1], "refunded": "yes", "currency": 3},
        {"amount": -5, "amount_refunded": -5, "refunded": None},
        {"amount": 10**400, "status": {}, "reason": ["\ud800"]},
        {"id": None, "payment_intent": {"id": "pi_expanded"}},
        {"payment_intent": 7},
    ],
)
def test_garbage_is_read_without_an_error(name: str, changes: dict[str, Any]) -> None:
    assert heard(name, **changes)
