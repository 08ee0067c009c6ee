"""A payment becomes an order, in whatever order and number its events arrive."""

from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest

from events.facts import AttentionNeeded, OrderPlaced, PaymentReceived
from events.money import Money
from events.order import Order, fold
from events.place import Outcome, Purchase, faults, place
from events.products import CATALOGUE
from events.views import word
from tests.examples import ORDER, SUBJECT

PAID = Purchase(
    outcome=Outcome.PAID,
    session="cs_test_1",
    intent="pi_1",
    product="life_clarity",
    tenant="default",
    live=False,
    at="2026-11-21T08:00:00+00:00",
    amount=Money(4900, "usd"),
    listed=Money(4900, "usd"),
    email="jenny.rosen@example.com",
    fields={"name": "Jenny Rosen", "birth_date": "1990-05-17", "question": "What now?"},
)


def after(*purchases: Purchase) -> Order:
    events: list[Any] = []
    for purchase in purchases:
        events += place(fold(ORDER, events), purchase, SUBJECT, CATALOGUE)
    return fold(ORDER, events)


def test_a_paid_session_places_a_paid_order() -> None:
    facts = place(Order(id=ORDER), PAID, SUBJECT, CATALOGUE)

    assert [type(fact) for fact in facts] == [OrderPlaced, PaymentReceived]


def test_the_same_again_says_nothing_new() -> None:
    assert place(after(PAID), PAID, SUBJECT, CATALOGUE) == []


def test_unpaid_then_paid_in_any_order_and_number() -> None:
    unpaid = replace(PAID, outcome=Outcome.PENDING)
    ends = {
        word(after(*arrival), CATALOGUE["life_clarity"])
        for arrival in permutations([unpaid, unpaid, PAID, PAID])
    }

    assert ends == {"queued"}


def test_unpaid_then_failed_in_any_order() -> None:
    unpaid = replace(PAID, outcome=Outcome.PENDING)
    failed = replace(PAID, outcome=Outcome.FAILED)

    assert after(unpaid, failed).cancelled == after(failed, unpaid).cancelled
    assert after(failed, unpaid).cancelled


def test_paid_beats_failed_in_any_order_and_number() -> None:
    unpaid = replace(PAID, outcome=Outcome.PENDING)
    failed = replace(PAID, outcome=Outcome.FAILED)
    ends = {
        word(after(*arrival), CATALOGUE["life_clarity"])
        for arrival in permutations([unpaid, failed, failed, PAID, PAID])
    }

    assert ends == {"queued"}


def test_an_expired_session_cancels_what_waits_and_places_nothing() -> None:
    expired = replace(PAID, outcome=Outcome.EXPIRED)

    assert after(expired).placed is None
    assert after(replace(PAID, outcome=Outcome.PENDING), expired).cancelled
    assert not after(PAID, expired).cancelled


@pytest.mark.parametrize(
    ("change", "word_in_reason"),
    [
        ({"product": "report-basic"}, "product"),
        ({"fields": {}}, "name"),
        ({"fields": {"name": "x" * 301}}, "longer"),
        ({"fields": {**PAID.fields, "birth_date": "17.5.1990"}}, "date"),
        ({"fields": {**PAID.fields, "birth_date": "19900517"}}, "date"),
        ({"listed": Money(100, "usd")}, "costs"),
        ({"amount": Money(4900, "chf"), "listed": Money(4900, "chf")}, "chf"),
        ({"email": ""}, "e-mail"),
        ({"email": "a@example.com, b@example.com"}, "e-mail"),
        ({"email": "a@example.com\r\nBcc: b@example.com"}, "e-mail"),
        ({"email": "x:y@example.com"}, "e-mail"),
        ({"email": "a@example.com)"}, "e-mail"),
        ({"email": "=?utf-8?q?x?=@example.com"}, "e-mail"),
        ({"email": "a@example..com"}, "e-mail"),
    ],
)
def test_what_was_paid_but_cannot_be_made_waits_for_a_person(
    change: dict[str, Any], word_in_reason: str
) -> None:
    order = after(replace(PAID, **change))

    assert order.paid
    assert order.attention
    assert word_in_reason in order.attention.detail
    assert order.attention.advice


def test_a_reason_never_repeats_what_was_filled_in() -> None:
    facts = place(
        Order(id=ORDER),
        replace(PAID, fields={"name": "Jenny", "birth_date": "Jenny's secret"}),
        SUBJECT,
        CATALOGUE,
    )

    (attention,) = (fact for fact in facts if isinstance(fact, AttentionNeeded))
    assert "secret" not in attention.detail


def test_a_discounted_purchase_is_fine() -> None:
    assert faults(replace(PAID, amount=Money(0, "usd"), listed=None), CATALOGUE) == []
    assert faults(replace(PAID, amount=Money(2400, "usd")), CATALOGUE) == []
