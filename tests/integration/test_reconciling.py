"""Payments that no webhook told of are found by asking Stripe, and none is made twice."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import psycopg
import pytest

from actors.reconciling import Reconciliation
from events.errors import Refused, Unavailable
from events.payments import order_id
from events.products import CATALOGUE
from storage.payments import Signed, hear
from storage.record import Log
from storage.stripe_api import StripeApi
from storage.timers import Turn
from tests.stripe_events import body, paid, stripe_event

NOW = datetime.now(UTC)
FIRST = Turn(name="reconciliation", run=1, now=NOW, since=None, failures=0)
FILLED = {"product": "life_clarity", "name": "Ada", "birth_date": "1990-05-17", "question": "What?"}


@pytest.fixture
def reconciliation(stripe_account: str, orders_log: Log) -> Reconciliation:
    return Reconciliation(orders_log, CATALOGUE, StripeApi("sk_test_x", stripe_account), live=False)


def session(number: int, *, age: timedelta = timedelta(0), **changes: Any) -> dict[str, Any]:
    """A session that was completed and paid for."""
    event = stripe_event("checkout.session.completed.paid", metadata=FILLED, amount_total=4900)
    created = int((NOW - age).timestamp())
    names = {"id": f"cs_test_{number:05}", "payment_intent": f"pi_{number:05}"}
    return {**event["data"]["object"], **names, "created": created, **changes}


def heard(log: Log, event: dict[str, Any]) -> str:
    """What the webhook does with an event."""
    signed = Signed(
        tenant="default",
        live=False,
        at=NOW.isoformat(),
        correlation="webhook",
        body=body(event).decode(),
    )
    return str(hear(signed, log, CATALOGUE).verdict)


def types(log: Log, number: int) -> list[str]:
    return [each.type for each in log.recorded(order_id("default", f"cs_test_{number:05}"))]


def counted(database: str) -> int:
    with psycopg.connect(database) as connection:
        row = connection.execute("select count(*) from ledgerpress.events").fetchone()
    assert row is not None
    return int(row[0])


def test_a_paid_session_without_an_order_becomes_one(
    reconciliation: Reconciliation, stripe_books: httpx.Client, orders_log: Log
) -> None:
    stripe_books.put("/_sessions", json=[session(1)])

    said = reconciliation.run(FIRST)

    assert said == "1 looked at, 1 recorded that no webhook had told of"
    order = orders_log.read(order_id("default", "cs_test_00001")).order
    assert order.workable
    assert order.placed is not None
    assert order.placed.intent == "pi_00001"
    causes = {each.cause for each in orders_log.recorded(order.id)}
    assert {(cause.actor, cause.causation) for cause in causes} == {("stripe", "cs_test_00001")}


def test_nothing_is_made_twice_however_often_and_by_whomever_it_is_asked(
    reconciliation: Reconciliation, stripe_books: httpx.Client, orders_log: Log, database: str
) -> None:
    stripe_books.put("/_sessions", json=[session(n) for n in range(1, 6)])
    events = [paid() for _ in range(5)]
    for number, event in enumerate(events, start=1):
        event["data"]["object"] = session(number)

    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(reconciliation.run, FIRST) for _ in range(3)]
        told = [pool.submit(heard, orders_log, event) for event in events]
        for each in (*asked, *told):
            each.result()
    after = counted(database)

    assert after == 10
    assert (
        reconciliation.run(replace(FIRST, run=2))
        == "0 looked at, 0 recorded that no webhook had told of"
    )
    assert counted(database) == after


def test_an_order_that_waits_for_its_money_is_asked_for_however_old_it_is(
    reconciliation: Reconciliation, stripe_books: httpx.Client, orders_log: Log
) -> None:
    old = timedelta(days=20)
    waiting = session(1, age=old, payment_status="unpaid")
    event = stripe_event("checkout.session.completed.unpaid")
    event["data"]["object"] = waiting
    heard(orders_log, event)
    stripe_books.put("/_sessions", json=[session(1, age=old)])

    recent = replace(FIRST, since=NOW - timedelta(hours=1))
    said = reconciliation.run(recent)

    assert said.startswith("1 looked at, 1 recorded")
    assert types(orders_log, 1) == ["order-placed", "payment-received"]


def test_what_cannot_be_heard_holds_up_nothing_else_and_is_asked_for_again(
    reconciliation: Reconciliation, stripe_books: httpx.Client, orders_log: Log, database: str
) -> None:
    event = stripe_event("checkout.session.completed.unpaid")
    event["data"]["object"] = session(1, payment_status="unpaid")
    heard(orders_log, event)
    stripe_books.put("/_sessions", json=[session(1), session(2)])
    stripe_books.put("/_events", json=[refund(3)])
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("update ledgerpress.subjects set kek = 'another'")

    with pytest.raises(Refused) as refused:
        reconciliation.run(FIRST)

    assert refused.value.reason == "vault-key-missing"
    assert types(orders_log, 2) == ["order-placed", "payment-received"]
    with psycopg.connect(database, autocommit=True) as connection:
        told = connection.execute(
            "select count(*) from ledgerpress.events where type = 'payment-refunded'"
        ).fetchone()
    assert told == (1,)


def test_an_order_whose_session_has_expired_is_cancelled(
    reconciliation: Reconciliation, stripe_books: httpx.Client, orders_log: Log
) -> None:
    event = stripe_event("checkout.session.completed.unpaid")
    event["data"]["object"] = session(1, payment_status="unpaid")
    heard(orders_log, event)
    stripe_books.put("/_sessions", json=[session(1, status="expired", payment_status="unpaid")])

    reconciliation.run(FIRST)

    assert types(orders_log, 1)[-1] == "order-cancelled"


def test_a_session_that_stripe_has_forgotten_holds_up_nothing(
    reconciliation: Reconciliation, stripe_books: httpx.Client, orders_log: Log
) -> None:
    event = stripe_event("checkout.session.completed.unpaid")
    event["data"]["object"] = session(1, payment_status="unpaid")
    heard(orders_log, event)
    stripe_books.put("/_events", json=[refund(2)])

    said = reconciliation.run(FIRST)

    assert said.startswith("1 looked at, 1 recorded")


def refund(number: int) -> dict[str, Any]:
    event = stripe_event("charge.refunded.full", payment_intent=f"pi_{number:05}")
    return {**event, "id": f"evt_{number}", "created": int(time.time())}


def test_a_refund_that_was_never_delivered_cancels(
    reconciliation: Reconciliation, stripe_books: httpx.Client, orders_log: Log, database: str
) -> None:
    stripe_books.put("/_sessions", json=[session(1)])
    stripe_books.put("/_events", json=[refund(1)])

    first = reconciliation.run(FIRST)
    before = counted(database)
    second = reconciliation.run(replace(FIRST, run=2))

    assert first == "2 looked at, 2 recorded that no webhook had told of"
    assert "payment-refunded" in types(orders_log, 1)
    assert orders_log.read(order_id("default", "cs_test_00001")).order.cancelled
    assert second == "1 looked at, 0 recorded that no webhook had told of"
    assert counted(database) == before


def test_what_was_looked_at_is_not_asked_for_again_for_ever(
    reconciliation: Reconciliation, stripe_books: httpx.Client
) -> None:
    reconciliation.run(replace(FIRST, since=NOW - timedelta(hours=1)))

    since = {
        each["path"]: NOW - datetime.fromtimestamp(int(each["query"]["created[gte]"]), UTC)
        for each in stripe_books.get("/_requests").json()
    }
    assert timedelta(days=2) < since["/v1/checkout/sessions"] < timedelta(days=3)
    assert timedelta(days=4) < since["/v1/events"] < timedelta(days=5)


def test_when_stripe_is_away_it_says_so_and_what_was_heard_is_kept(
    reconciliation: Reconciliation, stripe_books: httpx.Client, orders_log: Log
) -> None:
    stripe_books.put("/_sessions", json=[session(1)])
    reconciliation.run(FIRST)
    stripe_books.put("/_fault", json={"status": 503})

    with pytest.raises(Unavailable) as caught:
        reconciliation.run(FIRST)

    assert caught.value.reason == "stripe-away"
    assert types(orders_log, 1) == ["order-placed", "payment-received"]


def test_a_key_of_the_other_mode_is_a_matter_for_a_person(
    reconciliation: Reconciliation, stripe_books: httpx.Client
) -> None:
    stripe_books.put("/_sessions", json=[session(1, livemode=True)])

    with pytest.raises(Refused, match="STRIPE_LIVEMODE"):
        reconciliation.run(FIRST)


def test_what_was_paid_for_and_cannot_be_made_is_left_to_a_person(
    reconciliation: Reconciliation, stripe_books: httpx.Client, orders_log: Log
) -> None:
    stripe_books.put("/_sessions", json=[session(1, metadata={"product": "none"})])

    reconciliation.run(FIRST)

    assert orders_log.read(order_id("default", "cs_test_00001")).order.attention
