"""What an operator does to an order over HTTP: at the version they saw, and with a preview."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from events.envelope import Cause
from events.facts import (
    AttentionNeeded,
    MailIntended,
    MailSent,
    NoteMade,
    OrderCorrected,
    OrderDelivered,
    OrderPlaced,
    OrderRetried,
    PartsPlaced,
    PaymentReceived,
)
from events.money import Money
from events.products import CATALOGUE
from storage.parts import correct_strays
from storage.record import Log
from tests.examples import bound, started, written
from tests.integration.conftest import OPERATOR, Deliver
from tests.stripe_events import paid

CAUSE = Cause(correlation="c", causation="m", actor="test")
REFUSED = AttentionNeeded(reason="model-refusal", attempt=1, detail="It would not.", advice="Ask.")
WHY = {"reason": "The model answers again."}


def add(log: Log, order: str, *events: Any) -> None:
    log.record(log.read(order), events, CAUSE)


@pytest.fixture
def stuck(deliver: Deliver, orders_log: Log) -> str:
    """An order in attention, at version 5."""
    order: str = deliver(paid()).json()["order"]
    add(orders_log, order, started(), written("section-001"), REFUSED)
    return order


def act(http: httpx.Client, order: str, verb: str, **changes: Any) -> httpx.Response:
    headers = {**OPERATOR, "If-Match": changes.pop("version", 'W/"v5"')}
    headers |= changes.pop("headers", {})
    given = {"json": {**WHY, **changes.pop("body", {})}, "headers": headers, **changes}
    return http.post(f"/v1/orders/{order}/{verb}", **given)


def test_a_retried_order_goes_on_and_the_log_says_who_and_why(
    http: httpx.Client, stuck: str, orders_log: Log
) -> None:
    answer = act(http, stuck, "retry")

    assert answer.status_code == 202
    assert answer.headers["etag"] == 'W/"v7"'
    assert answer.json()["status"] == "writing"
    note, retried = orders_log.recorded(stuck)[-2:]
    assert note.event == NoteMade(number=1, text=WHY["reason"])
    assert isinstance(retried.event, OrderRetried)
    assert {note.cause.actor, retried.cause.actor} == {"operator"}
    assert retried.cause.correlation == answer.headers["x-request-id"]


def test_the_reason_lies_sealed(http: httpx.Client, stuck: str, orders_log: Log) -> None:
    act(http, stuck, "retry")

    stored = [each.data for each in orders_log.links(stuck)]
    assert WHY["reason"] not in "".join(stored)


def test_a_preview_does_nothing(http: httpx.Client, stuck: str, orders_log: Log) -> None:
    answer = act(http, stuck, "retry", params={"dry_run": "1"})

    assert answer.status_code == 200
    told = answer.json()
    assert told["version"] == "5"
    assert told["kept"] == ["1 sections"]
    assert told["to_do"] == ["3 of 4 sections", "the document"]
    assert told["most_cost"]["amount"] > 0
    assert orders_log.read(stuck).order.version == 5


def test_who_saw_another_version_is_told_so(
    http: httpx.Client, stuck: str, orders_log: Log
) -> None:
    for version in ('W/"v4"', '"v6"', "yesterday"):
        answer = act(http, stuck, "cancel", version=version)

        assert answer.status_code == 412
        assert answer.json()["type"] == "/problems/order-moved-on"
    assert orders_log.read(stuck).order.version == 5


def test_who_does_not_say_what_they_saw_is_asked(http: httpx.Client, stuck: str) -> None:
    answer = http.post(f"/v1/orders/{stuck}/cancel", json=WHY, headers=OPERATOR)

    assert answer.status_code == 428
    assert answer.json()["type"] == "/problems/version-missing"


@pytest.mark.parametrize(
    "body", [{"reason": ""}, {"reason": None}, {"sign": "x"}, {"reason": "x\0y"}]
)
def test_a_reason_is_needed(http: httpx.Client, stuck: str, body: dict[str, Any]) -> None:
    assert act(http, stuck, "retry", body=body).status_code == 422


@pytest.mark.parametrize("verb", ["retry", "cancel", "resend", "correct", "arrived"])
def test_only_the_operator_may(http: httpx.Client, stuck: str, orders_log: Log, verb: str) -> None:
    customer = orders_log.read(stuck).sealer.token(stuck)

    for token in ("auditor-secret", customer):
        headers = {"Authorization": f"Bearer {token}"}
        assert act(http, stuck, verb, headers=headers).status_code == 403
    assert act(http, stuck, verb, headers={"Authorization": "Bearer x"}).status_code in (403, 404)
    assert orders_log.read(stuck).order.version == 5


def test_what_the_order_does_not_allow_is_refused_with_a_reason(
    http: httpx.Client, stuck: str
) -> None:
    for params in ({}, {"dry_run": "1"}):
        answer = act(http, stuck, "resend", params=params)

        assert answer.status_code == 409
        (error,) = answer.json()["errors"]
        assert error["name"] == "not-delivered"
        assert "Retry it" in answer.json()["detail"]


def test_a_correction_is_checked_and_sealed(
    http: httpx.Client, stuck: str, orders_log: Log
) -> None:
    wrong = act(http, stuck, "correct", body={"fields": {"birth_date": "yesterday"}})
    right = act(http, stuck, "correct", body={"fields": {"name": "Jenny Rosén"}})

    assert wrong.status_code == 422
    assert "yesterday" not in wrong.text
    assert right.status_code == 202
    assert right.json()["status"] == "attention"
    order = orders_log.read(stuck).order
    assert order.placed is not None
    assert order.placed.fields["name"] == "Jenny Rosén"
    assert "Rosén" not in "".join(each.data for each in orders_log.links(stuck))


def test_a_cancelled_bundle_cancels_its_parts_and_a_corrected_one_corrects_them(
    http: httpx.Client, deliver: Deliver, orders_log: Log
) -> None:
    amount = CATALOGUE["bundle"].prices[0].amount
    bundle = deliver(paid("bundle", amount, name="Jenny", birth_date="1990-05-17")).json()["order"]
    part = str(uuid.uuid4())
    sealer = orders_log.read(bundle).sealer
    first = OrderPlaced(
        product="life_clarity",
        tenant="default",
        subject=str(sealer.subject),
        at=datetime.now(UTC).isoformat(),
        parent=bundle,
        parent_product="bundle",
        email="jenny.rosen@example.com",
        fields={"name": "Jenny"},
    )
    nothing = PaymentReceived(amount=Money(0, "usd"))
    orders_log.record(orders_log.begin(part, sealer.subject), [first, nothing], CAUSE)
    add(orders_log, bundle, started())

    def name() -> str:
        placed = orders_log.read(part).order.placed
        assert placed is not None
        return placed.fields["name"]

    corrected = act(http, bundle, "correct", version='W/"v3"', body={"fields": {"name": "Ada"}})
    said = name()
    add(orders_log, bundle, PartsPlaced(parts={"life_clarity": part}))
    # Somebody wrote it down and died; and somebody else did not wait for the keeper.
    add(orders_log, bundle, OrderCorrected(number=2, fields={"name": "Eva"}))
    unheard, healed, again = name(), correct_strays(orders_log), correct_strays(orders_log)
    add(orders_log, bundle, OrderCorrected(number=3, fields={"name": "Ida"}))
    repeated = act(http, bundle, "correct", version='W/"v8"', body={"fields": {"name": "Ida"}})
    cancelled = act(http, bundle, "cancel", version='W/"v10"')

    assert (corrected.status_code, repeated.status_code) == (202, 202), repeated.text
    assert (said, unheard, healed, again, name()) == ("Ada", "Ada", 1, 0, "Ida")
    assert cancelled.status_code == 202
    assert orders_log.read(part).order.cancelled is not None


def test_a_mail_in_doubt_is_marked_as_arrived(
    http: httpx.Client, stuck: str, orders_log: Log
) -> None:
    doubt = AttentionNeeded(reason="mail-doubtful", attempt=2, detail="d", advice="a")
    intent = MailIntended(mail="report", attempt=2, message_id="<x>")
    add(orders_log, stuck, started(2), intent, doubt)

    answer = act(http, stuck, "arrived", version='W/"v8"')

    assert answer.status_code == 202
    assert isinstance(orders_log.read(stuck).order.mails["report"], MailSent)


def test_a_delivered_report_is_asked_for_once_more(
    http: httpx.Client, stuck: str, orders_log: Log
) -> None:
    sent = MailSent(mail="report", message_id="<x>")
    retried = OrderRetried(number=1, at="2026-11-21T12:00:00+00:00")
    add(orders_log, stuck, retried, started(2), bound(), sent, OrderDelivered(by="mail"))

    answer = act(http, stuck, "resend", version='W/"v10"')

    assert (answer.status_code, answer.json()["status"]) == (202, "delivered")
    assert orders_log.read(stuck).order.resending == "report-2"


def test_of_two_people_at_the_same_moment_one_is_told_to_look_again(
    http: httpx.Client, stuck: str, orders_log: Log
) -> None:
    for version in range(5, 25, 2):
        seen = f'W/"v{version}"'

        def correct(name: str, seen: str = seen) -> int:
            body = {"fields": {"name": f"{name} {seen}"}}
            return act(http, stuck, "correct", version=seen, body=body).status_code

        with ThreadPoolExecutor() as pool:
            codes = dict(zip(("Ada", "Eva"), pool.map(correct, ("Ada", "Eva")), strict=True))

        assert sorted(codes.values()) == [202, 412]
        placed = orders_log.read(stuck).order.placed
        assert placed is not None
        winner = placed.fields["name"].partition(" ")[0]
        assert codes[winner] == 202
