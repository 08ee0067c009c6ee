"""What the processes tell of themselves: one trace from webhook to mail, and metrics, whoever dies meanwhile."""

import json
import re
import secrets
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest

from events.products import CATALOGUE
from sandbox.purchase import checkout_completed, signature
from sandbox.system import System, standing
from tests.acceptance.buying import Bought, in_flight, requests, slowly
from tests.acceptance.collecting import Collector, Seen, collecting
from tests.conftest import Server, needed
from tests.running import only
from tests.waiting import until

pytestmark = pytest.mark.acceptance

PRODUCT = "life_clarity"


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with collecting() as found:
        yield found


@pytest.fixture(scope="module")
def system(
    server: Server, template: str, tmp_path_factory: pytest.TempPathFactory, collector: Collector
) -> Iterator[System]:
    """A keeper, an API and one worker, all of them traced and measured."""
    name = f"{template}_signals"
    server.execute(f"create database {name} template {template}")
    folder: Path = tmp_path_factory.mktemp("signals")
    settings = {
        "DATABASE_URL": server.at(name),
        "RABBITMQ_URL": needed("RABBITMQ_URL"),
        "OPENAI_API_KEY": "",
        "METRICS_ADDRESS": "127.0.0.1:0",
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
    }
    with standing(folder, speed=100, latency=10, settings=settings, copies=only(PRODUCT)) as system:
        yield system
    server.execute(f"drop database {name} with (force)")


def buy(system: System, traceparent: str) -> Bought:
    """Pay for a report, as part of a trace."""
    event = checkout_completed(CATALOGUE[PRODUCT], email="canary.bird@example.com")
    payload = json.dumps(event).encode()
    headers = {
        "Stripe-Signature": signature(payload, system.webhook_secret),
        "traceparent": traceparent,
    }
    url = f"{system.url}/webhooks/stripe"
    answer = httpx.post(url, content=payload, headers=headers, timeout=30).raise_for_status()
    return Bought(system, answer.json()["order"], answer.headers["X-Request-Id"])


@pytest.fixture(scope="module")
def traced(system: System, collector: Collector) -> tuple[Bought, str, str]:
    """An order whose first worker was killed in the middle of its calls; its trace, and the caller's span."""
    trace, caller = secrets.token_hex(16), secrets.token_hex(8)
    with slowly(system, 30.0):  # no call of the first worker has been answered when it is killed
        order = buy(system, f"00-{trace}-{caller}-01")
        until(lambda: len(in_flight(system, order.id)) == len(CATALOGUE[PRODUCT].sections))
        # What a process is killed with is lost: spans are sent once a second.
        until(lambda: any(each.name == "take up" for each in collector.of(trace)))
    system.processes.kill(PRODUCT)
    order.delivered()
    return order, trace, caller


@pytest.fixture(scope="module")
def spans(traced: tuple[Bought, str, str], collector: Collector) -> list[Seen]:
    _, trace, _ = traced
    ends = {"POST /webhooks/stripe", "step mail"}
    until(lambda: ends <= {each.name for each in collector.of(trace)})
    return collector.of(trace)


def test_an_order_is_one_trace_from_the_webhook_to_the_mail(
    spans: list[Seen], traced: tuple[Bought, str, str]
) -> None:
    order, _, caller = traced
    (webhook,) = [each for each in spans if each.name == "POST /webhooks/stripe"]
    names = {each.name for each in spans}

    assert webhook.parent == caller
    assert webhook.attributes["ledgerpress.request"] == order.correlation
    assert {"take up", "step write", "ask the model", "step bind", "step mail"} <= names
    assert not [
        each for each in spans if each.attributes.get("ledgerpress.order", order.id) != order.id
    ]


def test_whoever_takes_it_up_after_a_kill_goes_on_with_the_trace(spans: list[Seen]) -> None:
    attempts = [each for each in spans if each.name == "take up"]
    (webhook,) = [each for each in spans if each.name == "POST /webhooks/stripe"]

    assert len({each.instance for each in attempts}) == 2
    assert {each.parent for each in attempts} == {webhook.id}
    assert sorted(each.attributes["ledgerpress.attempt"] for each in attempts) == [1, 2]
    assert [each.attributes["ledgerpress.redelivered"] for each in attempts].count(True) == 1


def test_every_span_hangs_below_another(spans: list[Seen], traced: tuple[Bought, str, str]) -> None:
    known = {each.id for each in spans} | {traced[2]}

    assert [each.name for each in spans if each.parent not in known] == []


def test_calls_tell_their_model_and_what_they_used_and_hand_the_trace_on(
    spans: list[Seen], system: System, traced: tuple[Bought, str, str]
) -> None:
    calls = [each for each in spans if each.name == "ask the model" and not each.failed]
    handed_on = {
        each["headers"].get("traceparent", "").split("-")[2]
        for each in requests(system)
        if each["headers"].get("traceparent", "").split("-")[1:2] == [traced[1]]
    }

    assert {each.attributes["ledgerpress.section"] for each in calls} == {
        each.name for each in CATALOGUE[PRODUCT].sections
    }
    assert all(each.attributes["gen_ai.usage.output_tokens"] > 0 for each in calls)
    assert {each.id for each in calls} <= handed_on


def test_the_log_keeps_the_trace(system: System, traced: tuple[Bought, str, str]) -> None:
    order, trace, _ = traced
    with psycopg.connect(system.environment["DATABASE_URL"]) as connection:
        rows = connection.execute(
            "select meta ->> 'traceparent' from ledgerpress.events where stream = %s",
            [f"order-{order.id}"],
        ).fetchall()

    assert {str(row[0]).split("-")[1] for row in rows} == {trace}


def test_nothing_personal_is_traced(spans: list[Seen]) -> None:
    assert "canary" not in str(spans).lower()


@pytest.mark.parametrize("process", ["api", "keeper", PRODUCT])
def test_every_process_is_measured(
    process: str, system: System, traced: tuple[Bought, str, str]
) -> None:
    log = system.processes.log(process).read_text("utf-8")
    port = re.findall(r'"port":\s*(\d+)[^\n]*"event":\s*"metrics served"', log)[-1]

    said = httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=60).text

    assert "process_resident_memory_bytes" in said
    if process == PRODUCT:
        assert f'ledgerpress_section_seconds_count{{product="{PRODUCT}"}} 4.0' in said
        assert f'ledgerpress_order_seconds_count{{product="{PRODUCT}"}} 1.0' in said
    else:
        assert 'ledgerpress_up{part="postgres"} 1.0' in said
    assert traced[0].id not in said
