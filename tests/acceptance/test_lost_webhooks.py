"""Webhooks that never come: the keepers ask Stripe itself, and the report is made and mailed all the same, once."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from events.payments import order_id
from events.products import find
from sandbox.purchase import checkout_completed
from sandbox.starting import started
from sandbox.system import System, standing
from tests.acceptance.buying import Bought, post
from tests.conftest import Server, needed
from tests.running import only
from tests.waiting import until

pytestmark = pytest.mark.acceptance

PRODUCT = "life_clarity"


@pytest.fixture(scope="module")
def stripe() -> Iterator[httpx.Client]:
    """Stripe, whose webhooks nobody hears."""
    with (
        started("sandbox.stripe_server") as url,
        httpx.Client(base_url=url, timeout=30) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def system(
    server: Server, template: str, tmp_path_factory: pytest.TempPathFactory, stripe: httpx.Client
) -> Iterator[System]:
    name = f"{template}_lost_webhooks"
    server.execute(f"create database {name} template {template}")
    folder: Path = tmp_path_factory.mktemp("lost-webhooks")
    settings = {
        "DATABASE_URL": server.at(name),
        "RABBITMQ_URL": needed("RABBITMQ_URL"),
        "OPENAI_API_KEY": "",
        "STRIPE_API_KEY": "sk_test_stand_in",
        "STRIPE_API_BASE_URL": str(stripe.base_url).rstrip("/"),
    }
    with standing(folder, speed=100, latency=10, settings=settings, copies=only(PRODUCT)) as system:
        until(lambda: timer(system)[0])  # the first time it is due at once
        yield system
    server.execute(f"drop database {name} with (force)")


def timer(system: System) -> tuple[str, str]:
    """How the last reconciliation went, and what it did."""
    with psycopg.connect(system.environment["DATABASE_URL"]) as connection:
        row = connection.execute(
            "select outcome, said from ledgerpress.timers where timer = 'reconciliation'"
        ).fetchone()
    return row or ("", "")


def ended(system: System) -> tuple[str, str] | None:
    """The same, once it has ended."""
    found = timer(system)
    return found if found[0] else None


def hasten(system: System) -> None:
    """An hour passes."""
    with psycopg.connect(system.environment["DATABASE_URL"]) as connection:
        connection.execute(
            "update ledgerpress.timers set next_at = now(), outcome = null where timer = 'reconciliation'"
        )


def completed() -> dict[str, Any]:
    """A session that somebody has paid for."""
    event = checkout_completed(find(PRODUCT), email="canary.bird@example.com")
    event["data"]["object"] |= {"status": "complete", "created": int(datetime.now(UTC).timestamp())}
    return event


def bought(system: System, event: dict[str, Any]) -> Bought:
    return Bought(system, order_id("default", event["data"]["object"]["id"]), "")


def test_a_report_whose_webhook_was_lost_is_made_once(system: System, stripe: httpx.Client) -> None:
    event = completed()
    stripe.put("/_sessions", json=[event["data"]["object"]])
    hasten(system)
    outcome, said = until(lambda: ended(system))

    order = bought(system, event)
    order.delivered()
    late = post(system, event)  # it comes after all
    hasten(system)
    again = until(lambda: ended(system))

    assert (outcome, said[:24]) == ("ok", "1 looked at, 1 recorded ")
    assert late.json()["verdict"] == "duplicate"
    assert again == ("ok", "0 looked at, 0 recorded that no webhook had told of")
    assert len(order.mails()) == 1


def test_while_stripe_is_away_webhooks_are_taken_and_what_was_lost_is_found_later(
    system: System, stripe: httpx.Client
) -> None:
    lost, heard = completed(), completed()
    stripe.put("/_sessions", json=[lost["data"]["object"], heard["data"]["object"]])
    stripe.put("/_fault", json={"status": 503})
    hasten(system)
    away = until(lambda: ended(system))
    post(system, heard).raise_for_status()
    bought(system, heard).delivered()
    stripe.put("/_fault", json={})
    hasten(system)
    until(lambda: timer(system)[0] == "ok")

    bought(system, lost).delivered()
    assert away == ("stripe-away", "Stripe answered 503")


def test_a_keeper_that_is_killed_in_the_middle_loses_nothing(
    system: System, stripe: httpx.Client
) -> None:
    events = [completed() for _ in range(3)]
    stripe.put("/_fault", json={"seconds": 10})
    stripe.put("/_sessions", json=[each["data"]["object"] for each in events])
    asked = len(stripe.get("/_requests").json())
    hasten(system)
    until(lambda: len(stripe.get("/_requests").json()) > asked)
    system.processes.kill("keeper")
    stripe.put("/_fault", json={})
    with psycopg.connect(system.environment["DATABASE_URL"]) as connection:
        connection.execute("update ledgerpress.timers set held_until = now()")  # a minute passes

    until(lambda: timer(system)[0] == "ok")
    for each in events:
        bought(system, each).delivered()
