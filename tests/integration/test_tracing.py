"""A trace that somebody else began is continued and handed on, whether or not anything is traced here."""

import json
import uuid

import httpx
import pika
import psycopg
import pytest

from events.products import CATALOGUE
from storage import tracing
from storage.publisher import declare, parameters
from storage.settings import read_from
from storage.tracing import Kind
from tests.acceptance.collecting import collecting
from tests.integration.conftest import serving
from tests.stripe_events import body, paid, sign

TRACE, CALLER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
GIVEN = f"00-{TRACE}-{CALLER}-01"


def deliver(url: str, traceparent: str) -> str:
    payload = body(paid())
    headers = {"Stripe-Signature": sign(payload), "traceparent": traceparent}
    answer = httpx.post(f"{url}/webhooks/stripe", content=payload, headers=headers, timeout=60)
    return str(answer.raise_for_status().json()["order"])


def recorded(database: str, order: str) -> set[str | None]:
    with psycopg.connect(database) as connection:
        rows = connection.execute(
            "select meta ->> 'traceparent' from ledgerpress.events where stream = %s",
            [f"order-{order}"],
        ).fetchall()
    return {row[0] for row in rows}


def test_a_trace_from_outside_is_kept_with_the_events_and_goes_with_the_message(
    api_url: str, database: str, environment: dict[str, str]
) -> None:
    queue = CATALOGUE["life_clarity"].queue
    with pika.BlockingConnection(parameters(environment["RABBITMQ_URL"])) as connection:
        channel = connection.channel()
        declare(channel, queue)
        channel.queue_purge(queue)
        order = deliver(api_url, GIVEN)

        headers = next(
            properties.headers
            for _, properties, message in channel.consume(queue, inactivity_timeout=60)
            if message is None or json.loads(message)["order"] == order
        )
        channel.queue_purge(queue)

    assert recorded(database, order) == {GIVEN}
    assert headers["traceparent"] == GIVEN


@pytest.mark.parametrize(
    "header",
    [
        "",
        "canary",
        f"00-{'0' * 32}-{CALLER}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"ff-{TRACE}-{CALLER}-01",
        f"00-{TRACE.upper()}-{CALLER}-01",
        f"{GIVEN}-more",
    ],
)
def test_what_is_no_traceparent_is_as_good_as_none(
    api_url: str, database: str, header: str
) -> None:
    order = deliver(api_url, header)

    assert recorded(database, order) == {None}


def test_a_request_is_a_span_below_its_caller_and_the_events_hang_below_it(
    environment: dict[str, str], database: str
) -> None:
    with collecting() as collector:
        settings = read_from({**environment, "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url})
        with serving(settings) as url:
            order = deliver(url, GIVEN)
            httpx.get(f"{url}/livez")

        (span,) = collector.spans

    assert (span.name, span.trace, span.parent) == ("POST /webhooks/stripe", TRACE, CALLER)
    assert span.attributes["http.response.status_code"] == 200
    assert recorded(database, order) == {f"00-{TRACE}-{span.id}-01"}


def test_a_collector_that_is_away_keeps_nobody_from_working(
    environment: dict[str, str], database: str
) -> None:
    away = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}
    with serving(read_from({**environment, **away})) as url:
        order = deliver(url, "")

    (kept,) = recorded(database, order)
    assert tracing.given(str(kept)) == kept


def test_where_nothing_is_traced_a_span_is_its_parent() -> None:
    span = tracing.begin("anything", Kind.INTERNAL, GIVEN)
    span.rename("something")
    span.end("failed", {"some": "thing"})

    assert span.traceparent == GIVEN
    assert tracing.begin("anything", Kind.INTERNAL, "").traceparent == ""


def test_all_who_work_on_an_order_without_a_trace_come_to_the_same(
    environment: dict[str, str],
) -> None:
    order = str(uuid.uuid4())
    with collecting() as collector:
        settings = read_from({**environment, "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url})
        for worker in ("one", "two"):
            with tracing.tracing(settings, worker):
                parent = tracing.of_order(order, "")
                tracing.begin("take up", Kind.CONSUMER, parent).end()

    assert {span.trace for span in collector.spans} == {uuid.UUID(order).hex}
    assert {span.process for span in collector.spans} == {"one", "two"}
    assert tracing.of_order(order, GIVEN) == GIVEN
    assert tracing.of_order(order, "") == ""
