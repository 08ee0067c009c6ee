"""Money that goes back stops the spending, even inside calls in flight, through real processes."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from events.plan import Product
from events.products import find
from sandbox.purchase import checkout_completed
from sandbox.system import System
from tests.acceptance.buying import Bought, get, post, requests
from tests.stripe_events import stripe_event

pytestmark = pytest.mark.acceptance

SLOW = 20.0


class Bill:
    """A payment that can be taken back."""

    def __init__(self, system: System, product: Product) -> None:
        self._system = system
        self._event = checkout_completed(product, email="canary.bird@example.com")
        self.amount = product.prices[0].amount

    def pay(self) -> Bought:
        answer = post(self._system, self._event)
        return Bought(self._system, answer.json()["order"], answer.headers["X-Request-Id"])

    def refund(self) -> datetime:
        """Refund all of it; return when that was recorded."""
        self._tell("charge.refunded.full", amount=self.amount, amount_refunded=self.amount)
        return datetime.now(UTC)

    def dispute(self, state: str) -> None:
        self._tell("charge.dispute.created.inquiry", status=state, id="du_of_the_test")

    def _tell(self, name: str, **changes: Any) -> None:
        intent = self._event["data"]["object"]["payment_intent"]
        event = stripe_event(name, payment_intent=intent, **changes)
        assert post(self._system, event).json()["verdict"] == "recorded"


@pytest.fixture
def slow(system: System) -> Iterator[System]:
    """The system with a model that takes its time."""
    knobs = f"{system.model.removesuffix('/v1')}/_knobs"
    before = httpx.get(knobs).json()
    httpx.post(knobs, json={"latency": SLOW * before["speed"]}).raise_for_status()
    yield system
    httpx.post(knobs, json={"latency": before["latency"]}).raise_for_status()


def calls_for(system: System, *orders: str) -> list[dict[str, Any]]:
    return [each for each in requests(system) if each["headers"]["x-ledgerpress-order"] in orders]


def in_flight(system: System, *orders: str) -> list[dict[str, Any]]:
    return [each for each in calls_for(system, *orders) if each["outcome"] is None]


def until_in_flight(system: System, count: int, *orders: str) -> None:
    deadline = time.monotonic() + 30
    while len(in_flight(system, *orders)) < count:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_full_refund_cuts_off_the_calls_in_flight_within_a_second(slow: System) -> None:
    product = find("personal_blueprint")
    bill = Bill(slow, product)
    order = bill.pay()
    until_in_flight(slow, product.width, order.id)

    recorded = bill.refund()
    time.sleep(1)
    made = calls_for(slow, order.id)

    assert [each["outcome"] for each in made] == ["cut off"] * product.width
    for each in made:
        assert datetime.fromisoformat(each["finished_at"]) - recorded < timedelta(seconds=1)
    time.sleep(3)
    assert calls_for(slow, order.id) == made
    status = order.ask()
    assert (status["status"], status["progress"]["done"]) == ("cancelled", 0)


def test_a_dispute_cuts_them_off_too_and_work_goes_on_when_it_is_won(system: System) -> None:
    bill = Bill(system, find("personal_blueprint"))
    order = bill.pay()
    order.until(lambda status: status["progress"]["done"] >= 5)

    bill.dispute("needs_response")
    paused = order.until(lambda status: status["status"] == "attention")
    time.sleep(1)
    stopped = len(calls_for(system, order.id))
    time.sleep(2)
    assert len(calls_for(system, order.id)) == stopped < 52
    assert paused["status"] == "attention"

    bill.dispute("won")
    assert order.delivered()["progress"]["done"] == 52
    assert len(order.mails()) == 1


def test_a_refunded_bundle_stops_its_parts(slow: System) -> None:
    bill = Bill(slow, find("bundle"))
    order = bill.pay()
    order.until(lambda status: len(status.get("parts", ())) == 3)
    parts = [each["order"] for each in order.ask()["parts"]]
    width = sum(find(part).width for part in find("bundle").parts)
    until_in_flight(slow, width, *parts)

    bill.refund()
    time.sleep(1)

    assert {each["outcome"] for each in calls_for(slow, *parts)} == {"cut off"}
    time.sleep(2)
    assert len(calls_for(slow, *parts)) == width
    for part in parts:
        assert get(slow, f"/v1/orders/{part}").json()["status"] == "cancelled"
