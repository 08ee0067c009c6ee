"""Money that goes back stops the spending, even inside calls in flight, through real processes."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from actors import writing
from events.facts import SectionsAsked
from events.plan import Product
from events.products import CATALOGUE, find
from sandbox.purchase import checkout_completed
from sandbox.system import System
from storage.opening import opened
from storage.settings import read_from
from tests.acceptance.buying import Bought, asked, get, in_flight, post, slowly
from tests.stripe_events import stripe_event
from tests.waiting import until

pytestmark = pytest.mark.acceptance

# How long the model takes for an answer, in seconds: whatever ends before then has been cut off.
SLOW = 30.0


class Bill:
    """A payment that can be taken back."""

    def __init__(self, system: System, product: Product) -> None:
        self._system = system
        self._event = checkout_completed(product, email="canary.bird@example.com")
        self.amount = product.prices[0].amount

    def pay(self) -> Bought:
        answer = post(self._system, self._event)
        return Bought(self._system, answer.json()["order"], answer.headers["X-Request-Id"])

    def refund(self) -> None:
        self._tell("charge.refunded.full", amount=self.amount, amount_refunded=self.amount)

    def dispute(self, state: str) -> None:
        self._tell("charge.dispute.created.inquiry", status=state, id="du_of_the_test")

    def _tell(self, name: str, **changes: Any) -> None:
        intent = self._event["data"]["object"]["payment_intent"]
        event = stripe_event(name, payment_intent=intent, **changes)
        assert post(self._system, event).json()["verdict"] == "recorded"


@pytest.fixture
def slow(system: System) -> Iterator[System]:
    """The system with a model that takes its time."""
    with slowly(system, SLOW):
        yield system


def until_in_flight(system: System, count: int, *orders: str) -> None:
    until(lambda: len(in_flight(system, *orders)) == count)


def outcomes(system: System, *orders: str) -> list[str]:
    """How the calls for these orders ended, once all have."""
    until(lambda: not in_flight(system, *orders))
    return [each["outcome"] for each in asked(system, *orders)]


def announced(order: Bought) -> int:
    """For how many sections the model was to be asked, as the log says: that is recorded before."""
    with opened(read_from(order.system.environment), CATALOGUE, pool=1) as log:
        events = [each.event for each in log.recorded(order.id)]
    return sum(len(each.sections) for each in events if isinstance(each, SectionsAsked))


def test_a_full_refund_cuts_off_the_calls_in_flight(slow: System) -> None:
    product = find("personal_blueprint")
    bill = Bill(slow, product)
    order = bill.pay()
    until_in_flight(slow, product.width, order.id)

    bill.refund()

    assert outcomes(slow, order.id) == ["cut off"] * product.width
    # Within a second: no clock of a busy machine tells that, but how often is looked while calls are waited for.
    assert writing._LOOK_SECONDS < 1
    time.sleep(3)
    assert len(asked(slow, order.id)) == product.width
    status = order.ask()
    assert (status["status"], status["progress"]["done"]) == ("cancelled", 0)


def test_a_dispute_cuts_them_off_too_and_work_goes_on_when_it_is_won(system: System) -> None:
    bill = Bill(system, find("personal_blueprint"))
    with slowly(system, 2.0):  # there is much left to be written when the dispute comes
        order = bill.pay()
        order.until(lambda status: status["progress"]["done"] >= 1)

        bill.dispute("needs_response")
        order.until(lambda status: status["status"] == "attention")
        stopped = announced(order)
        outcomes(system, order.id)
        time.sleep(2)
    assert len(asked(system, order.id)) <= stopped < 52
    assert announced(order) == stopped
    assert order.ask()["status"] == "attention"

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

    assert outcomes(slow, *parts) == ["cut off"] * width
    time.sleep(2)
    assert len(asked(slow, *parts)) == width
    for part in parts:
        until(lambda: get(slow, f"/v1/orders/{part}").json()["status"] == "cancelled")  # noqa: B023 - at once
