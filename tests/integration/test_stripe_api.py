"""The door to Stripe: whatever the other side does, we get an answer or an error that says what to do."""

import json
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from events.errors import LedgerpressError, NotFound, Refused, Unavailable
from events.money import Money
from storage import stripe_api
from storage.stripe_api import StripeApi

BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def api(stripe_account: str) -> StripeApi:
    return StripeApi("sk_test_canary", stripe_account)


def session(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "id": f"cs_test_{number:04}",
        "object": "checkout.session",
        "status": "complete",
        "created": int(BEGINNING.timestamp()) + number,
        **changes,
    }


def ask(api: StripeApi) -> object:
    return api.session("cs_test_0001")


def test_a_session_is_told_as_stripe_has_it(api: StripeApi, stripe_books: httpx.Client) -> None:
    there = session(1, metadata={"name": "Zoë"}, total_details={"amount_tax": 3})
    stripe_books.put("/_sessions", json=[there])

    found = api.session("cs_test_0001")

    assert json.loads(json.dumps(found)) == there


@pytest.mark.parametrize("name", ["cs_test_none", "", "../events", "cs_test_1?x=1", "evt_1"])
def test_what_is_no_session_of_stripes_is_not_found(
    api: StripeApi, stripe_books: httpx.Client, name: str
) -> None:
    stripe_books.put("/_sessions", json=[session(1)])

    with pytest.raises(NotFound):
        api.session(name)


def test_all_completed_sessions_since_then_are_listed_whatever_their_number(
    api: StripeApi, stripe_books: httpx.Client
) -> None:
    stripe_books.put("/_sessions", json=[session(n) for n in range(1, 251)])
    stripe_books.put(
        "/_sessions", json=[session(300, status="open"), session(301, status="expired")]
    )

    found = list(api.sessions(datetime.fromtimestamp(BEGINNING.timestamp() + 11, UTC)))

    assert [each["id"] for each in found] == [session(n)["id"] for n in range(250, 10, -1)]


def test_undelivered_events_of_some_kinds_are_listed(
    api: StripeApi, stripe_books: httpx.Client
) -> None:
    kinds = ("charge.refunded", "customer.updated")
    events = [{"id": f"evt_{kind}", "type": kind, "created": 1_800_000_000} for kind in kinds]
    stripe_books.put("/_events", json=events)

    found = list(api.undelivered(BEGINNING, ["charge.refunded", "checkout.session.completed"]))

    assert [each["id"] for each in found] == ["evt_charge.refunded"]
    (asked,) = [
        each for each in stripe_books.get("/_requests").json() if each["path"] == "/v1/events"
    ]
    assert asked["query"]["delivery_success"] == "false"


def test_a_checkout_is_begun_with_its_price_and_what_was_filled_in(
    api: StripeApi,
) -> None:
    begun = api.checkout(
        title="Life Clarity",
        price=Money(4900, "usd"),
        metadata={"product": "life_clarity", "name": "Ada & Bo = ☂"},
        success_url="https://shop.example/checkout/return?session_id={CHECKOUT_SESSION_ID}",
        cancel_url="https://shop.example/",
        key="one",
    )

    assert begun.url.endswith(begun.session)
    found = api.session(begun.session)
    assert (found["amount_total"], found["currency"]) == (4900, "usd")
    assert found["metadata"] == {"product": "life_clarity", "name": "Ada & Bo = ☂"}
    assert found["success_url"].endswith("session_id={CHECKOUT_SESSION_ID}")


@pytest.mark.parametrize(
    ("fault", "kind", "reason"),
    [
        ({"status": 500}, Unavailable, "stripe-away"),
        ({"status": 503}, Unavailable, "stripe-away"),
        ({"status": 429}, Unavailable, "stripe-away"),
        ({"drop": True}, Unavailable, "stripe-away"),
        ({"html": True}, Unavailable, "stripe-malformed"),
        ({"status": 403}, Refused, "stripe-settings"),
        ({"status": 400}, Refused, "stripe-refusal"),
        ({"status": 402}, Refused, "stripe-refusal"),
    ],
)
def test_a_failure_says_what_to_do_and_repeats_nothing(
    api: StripeApi,
    stripe_books: httpx.Client,
    fault: dict[str, Any],
    kind: type[LedgerpressError],
    reason: str,
) -> None:
    stripe_books.put("/_fault", json=fault)

    with pytest.raises(kind) as caught:
        ask(api)

    assert caught.value.reason == reason
    assert "canary" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_wrong_key_is_a_matter_for_a_person(stripe_account: str) -> None:
    with pytest.raises(Refused, match="STRIPE_API_KEY") as caught:
        ask(StripeApi("rk_wrong_canary", stripe_account))

    assert "canary" not in str(caught.value)


def test_nobody_there_is_waited_for() -> None:
    with pytest.raises(Unavailable, match="cannot be reached"):
        ask(StripeApi("sk_test_canary", "http://127.0.0.1:9"))


def test_a_slow_answer_is_not_waited_for_for_ever(
    api: StripeApi, stripe_books: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stripe_api, "_DEADLINE", 0.2)
    stripe_books.put("/_fault", json={"seconds": 30})

    with pytest.raises(Unavailable) as caught:
        ask(api)

    assert caught.value.reason == "stripe-slow"
