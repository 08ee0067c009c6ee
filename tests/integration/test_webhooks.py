"""The door for payments, over HTTP, with real-shaped events."""

import json
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest

from events.payments import order_id
from storage.record import Log
from storage.settings import Settings, read_from
from tests.integration.conftest import Deliver, serving
from tests.stripe_events import body, paid, sign, stripe_event

WEBHOOK = "/webhooks/stripe"
PROBLEM = "application/problem+json"


def id_of(event: dict[str, Any]) -> str:
    return order_id("default", event["data"]["object"]["id"])


def with_id(event: dict[str, Any], event_id: str) -> dict[str, Any]:
    return {**event, "id": event_id}


def types(log: Log, order: str) -> list[str]:
    return [each.type for each in log.recorded(order)]


def counted(settings: Settings) -> int:
    """How many events there are in the whole log."""
    with psycopg.connect(settings.database_url.get_secret_value()) as connection:
        row = connection.execute("select count(*) from ledgerpress.events").fetchone()
    assert row is not None
    return int(row[0])


def signed_post(http: httpx.Client, payload: bytes, path: str = WEBHOOK) -> httpx.Response:
    return http.post(path, content=payload, headers={"Stripe-Signature": sign(payload)})


# What is recorded.


def test_a_paid_session_becomes_an_order(deliver: Deliver, orders_log: Log) -> None:
    event = paid()

    answer = deliver(event)

    assert answer.status_code == 200
    assert answer.json() == {"received": True, "verdict": "recorded", "order": id_of(event)}
    order = orders_log.read(id_of(event)).order
    assert order.workable
    assert order.placed is not None
    assert order.placed.email == "jenny.rosen@example.com"
    assert order.placed.fields["birth_date"] == "1990-05-17"
    assert "product" not in order.placed.fields
    assert order.placed.subject == order.id


def test_the_request_id_is_the_correlation_of_what_is_recorded(
    http: httpx.Client, orders_log: Log
) -> None:
    event, payload = paid(), body(paid())
    headers = {"Stripe-Signature": sign(payload), "X-Request-Id": "from-the-proxy-17"}

    http.post(WEBHOOK, content=payload, headers=headers)

    causes = {each.cause for each in orders_log.recorded(id_of(event))}
    assert {cause.correlation for cause in causes} == {"from-the-proxy-17"}
    assert {cause.causation for cause in causes} == {event["id"]}
    assert {cause.actor for cause in causes} == {"stripe"}


def test_a_second_delivery_changes_nothing(deliver: Deliver, settings: Settings) -> None:
    deliver(paid())
    before = counted(settings)

    answer = deliver(paid())

    assert answer.status_code == 200
    assert answer.json()["verdict"] == "duplicate"
    assert counted(settings) == before


def test_two_events_of_one_session_are_one_order(deliver: Deliver, orders_log: Log) -> None:
    first = deliver(with_id(paid(), "evt_first")).json()
    second = deliver(with_id(paid(), "evt_second")).json()

    assert (first["verdict"], second["verdict"]) == ("recorded", "duplicate")
    assert first["order"] == second["order"]
    assert types(orders_log, first["order"]) == ["order-placed", "payment-received"]


def test_twenty_deliveries_at_once_make_one_order(api_url: str, orders_log: Log) -> None:
    def one(number: int) -> dict[str, Any]:
        payload = body(with_id(paid(), f"evt_{number % 4}"))
        answer = httpx.post(
            f"{api_url}{WEBHOOK}",
            content=payload,
            headers={"Stripe-Signature": sign(payload)},
            timeout=30,
        )
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(one, range(20)))

    assert sorted(each["verdict"] for each in answers) == ["duplicate"] * 19 + ["recorded"]
    assert len({each["order"] for each in answers}) == 1
    assert types(orders_log, answers[0]["order"]) == ["order-placed", "payment-received"]


def test_a_payment_is_not_lost_when_it_arrives_together_with_its_session(
    api_url: str, orders_log: Log
) -> None:
    for number in range(10):
        name = f"cs_test_{number}"
        changes = {"id": name, "metadata": {"product": "life_clarity", "name": "A"}}
        kinds = ("completed.unpaid", "async_payment_succeeded") * 4

        def one(kind: str, changes: dict[str, Any] = changes) -> None:
            payload = body(stripe_event(f"checkout.session.{kind}", amount_total=4500, **changes))
            headers = {"Stripe-Signature": sign(payload)}
            httpx.post(f"{api_url}{WEBHOOK}", content=payload, headers=headers, timeout=30)

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(one, kinds))

        order = order_id("default", name)
        assert types(orders_log, order) == ["order-placed", "payment-received"]


def test_an_unpaid_session_waits_for_its_money(deliver: Deliver, orders_log: Log) -> None:
    metadata = {"product": "life_clarity", "name": "Jenny"}
    event = stripe_event("checkout.session.completed.unpaid", metadata=metadata, amount_total=4500)
    later = stripe_event(
        "checkout.session.async_payment_succeeded",
        id=event["data"]["object"]["id"],
        metadata=metadata,
        amount_total=4500,
    )

    deliver(event)
    waiting = orders_log.read(id_of(event)).order
    deliver(later)

    assert waiting.paid is None
    assert orders_log.read(id_of(event)).order.workable


def test_a_failed_payment_cancels(deliver: Deliver, orders_log: Log) -> None:
    event = stripe_event("checkout.session.async_payment_failed")

    deliver(event)

    cancelled = orders_log.read(id_of(event)).order.cancelled
    assert cancelled is not None
    assert cancelled.reason == "payment-failed"


def test_nothing_is_due_for_a_free_order(deliver: Deliver, orders_log: Log) -> None:
    event = paid(amount=0)
    event["data"]["object"]["payment_status"] = "no_payment_required"

    deliver(event)

    assert orders_log.read(id_of(event)).order.workable


def test_a_discount_and_a_tax_do_not_make_the_amount_wrong(
    deliver: Deliver, orders_log: Log
) -> None:
    event = paid(amount=4900 - 900 + 760)
    event["data"]["object"]["total_details"] = {"amount_discount": 900, "amount_tax": 760}

    deliver(event)

    assert orders_log.read(id_of(event)).order.workable


# What is ignored.


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("unrelated.foo.created", "unknown-type"),
        ("unrelated.customer.updated", "unknown-type"),
        ("payment_intent.succeeded", "unknown-type"),
        ("refund.created", "unknown-type"),
        ("unusual.connect-account", "other-account"),
        ("unusual.livemode-true", "other-livemode"),
        ("unusual.mode-setup", "other-mode"),
        ("checkout.session.expired", "never-placed"),
    ],
)
def test_what_is_not_ours_is_received_and_ignored(
    deliver: Deliver, settings: Settings, name: str, reason: str
) -> None:
    answer = deliver(stripe_event(name))

    assert answer.status_code == 200
    assert answer.json() == {"received": True, "verdict": "ignored", "reason": reason}
    assert counted(settings) == 0


# What was paid for and cannot be made.


@pytest.mark.parametrize(
    ("event", "sentence"),
    [
        (paid("no_such_product"), "names no product"),
        (paid(birth_date="1990-05-17"), "field name is missing"),
        (paid(name="Jenny", birth_date="17.5.1990"), "field birth_date is not a date"),
        (paid(name="J" * 121), "field name is longer"),
        (paid(amount=100), "1.00 USD was paid"),
        (stripe_event("unusual.metadata-missing"), "names no product"),
        (stripe_event("unusual.metadata-50x500"), "names no product"),
        (stripe_event("unusual.api-version-2019-12-03"), "names no product"),
    ],
    ids=[
        "product",
        "field-missing",
        "date",
        "field-too-long",
        "amount",
        "no-metadata",
        "50x500",
        "2019",
    ],
)
def test_an_unusable_payment_waits_for_a_person(
    deliver: Deliver, orders_log: Log, event: dict[str, Any], sentence: str
) -> None:
    answer = deliver(event)

    assert answer.status_code == 200
    assert answer.json()["verdict"] == "recorded"
    order = orders_log.read(id_of(event)).order
    assert order.paid is not None
    assert not order.workable
    assert order.attention is not None
    assert order.attention.reason == "unusable-payment"
    assert sentence in order.attention.detail
    assert order.attention.advice


@pytest.mark.parametrize("email", [None, "", "nobody", "a@b.example, c@d.example", 17])
def test_a_payment_without_a_usable_address_waits_for_a_person(
    deliver: Deliver, orders_log: Log, email: object
) -> None:
    event = paid()
    event["data"]["object"]["customer_details"] = {"email": email}

    deliver(event)

    attention = orders_log.read(id_of(event)).order.attention
    assert attention is not None
    assert "e-mail" in attention.detail


GARBAGE: list[dict[str, Any]] = [
    {"metadata": "x"},
    {"metadata": {"product": 5, "name": {"a": []}}},
    {"metadata": {"product": "life_clarity", "name": "\ud800\x00"}, "currency": "\x00"},
    {"metadata": {"product": "life_clarity\x00\udfff", "na\x00me\udc00": "x"}},
    {"amount_total": 10**400, "total_details": [1]},
    {"amount_total": 49.5},
    {"amount_total": True, "currency": 7},
    {"amount_total": "4900"},
    {"amount_total": None, "customer_details": "x", "customer_email": ["y"]},
    {"payment_intent": {"id": "pi_expanded"}, "currency": None},
    {"id": "cs_" + "x" * 5000, "currency": "zzz"},
    {"id": None, "currency": "zzz"},
    {"id": {"a": 1}, "currency": "zzz"},
    {"mode": None, "payment_status": None, "currency": "zzz"},
]


@pytest.mark.parametrize("changes", GARBAGE, ids=range(len(GARBAGE)))
def test_garbage_in_a_paid_session_never_loses_the_payment(
    deliver: Deliver, orders_log: Log, changes: dict[str, Any]
) -> None:
    event = paid()
    event["data"]["object"].update(changes)

    answer = deliver(event)

    assert answer.status_code == 200, answer.text
    assert orders_log.read(answer.json()["order"]).order.attention is not None


def test_even_an_event_without_a_session_leaves_an_order_to_look_at(
    deliver: Deliver, orders_log: Log
) -> None:
    answer = deliver({**paid(), "data": None})

    assert answer.status_code == 200
    assert orders_log.read(answer.json()["order"]).order.attention is not None


def test_every_language_survives(deliver: Deliver, orders_log: Log) -> None:
    name = "Łukasz Ñandú 山田 👩‍🚀 עברית"
    event = stripe_event(
        "unusual.unicode-name",
        metadata={"product": "life_clarity", "name": name, "question": "¿Qué?\n“Was” & <b>?</b>"},
    )

    deliver(event)

    placed = orders_log.read(id_of(event)).order.placed
    assert placed is not None
    assert placed.fields == {"name": name, "question": "¿Qué?\n“Was” & <b>?</b>"}
    assert placed.email == "lukasz+orders@xn--bcher-kva.example"
    assert orders_log.read(id_of(event)).order.workable


# What is refused.


def deep(levels: int) -> bytes:
    return b"[" * levels + b"]" * levels


@pytest.mark.parametrize(
    ("payload", "slug"),
    [
        (b"", "bad-body"),
        (b"product=life_clarity", "bad-body"),
        (b"[]", "bad-body"),
        (b'"event"', "bad-body"),
        (b"null", "bad-body"),
        (b"\xef\xbb\xbf{}", "bad-body"),
        (deep(100_000), "bad-body"),
        (b'{"amount": ' + b"9" * 5000 + b"}", "bad-body"),
        (json.dumps({"object": "v2.core.event", "type": "v1.x"}).encode(), "thin-event"),
    ],
    ids=["empty", "form", "list", "text", "null", "bom", "deep", "long-number", "thin"],
)
def test_what_is_no_event_is_refused_even_if_signed(
    http: httpx.Client, settings: Settings, payload: bytes, slug: str
) -> None:
    answer = signed_post(http, payload)

    assert answer.status_code == 400
    assert answer.headers["content-type"] == PROBLEM
    assert answer.json()["type"] == f"/problems/{slug}"
    assert counted(settings) == 0


def test_bytes_that_are_not_utf_8_are_refused(http: httpx.Client) -> None:
    answer = signed_post(http, b'{"name": "\xff"}')

    assert answer.status_code == 400
    assert answer.json()["type"] == "/problems/bad-body"


BAD_SIGNATURES: dict[str, Callable[[bytes], str]] = {
    "empty": lambda _: "",
    "of another secret": lambda payload: sign(payload, "whsec_other"),
    "of another body": lambda payload: sign(payload + b" "),
    "ten minutes old": lambda payload: sign(payload, at=time.time() - 600),
    "ten minutes ahead": lambda payload: sign(payload, at=time.time() + 600),
    "of another scheme": lambda payload: sign(payload).replace("v1=", "v0="),
    "without its time": lambda payload: sign(payload).partition(",")[2],
    "with a time that is none": lambda payload: sign(payload).replace("t=", "t=x"),
    "cut off": lambda payload: sign(payload)[:-1],
    "of nonsense": lambda _: "t=1,v1,v1=,=,,",
}


@pytest.mark.parametrize("what", BAD_SIGNATURES)
def test_a_bad_signature_is_refused(http: httpx.Client, settings: Settings, what: str) -> None:
    payload = body(paid())
    headers = {"Stripe-Signature": BAD_SIGNATURES[what](payload)}

    answer = http.post(WEBHOOK, content=payload, headers=headers)

    assert answer.status_code == 400
    assert answer.json()["type"] == "/problems/bad-signature"
    assert counted(settings) == 0


def test_an_event_without_a_signature_is_refused(http: httpx.Client, settings: Settings) -> None:
    assert http.post(WEBHOOK, json=paid()).status_code == 400
    assert counted(settings) == 0


def test_a_signature_that_is_not_ascii_is_refused(http: httpx.Client) -> None:
    payload = body(paid())
    headers = {b"Stripe-Signature": f"t={int(time.time())},v1=é".encode("latin-1")}

    assert http.post(WEBHOOK, content=payload, headers=headers).status_code == 400


def test_any_of_several_secrets_will_do_while_they_are_rotated(
    environment: dict[str, str],
) -> None:
    payload = body(paid())
    rotating = {**environment, "STRIPE_WEBHOOK_SECRET": "whsec_new, whsec_old"}
    with serving(read_from(rotating)) as url:
        for secret, expected in (("whsec_new", 200), ("whsec_old", 200), ("whsec_test", 400)):
            headers = {"Stripe-Signature": sign(payload, secret)}

            answer = httpx.post(f"{url}{WEBHOOK}", content=payload, headers=headers)

            assert answer.status_code == expected


def test_more_than_a_megabyte_is_refused_unread(api_url: str, settings: Settings) -> None:
    place = urlsplit(api_url)
    head = (
        f"POST {WEBHOOK} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000001\r\n"
        "Content-Type: application/json\r\n\r\n"
    )
    with socket.create_connection((place.hostname, place.port), 60) as connection:
        connection.sendall(head.encode())  # and not one byte of the body

        status = connection.recv(4096).split(b"\r\n")[0]

    assert b" 413 " in status
    assert counted(settings) == 0


def test_more_than_a_megabyte_is_refused_while_it_is_read(http: httpx.Client) -> None:
    def undeclared() -> Iterator[bytes]:
        for _ in range(20):
            yield b" " * 100_000

    answer = http.post(WEBHOOK, content=undeclared())

    assert answer.status_code == 413
    assert answer.json()["type"] == "/problems/too-large"


def test_the_largest_metadata_that_stripe_allows_is_taken(
    deliver: Deliver, orders_log: Log
) -> None:
    event = stripe_event("unusual.metadata-50x500")
    metadata = event["data"]["object"]["metadata"]

    deliver(event)

    placed = orders_log.read(id_of(event)).order.placed
    assert placed is not None
    assert placed.fields == {name: value for name, value in metadata.items() if name != "product"}


def test_a_tenant_has_a_door_of_its_own(http: httpx.Client) -> None:
    payload = body(paid())

    assert signed_post(http, payload, f"{WEBHOOK}/default").json()["verdict"] == "recorded"
    assert signed_post(http, payload).json()["verdict"] == "duplicate"
    assert signed_post(http, payload, f"{WEBHOOK}/nobody").status_code == 404


def test_stripe_is_asked_to_come_back_while_postgres_and_rabbitmq_are_away(
    environment: dict[str, str],
) -> None:
    away = "postgresql://ledgerpress:canary-password@127.0.0.1:9/nowhere"
    broker = "amqp://ledgerpress:canary-password@127.0.0.1:9/"
    gone = {**environment, "DATABASE_URL": away, "RABBITMQ_URL": broker}
    with serving(read_from(gone)) as url:
        payload = body(paid())
        headers = {"Stripe-Signature": sign(payload)}

        answer = httpx.post(f"{url}{WEBHOOK}", content=payload, headers=headers, timeout=30)

    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert answer.json()["retryable"] is True
    assert "canary" not in answer.text


def test_no_line_of_the_log_repeats_a_secret_or_a_person(
    http: httpx.Client,
    deliver: Deliver,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    canaries = ["Canary Rosen", "canary@example.com", "canary question", "whsec_test"]
    event = paid(name=canaries[0], question=canaries[2])
    event["data"]["object"]["customer_details"] = {"email": canaries[1]}
    payload = body(event)
    odd = {**event, "data": {"object": {**event["data"]["object"], "currency": canaries[0]}}}

    deliver(event)
    deliver({**odd, "id": "evt_2"})
    signed_post(http, payload[:-1])
    for header in ("", f"t=1,v1={canaries[2]}", sign(payload, "whsec_other"), sign(payload, at=1)):
        http.post(WEBHOOK, content=payload, headers={"Stripe-Signature": header})

    shown = "".join(capfd.readouterr()) + caplog.text
    assert "webhook refused" in shown
    assert "order-placed" in shown
    assert not [canary for canary in canaries if canary in shown]
