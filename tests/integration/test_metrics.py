"""What Prometheus is told: by whom it may be asked, and that the figures are the log's own."""

import socket
from collections.abc import Iterator
from contextlib import closing

import httpx
import pika
import psycopg
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text

from events.products import CATALOGUE
from sandbox.proxy import proxied
from storage import queues, timers
from storage.database import connect
from storage.levels import Levels
from storage.metrics import exposition, serve_metrics
from storage.publisher import declare, parameters
from storage.record import Log
from storage.settings import Settings, read_from
from tests.integration.conftest import OPERATOR, Deliver, serving
from tests.stripe_events import paid, stripe_event

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def samples(body: bytes) -> Samples:
    return {
        (each.name, frozenset(each.labels.items())): each.value
        for family in read_text(body.decode())
        for each in family.samples
    }


def levels(log: Log, settings: Settings) -> Samples:
    body, _ = exposition("", Levels(log.engine, settings, CATALOGUE).read)
    return samples(body)


def key(name: str, **labels: str) -> tuple[str, frozenset[tuple[str, str]]]:
    return name, frozenset(labels.items())


@pytest.fixture
def guarded(environment: dict[str, str]) -> Iterator[str]:
    """An API whose metrics are read with a token of their own."""
    with serving(read_from({**environment, "METRICS_TOKEN": "metrics-secret"})) as url:
        yield url


def status(url: str, token: str | None) -> int:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return httpx.get(f"{url}/metrics", headers=headers).status_code


def test_only_those_who_may_read_them(guarded: str) -> None:
    tokens = (None, "wrong", "", "metrics-secret", "operator-secret", "auditor-secret")
    answers = [status(guarded, token) for token in tokens]

    assert answers == [401, 401, 401, 200, 200, 200]


def test_without_a_token_of_their_own_they_are_for_the_staff(api_url: str) -> None:
    assert [status(api_url, token) for token in (None, "None", "operator-secret")] == [
        401,
        401,
        200,
    ]


def test_they_are_openmetrics_for_whoever_asks_for_it(http: httpx.Client) -> None:
    accept = {"Accept": "application/openmetrics-text; version=1.0.0"}
    modern = http.get("/metrics", headers=OPERATOR | accept)
    plain = http.get("/metrics", headers=OPERATOR)

    assert modern.headers["content-type"].startswith("application/openmetrics-text")
    families = read_openmetrics(modern.text)  # type: ignore[no-untyped-call]
    assert "ledgerpress_orders" in {each.name for each in families}
    assert plain.headers["content-type"].startswith("text/plain")
    assert "process_resident_memory_bytes" in {each.name for each in read_text(plain.text)}


def test_what_is_recorded_is_counted(http: httpx.Client, deliver: Deliver) -> None:
    def counted() -> float:
        found = samples(http.get("/metrics", headers=OPERATOR).content)
        name = "ledgerpress_events_recorded_total"
        return found.get(key(name, product="life_clarity", type="order-placed"), 0)

    before = counted()
    deliver(paid())
    deliver(paid())

    assert counted() == before + 1


def test_nothing_that_comes_from_outside_becomes_a_label(
    http: httpx.Client, deliver: Deliver
) -> None:
    event = stripe_event("checkout.session.completed.paid", metadata={"product": "canary_product"})
    order = deliver(event).json()["order"]
    http.request("CANARY", "/canary")
    http.get(f"/v1/orders/{order}", headers=OPERATOR)
    http.get("/static/canary.css")

    said = http.get("/metrics", headers=OPERATOR).text

    assert "canary" not in said.lower()
    assert order not in said
    assert "jenny" not in said.lower()
    assert 'route="/v1/orders/{order_id}"' in said
    assert 'product="other",status="attention"' in said


def test_open_orders_are_counted_by_how_they_stand(
    deliver: Deliver, orders_log: Log, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queues, "_PATIENCE_SECONDS", 60.0)
    deliver(paid())
    other = {"id": "cs_test_other", "metadata": {"product": "none"}}
    deliver(stripe_event("checkout.session.completed.paid", **other))
    # The publisher makes the queue too, sometime.
    given = parameters(settings.rabbitmq_url.get_secret_value())
    with pika.BlockingConnection(given) as connection:
        declare(connection.channel(), CATALOGUE["life_clarity"].queue)

    found = levels(orders_log, settings)

    assert found[key("ledgerpress_orders", product="life_clarity", status="queued")] == 1
    assert found[key("ledgerpress_orders", product="other", status="attention")] == 1
    assert found[key("ledgerpress_unsealed_events")] > 0
    assert found[key("ledgerpress_sealing_lag_seconds")] > 0
    assert found[key("ledgerpress_up", part="postgres")] == 1
    assert found[key("ledgerpress_up", part="rabbitmq")] == 1
    assert key("ledgerpress_queue_messages", queue="queue.life_clarity") in found


def test_an_order_is_late_counted_from_its_payment(
    deliver: Deliver, orders_log: Log, settings: Settings, database: str
) -> None:
    late = key("ledgerpress_late_orders", product="life_clarity")
    deliver(paid())
    with psycopg.connect(database) as connection:
        connection.execute("update ledgerpress.orders set placed_at = now() - interval '3 days'")
    paid_just_now = levels(orders_log, settings)[late]
    with psycopg.connect(database) as connection:
        connection.execute("alter table ledgerpress.events disable trigger all")
        connection.execute("update ledgerpress.events set recorded_at = now() - interval '1 hour'")
    paid_long_ago = levels(orders_log, settings)[late]
    with psycopg.connect(database) as connection:
        connection.execute("update ledgerpress.orders set word = 'attention'")
    in_attention = levels(orders_log, settings)[late]

    assert (paid_just_now, paid_long_ago, in_attention) == (0, 1, 0)


def test_open_orders_are_counted_without_reading_the_settled_ones(database: str) -> None:
    with psycopg.connect(database) as connection:
        connection.execute("set search_path = ledgerpress")
        connection.execute("set enable_seqscan = off")
        plan = connection.execute(
            "explain select product, word, count(*), min(placed_at) from orders"
            " where word not in ('delivered', 'cancelled', 'erased') group by product, word"
        ).fetchall()

    assert "orders_open" in str(plan)


def test_timers_and_breakers_are_told(orders_log: Log, settings: Settings, database: str) -> None:
    timers.note(orders_log.engine, "sample", outcome="stripe-away", said="", seconds=-30)
    with psycopg.connect(database) as connection:
        connection.execute(
            "insert into ledgerpress.endpoints values ('m at h', 5, 1, now() + interval '1 hour')"
        )

    found = levels(orders_log, settings)

    assert found[key("ledgerpress_timer_failures", timer="sample")] == 1
    assert found[key("ledgerpress_timer_late_seconds", timer="sample")] >= 30
    assert found[key("ledgerpress_breaker_open", endpoint="m at h")] == 1


def test_what_is_away_is_told_as_away_and_old_figures_are_not(
    environment: dict[str, str],
) -> None:
    given = {
        "RABBITMQ_URL": "amqp://127.0.0.1:9",
        "DATABASE_URL": "postgresql://127.0.0.1:9/none",
    }
    settings = read_from({**environment, **given})
    with proxied(environment["DATABASE_URL"]) as line:
        engine = connect(line.url)
        kept = Levels(engine, settings, CATALOGUE)
        there = samples(exposition("", kept.read)[0])
        line.cut()
        kept._rows._good_until = 0  # some seconds later
        gone = samples(exposition("", kept.read)[0])
        engine.dispose()

    assert there[key("ledgerpress_up", part="postgres")] == 1
    assert there[key("ledgerpress_up", part="rabbitmq")] == 0
    assert gone[key("ledgerpress_up", part="postgres")] == 0
    assert not [name for name, _ in gone if name.startswith("ledgerpress_outbox")]


@pytest.mark.parametrize("token", ["", "metrics-secret"])
def test_a_process_without_http_serves_them_at_an_address_of_its_own(
    environment: dict[str, str], token: str
) -> None:
    settings = read_from({**environment, "METRICS_ADDRESS": "127.0.0.1:0", "METRICS_TOKEN": token})
    served = serve_metrics(settings)
    assert served is not None
    with closing(served):
        url = f"http://127.0.0.1:{served.server.server_port}"

        answers = [status(url, each) for each in (None, "wrong", "metrics-secret")]

    assert answers == ([401, 401, 200] if token else [200, 200, 200])


def test_an_address_that_is_taken_stops_nobody_from_working(environment: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"

        served = serve_metrics(read_from({**environment, "METRICS_ADDRESS": address}))

    assert served is None
