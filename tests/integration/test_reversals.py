"""Refunds and disputes through the real door, before, after and while their orders are placed."""

import random
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import permutations
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from events.envelope import Cause
from events.facts import PaymentReceived
from events.money import Money
from events.payments import Reversed, order_id
from events.products import CATALOGUE
from storage import payments
from storage.database import connected
from storage.history import History
from storage.orders import by_id
from storage.parts import tell_strays
from storage.payments import Heard, Signed, hear, payment_stream
from storage.record import Log
from tests.integration.conftest import Deliver
from tests.stripe_events import body, sign, stripe_event

WEBHOOK = "/webhooks/stripe"
CAUSE = Cause(correlation="c-1", causation="evt_1", actor="test")


class Payment:
    """One payment, and all that Stripe may say of it."""

    def __init__(self, product: str = "life_clarity", amount: int = 4900) -> None:
        number = uuid.uuid4().hex
        self.session, self.intent = f"cs_test_{number}", f"pi_{number}"
        self.order = order_id("default", self.session)
        self._bought = {
            "id": self.session,
            "payment_intent": self.intent,
            "metadata": {
                "product": product,
                "name": "Jenny Rosen",
                "birth_date": "1990-05-17",
                "question": "What now?",
            },
            "amount_total": amount,
            "currency": "usd",
        }
        self._amount = amount

    def unpaid(self) -> dict[str, Any]:
        return stripe_event("checkout.session.completed.unpaid", **self._bought)

    def paid(self) -> dict[str, Any]:
        return stripe_event("checkout.session.async_payment_succeeded", **self._bought)

    def failed(self) -> dict[str, Any]:
        return stripe_event("checkout.session.async_payment_failed", **self._bought)

    def refunded(self, amount: int | None = None) -> dict[str, Any]:
        back = self._amount if amount is None else amount
        return stripe_event(
            "charge.refunded.full",
            payment_intent=self.intent,
            amount=self._amount,
            amount_refunded=back,
            refunded=back == self._amount,
        )

    def dispute(self, state: str, kind: str = "created") -> dict[str, Any]:
        event = stripe_event(
            "charge.dispute.created.inquiry",
            payment_intent=self.intent,
            id=f"du_{self.intent}",
            status=state,
        )
        return {**event, "type": f"charge.dispute.{kind}"}


def types(log: Log, order: str) -> list[str]:
    return [each.type for each in log.recorded(order)]


def outcome(log: Log, order: str) -> tuple[Any, ...]:
    row = by_id(log.engine, order)
    assert row is not None
    state = log.read(order).order
    return row.status.word, row.status.reason, state.workable, state.paid, state.refunded


def kept(log: Log, payment: Payment) -> list[str]:
    query = text("select type from events where stream = :stream order by version")
    with connected(log.engine) as connection:
        found = connection.execute(query, {"stream": payment_stream("default", payment.intent)})
        return list(found.scalars())


def test_a_full_refund_cancels_and_a_second_one_changes_nothing(
    deliver: Deliver, orders_log: Log
) -> None:
    payment = Payment()
    deliver(payment.paid())

    first, second = deliver(payment.refunded()), deliver(payment.refunded())

    assert first.json() == {"received": True, "verdict": "recorded", "order": payment.order}
    assert second.json() == {"received": True, "verdict": "duplicate", "order": payment.order}
    assert types(orders_log, payment.order)[2:] == ["payment-refunded", "order-cancelled"]
    assert outcome(orders_log, payment.order)[:3] == ("cancelled", "refunded", False)


def test_a_partial_refund_is_recorded_and_changes_nothing_else(
    deliver: Deliver, orders_log: Log
) -> None:
    payment = Payment()
    deliver(payment.paid())

    deliver(payment.refunded(900))

    assert outcome(orders_log, payment.order) == (
        "queued",
        "",
        True,
        Money(4900, "usd"),
        Money(900, "usd"),
    )


def test_a_refund_that_is_heard_of_first_is_kept_for_its_order(
    deliver: Deliver, orders_log: Log
) -> None:
    payment = Payment()

    early = deliver(payment.refunded()).json()
    again = deliver(payment.refunded()).json()
    deliver(payment.paid())

    assert (early["verdict"], early["reason"]) == ("recorded", "no-order-yet")
    assert again["verdict"] == "duplicate"
    assert kept(orders_log, payment) == ["payment-refunded"]
    assert outcome(orders_log, payment.order)[:2] == ("cancelled", "refunded")


def test_what_the_payment_of_another_tenant_did_is_not_this_ones(
    deliver: Deliver, orders_log: Log
) -> None:
    payment = Payment()
    deliver(payment.paid())
    with connected(orders_log.engine) as connection:
        connection.execute(text("set role none"))
        connection.execute(text("update orders set tenant = 'another'"))
        connection.execute(text("reset role"))

    assert deliver(payment.refunded()).json()["reason"] == "no-order-yet"


def test_a_dispute_pauses_and_its_end_sets_going_again(orders_log: Log) -> None:
    payment = Payment()
    tell(orders_log, payment.paid())
    orders_log.publisher.stop(60)  # nudges stay in the outbox from here on
    before = nudges(orders_log, payment.order)

    tell(orders_log, payment.dispute("needs_response"))
    paused = outcome(orders_log, payment.order)
    tell(orders_log, payment.dispute("under_review", "updated"))
    quiet = nudges(orders_log, payment.order)
    tell(orders_log, payment.dispute("won", "closed"))

    assert paused[:3] == ("attention", "disputed", False)
    assert outcome(orders_log, payment.order)[:3] == ("queued", "", True)
    assert types(orders_log, payment.order)[2:] == ["dispute-opened", "dispute-closed"]
    assert (quiet - before, nudges(orders_log, payment.order) - quiet) == (0, 1)


def tell(log: Log, event: dict[str, Any]) -> Heard:
    signed = Signed(
        tenant="default",
        live=False,
        at="2026-11-21T08:00:00+00:00",
        correlation="c-1",
        body=body(event).decode(),
    )
    return hear(signed, log, CATALOGUE)


def nudges(log: Log, order: str) -> int:
    query = text("select count(*) from outbox where order_id = :order")
    with connected(log.engine) as connection:
        return int(connection.execute(query, {"order": order}).scalar_one())


REFUNDED = ("cancelled", "refunded", False, Money(4900, "usd"), Money(4900, "usd"))
ARRIVALS: list[tuple[tuple[Any, ...], list[Callable[[Payment], dict[str, Any]]]]] = [
    (
        REFUNDED,
        [
            Payment.unpaid,
            Payment.paid,
            lambda payment: payment.refunded(900),
            Payment.refunded,
            lambda payment: payment.dispute("needs_response"),
            lambda payment: payment.dispute("won", "closed"),
        ],
    ),
    (
        ("queued", "", True, Money(4900, "usd"), Money(900, "usd")),
        [
            Payment.failed,
            Payment.paid,
            lambda payment: payment.refunded(900),
            lambda payment: payment.dispute("warning_needs_response"),
            lambda payment: payment.dispute("warning_closed", "closed"),
        ],
    ),
    (
        ("cancelled", "dispute-lost", False, Money(4900, "usd"), None),
        [
            Payment.unpaid,
            Payment.paid,
            lambda payment: payment.dispute("needs_response"),
            lambda payment: payment.dispute("lost", "closed"),
        ],
    ),
]


@pytest.mark.parametrize(("end", "said"), ARRIVALS, ids=["refunded", "resumed", "lost"])
def test_one_end_through_the_door_in_any_order_and_number(
    deliver: Deliver,
    orders_log: Log,
    end: tuple[Any, ...],
    said: list[Callable[[Payment], dict[str, Any]]],
) -> None:
    draw = random.Random(len(said))
    for arrival in draw.sample(list(permutations(said)), 20):
        payment = Payment()
        for event in (*arrival, *draw.choices(arrival, k=2)):
            assert deliver(event(payment)).status_code == 200

        assert outcome(orders_log, payment.order) == end


def test_a_refund_and_its_order_that_arrive_together_find_each_other(
    api_url: str, orders_log: Log
) -> None:
    def post(event: dict[str, Any]) -> None:
        payload = body(event)
        headers = {"Stripe-Signature": sign(payload)}
        answer = httpx.post(f"{api_url}{WEBHOOK}", content=payload, headers=headers, timeout=30)
        assert answer.status_code == 200

    with ThreadPoolExecutor(8) as pool:
        for _ in range(25):
            payment = Payment()
            list(pool.map(post, [payment.paid(), payment.refunded()] * 2))

            assert outcome(orders_log, payment.order) == REFUNDED
            assert sorted(types(orders_log, payment.order)) == [
                "order-cancelled",
                "order-placed",
                "payment-received",
                "payment-refunded",
            ]


def test_a_refund_heard_of_just_before_its_order_is_written_is_found_afterwards(
    orders_log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = Payment()
    record = orders_log.record

    def refunded_first(*values: Any) -> History:
        monkeypatch.undo()
        assert tell(orders_log, payment.refunded()).reason == "no-order-yet"
        return record(*values)

    monkeypatch.setattr(orders_log, "record", refunded_first)
    tell(orders_log, payment.paid())

    assert outcome(orders_log, payment.order) == REFUNDED


def test_an_order_placed_just_after_its_refund_looked_for_it_finds_the_refund(
    orders_log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = Payment()

    def placed_afterwards(said: Reversed, log: Log) -> str | None:
        found = order_of(said, log)
        monkeypatch.undo()
        tell(orders_log, payment.paid())
        return found

    order_of = payments._order_of
    monkeypatch.setattr(payments, "_order_of", placed_afterwards)
    assert tell(orders_log, payment.refunded()).reason == "no-order-yet"

    assert outcome(orders_log, payment.order) == REFUNDED


# A bundle and its parts.


def place_part(log: Log, bundle: str, product: str = "life_clarity") -> str:
    """Place a part as the bundle's worker does."""
    part = str(uuid.uuid4())
    whole = log.read(bundle)
    placed = whole.order.placed
    assert placed is not None
    nothing_due = PaymentReceived(amount=Money(0, "usd"))
    of_it = replace(placed, product=product, parent=bundle, parent_product="bundle", session="")
    log.record(
        log.begin(part, whole.sealer.subject), [replace(of_it, intent=""), nothing_due], CAUSE
    )
    return part


def test_the_parts_are_cancelled_with_their_bundle(deliver: Deliver, orders_log: Log) -> None:
    payment = Payment("bundle", 19900)
    deliver(payment.paid())
    parts = [place_part(orders_log, payment.order) for _ in range(2)]

    deliver(payment.refunded())

    for part in parts:
        assert outcome(orders_log, part)[:3] == ("cancelled", "refunded", False)


def test_the_parts_are_paused_and_resumed_with_their_bundle(
    deliver: Deliver, orders_log: Log
) -> None:
    payment = Payment("bundle", 19900)
    deliver(payment.paid())
    part = place_part(orders_log, payment.order)

    deliver(payment.dispute("needs_response"))
    paused = outcome(orders_log, part)
    deliver(payment.dispute("won", "closed"))

    assert paused[:3] == ("attention", "disputed", False)
    assert outcome(orders_log, part)[:3] == ("queued", "", True)


@pytest.mark.parametrize(
    ("said", "end"),
    [
        ([Payment.refunded], ("cancelled", "refunded", False)),
        ([lambda payment: payment.dispute("under_review")], ("attention", "disputed", False)),
    ],
    ids=["cancelled", "disputed"],
)
def test_the_keeper_tells_a_part_that_the_word_did_not_reach(
    deliver: Deliver,
    orders_log: Log,
    said: list[Callable[[Payment], dict[str, Any]]],
    end: tuple[Any, ...],
) -> None:
    payment = Payment("bundle", 19900)
    deliver(payment.paid())
    told = place_part(orders_log, payment.order)
    for event in said:
        deliver(event(payment))
    late = place_part(orders_log, payment.order)
    workable = orders_log.read(late).order.workable

    assert tell_strays(orders_log) == 1
    assert tell_strays(orders_log) == 0
    assert workable
    assert outcome(orders_log, late)[:3] == outcome(orders_log, told)[:3] == end


def test_a_webhook_that_comes_again_carries_on_where_the_first_died(
    orders_log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = Payment("bundle", 19900)
    tell(orders_log, payment.paid())
    part = place_part(orders_log, payment.order)
    for died_before in ("_order_of", "add", "tell"):
        with monkeypatch.context() as patched:
            patched.setattr(f"storage.payments.{died_before}", die)
            with pytest.raises(Died):
                tell(orders_log, payment.refunded())

    assert tell(orders_log, payment.refunded()).verdict == "recorded"
    assert outcome(orders_log, part)[:2] == ("cancelled", "refunded")


class Died(Exception):
    pass


def die(*_: object) -> None:
    raise Died
