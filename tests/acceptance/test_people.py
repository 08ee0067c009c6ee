"""Orders that need a person, through real processes: who is told, and how the order ends after all."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.cli._ending import CONFLICT
from events.products import find
from sandbox.purchase import checkout_completed
from sandbox.system import System, standing
from tests.acceptance.buying import Bought, get, post
from tests.conftest import ROOT, Server, needed
from tests.waiting import until

pytestmark = pytest.mark.acceptance

OPERATOR = "oncall@ledgerpress.example"


@pytest.fixture(scope="module")
def system(
    server: Server, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[System]:
    """Everything, asking a person when nobody can know whether a report was mailed."""
    name = f"{template}_people"
    server.execute(f"create database {name} template {template}")
    folder: Path = tmp_path_factory.mktemp("people")
    settings = {
        "DATABASE_URL": server.at(name),
        "RABBITMQ_URL": needed("RABBITMQ_URL"),
        "OPENAI_API_KEY": "",
        "OPERATOR_EMAIL": OPERATOR,
        "MAIL_DOUBT": "ask",
    }
    with standing(folder, speed=100, latency=10, settings=settings) as system:
        yield system
    server.execute(f"drop database {name} with (force)")


@pytest.fixture(autouse=True)
def healed(system: System) -> Iterator[None]:
    yield
    heal(system.model)
    heal(system.mail)


def heal(url: str) -> None:
    """No more faults there."""
    httpx.delete(f"{url.removesuffix('/v1')}/_knobs", timeout=30).raise_for_status()


def turn(url: str, **fault: Any) -> None:
    url = url.removesuffix("/v1")
    httpx.post(f"{url}/_knobs", json={"faults": [fault]}, timeout=30).raise_for_status()


def buy(system: System, name: str, product: str = "life_clarity") -> Bought:
    """An order of somebody whom faults can be told by."""
    event = checkout_completed(find(product), email=f"{name.lower()}@example.com")
    event["data"]["object"]["metadata"]["name"] = name
    answer = post(system, event)
    return Bought(system, answer.json()["order"], "")


def command(system: System, *words: str) -> Any:
    """``ledgerpress order ...``, in a process of its own; again if the order moved on at the same moment."""
    for _ in range(3):
        done = subprocess.run(
            [sys.executable, "-m", "api.cli", "order", *words, "--json"],
            env=dict(system.environment),
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != CONFLICT:
            break
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def alerts(system: System, order: str) -> list[dict[str, Any]]:
    """The operator's mails that name this order."""
    found = httpx.get(f"{system.mail}/mails.json", timeout=30).json()
    return [mail for mail in found if mail["to"] == [OPERATOR] and order in mail["text"]]


def test_an_order_the_model_refuses_is_told_of_once_and_delivered_once_after_a_retry(
    system: System,
) -> None:
    turn(system.model, what="refusal", containing="Reluctant")
    order = buy(system, "Reluctant")
    order.until(lambda status: status["status"] == "attention")
    until(lambda: order.mails("trouble") and alerts(system, order.id))

    heal(system.model)
    told = command(system, "retry", order.id, "--reason", "the model answers again")
    order.delivered()

    assert told["order"] == order.id
    time.sleep(2)
    (trouble,) = order.mails("trouble")
    assert len(alerts(system, order.id)) == 1
    (report,) = order.mails()
    assert report["subject"] == trouble["subject"]
    assert report["headers"]["References"] == trouble["headers"]["References"]


def test_a_held_part_holds_the_bundle_visibly_and_the_others_can_be_fetched(
    system: System,
) -> None:
    turn(system.model, what="refusal", containing="Product: Personal Blueprint")
    order = buy(system, "Held", "bundle")
    held = order.until(lambda status: status["status"] == "attention")
    assert held["attention"]["reason"] == "part-held"
    parts = {part["product"]: part["order"] for part in held["parts"]}

    until(lambda: order.mails("trouble") and alerts(system, parts["personal_blueprint"]))
    until(lambda: part(system, parts["life_clarity"])["status"] == "delivered")
    page = order.mails("trouble")[0]["text"].partition(f"{system.url}/o/")[2].split()[0]
    with httpx.Client(base_url=system.url, follow_redirects=True, timeout=30) as browser:
        shown = browser.get(f"/o/{page}").text
        fetched = browser.get(f"/o/{page}/parts/life_clarity/report")
    assert "Part of your set takes longer" in shown
    assert "A person is looking at it" in shown
    assert fetched.content.startswith(b"%PDF")

    heal(system.model)
    retry = ("--all", "--status", "attention", "--reason-code", "model-refusal", "--yes")
    told = command(system, "retry", *retry, "--reason", "the model answers again")
    order.delivered(180)

    assert told["done"] == [parts["personal_blueprint"]]
    assert len(order.mails("trouble")) == len(order.mails()) == 1
    assert not alerts(system, f"order retry {order.id}")


def part(system: System, order: str) -> dict[str, Any]:
    found: dict[str, Any] = get(system, f"/v1/orders/{order}").json()
    return found


@pytest.mark.parametrize("arrived", [True, False])
def test_a_mail_in_doubt_waits_for_a_person(system: System, arrived: bool) -> None:  # noqa: FBT001
    name = "Lucky" if arrived else "Luckless"
    # The worker tries it again by itself after half a minute, and then finds it in doubt.
    turn(system.mail, what="lose_reply", address=f"{name.lower()}@example.com", next=1)
    order = buy(system, name)
    stuck = order.until(lambda status: status["status"] == "attention", 180)
    until(lambda: alerts(system, order.id))

    assert stuck["attention"]["reason"] == "mail-doubtful"
    assert len(order.mails()) == 1
    command(system, "arrived" if arrived else "retry", order.id, "--reason", "asked the customer")
    order.delivered()

    mails = order.mails()
    assert len(mails) == (1 if arrived else 2)
    assert len({mail["message_id"] for mail in mails}) == 1
    assert order.mails("trouble") == []


def test_a_delivered_report_is_mailed_once_more(system: System) -> None:
    order = buy(system, "Again")
    order.delivered()

    command(system, "resend", order.id, "--reason", "it was deleted by mistake")
    until(lambda: len(order.mails()) == 2)

    first, second = sorted(order.mails(), key=lambda mail: mail["number"])
    assert first["message_id"] != second["message_id"]
    assert [each["sha256"] for each in first["attachments"]] == [
        each["sha256"] for each in second["attachments"]
    ]


@pytest.mark.parametrize("moment", ["before-mail", "after-mail"])
def test_a_keeper_that_dies_over_a_notice_leaves_it_to_the_next(
    system: System, moment: str
) -> None:
    name = moment.title().replace("-", "")
    turn(system.model, what="refusal", containing=name)
    system.processes.stop("keeper")
    order = buy(system, name)
    order.until(lambda status: status["status"] == "attention")
    crash = [sys.executable, "-m", "sandbox.crashing", moment, "2", "keeper"]
    # The first mail is the alert, the second the customer's.
    died = subprocess.run(
        crash, env=dict(system.environment), cwd=ROOT, capture_output=True, timeout=240, check=False
    )
    before = len(order.mails("trouble"))

    system.processes.start("keeper")
    until(lambda: len(order.mails("trouble")) > before)
    time.sleep(3)

    assert died.returncode == -signal.SIGKILL
    mails = order.mails("trouble")
    assert len(mails) == (1 if moment == "before-mail" else 2)
    assert len({mail["message_id"] for mail in mails}) == 1
    assert len(alerts(system, order.id)) == 1
