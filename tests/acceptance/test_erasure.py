"""Customers are forgotten while everything runs: what was made for them is gone, and what was being made stops."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pika
import pytest

from events.products import CATALOGUE, find
from sandbox.purchase import checkout_completed
from sandbox.system import System, standing
from storage.inbox import QUEUE, Inbox
from storage.payments import Signed
from storage.publisher import parameters
from storage.settings import read_from
from tests.acceptance.buying import Bought, asked, in_flight, post, slowly
from tests.conftest import ROOT, Server, needed
from tests.integration.test_erasure import CANARIES, FILLED, tables, traces
from tests.waiting import until

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def system(
    server: Server, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[System]:
    name = f"{template}_forgotten"
    server.execute(f"create database {name} template {template}")
    folder: Path = tmp_path_factory.mktemp("forgotten")
    settings = {
        "DATABASE_URL": server.at(name),
        "RABBITMQ_URL": needed("RABBITMQ_URL"),
        "OPENAI_API_KEY": "",
    }
    with standing(folder, speed=100, latency=10, settings=settings) as system:
        yield system
    with pika.BlockingConnection(parameters(settings["RABBITMQ_URL"])) as connection:
        connection.channel().queue_purge(f"{QUEUE}.XQ")  # or the doctor would find it
    server.execute(f"drop database {name} with (force)")


def payment(product: str) -> dict[str, Any]:
    """What Stripe says of the customer with the canaries."""
    event = checkout_completed(find(product), email=CANARIES[1])
    event["data"]["object"]["metadata"] |= FILLED
    return event


def bought(system: System, product: str) -> Bought:
    answer = post(system, payment(product))
    return Bought(system, answer.json()["order"], answer.headers["X-Request-Id"])


def ledgerpress(system: System, *words: str) -> Any:
    """What the command answers, and that it went well."""
    command = [sys.executable, "-m", "api.cli", *words, "--json"]
    done = subprocess.run(
        command,
        check=False,
        env=system.environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def erase(system: System, order: str, *more: str) -> Any:
    return ledgerpress(system, "order", "erase", order, "--reason", "Request 2027-12.", *more)


def erasures(system: System) -> str:
    with tables(system.environment["DATABASE_URL"]) as found:
        return found["ledgerpress.erasures"]


def dead_letters(system: System) -> str:
    with tables(system.environment["DATABASE_URL"]) as found:
        return found["ledgerpress.dead_letters"]


def until_forgotten(system: System) -> None:
    """Wait until the keeper has brought it to its end."""
    until(lambda: not erasures(system))


def lying_in(system: System) -> dict[str, str]:
    """Every message in every queue, dead letters included, by its queue; each is put back."""
    found = {}
    names = [f"queue.{product}" for product in CATALOGUE] + [QUEUE]
    with pika.BlockingConnection(parameters(system.environment["RABBITMQ_URL"])) as connection:
        for name in [each + ending for each in names for ending in ("", ".XQ")]:
            channel = connection.channel()
            bodies = []
            while True:
                method, _, body = channel.basic_get(name)
                if method is None:
                    break
                bodies.append(body.decode("latin-1"))
            found[name] = "\n".join(bodies)
            channel.close()
    return found


def all_that_is_left(system: System) -> dict[str, list[str]]:
    """Where a canary is still to be found, in the house: the mail server and the model are outside of it."""
    found = lying_in(system)
    with tables(system.environment["DATABASE_URL"]) as rows:
        found |= rows
    for folder in ("logs", "blobs"):
        for each in (system.folder / folder).rglob("*"):
            if each.is_file():
                found[str(each)] = each.read_bytes().decode("latin-1")
    assert len(found) > 30
    return {place: traces(text) for place, text in found.items() if traces(text)}


def test_of_a_forgotten_customer_nothing_is_found_anywhere(system: System) -> None:
    settings = read_from(system.environment)
    inbox = Inbox(settings)
    event = payment("bundle")
    try:
        signed = {"tenant": "default", "live": False, "at": "2026-11-21T09:00:00+00:00"}
        inbox.put(Signed(correlation="c", body=json.dumps(event), **signed))  # type: ignore[arg-type]
        inbox.put(Signed(correlation="c", body=f"no JSON: {CANARIES[0]}", **signed))  # type: ignore[arg-type]
    finally:
        inbox.close()
    answer = post(system, event)
    order = Bought(system, answer.json()["order"], "")
    order.delivered(240)
    (mail,) = order.mails()
    assert traces(mail["text"])
    assert [*(system.folder / "blobs").rglob("*")]

    looked = erase(system, order.id)
    assert "destroyed" in " ".join(looked["remarks"])
    assert order.ask()["status"] == "delivered"
    assert erase(system, order.id, "--yes")["status"] == "erased"
    until_forgotten(system)

    assert all_that_is_left(system) == {}
    # What nobody could read is still there, sealed: in its queue, or by now among the keeper's dead letters.
    until(lambda: lying_in(system)[f"{QUEUE}.XQ"] or dead_letters(system))
    kept = {each.parent.name for each in (system.folder / "blobs").rglob("*") if each.is_file()}
    assert kept <= {"checkpoints"}
    assert ledgerpress(system, "audit", "verify")["faults"] == []
    answer = httpx.get(
        f"{system.url}/v1/orders/{order.id}",
        headers={"Authorization": f"Bearer {system.environment['OPERATOR_TOKEN']}"},
        timeout=30,
    )
    assert answer.status_code == 410
    assert post(system, event).json()["verdict"] == "duplicate"


def test_what_is_being_made_for_a_forgotten_customer_stops_and_costs_no_more(
    system: System,
) -> None:
    order = bought(system, "personal_horoscope")
    order.until(lambda status: status["progress"]["done"] >= 5)
    with slowly(system, 10.0):  # the call that it catches would take so long
        until(lambda: in_flight(system, order.id))
        ended = erase(system, order.id, "--yes")
        assert ended["status"] == "erased"
        until(lambda: not in_flight(system, order.id))

    until_forgotten(system)
    time.sleep(2.0)

    shown = ledgerpress(system, "order", "show", order.id)
    types = [each["type"] for each in shown["history"]]
    # A call is announced before it is made, one section at a time; what was announced may have been cut off unmade.
    assert len(asked(system, order.id)) <= types.count("sections-asked")
    assert order.mails() == []
    assert 5 <= types.count("section-written") < len(find("personal_horoscope").sections)
    assert set(types[types.index("order-erased") + 1 :]) <= {"section-written", "call-failed"}
    assert all_that_is_left(system) == {}
