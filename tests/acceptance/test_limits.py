"""What workers share: one breaker for all of them, the price of a crash, and turns among tenants."""

import os
import signal
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from events.envelope import Recorded
from events.products import CATALOGUE
from sandbox.system import System, standing
from storage import api_keys, tenants
from storage.database import connect
from storage.opening import opened
from storage.record import Log
from storage.settings import read_from
from tests.acceptance.buying import Bought, asked, buy, in_flight, turn
from tests.conftest import Server, needed
from tests.running import only
from tests.waiting import until

pytestmark = pytest.mark.acceptance

PRODUCT = "life_clarity"


@pytest.fixture(scope="module")
def system(
    server: Server, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[System]:
    """One worker that does one order at a time, and a model to fall back on that is well."""
    name = f"{template}_limits"
    server.execute(f"create database {name} template {template}")
    folder: Path = tmp_path_factory.mktemp("limits")
    settings = {
        "DATABASE_URL": server.at(name),
        "RABBITMQ_URL": needed("RABBITMQ_URL"),
        "OPENAI_API_KEY": "",
    }
    knobs: dict[str, Any] = {"speed": 100, "latency": 30, "threads": 1, "copies": only(PRODUCT)}
    with standing(folder, settings=settings, **knobs) as system:
        yield system
    server.execute(f"drop database {name} with (force)")


@pytest.fixture
def log(system: System) -> Iterator[Log]:
    with opened(read_from(system.environment), CATALOGUE, pool=1) as log:
        yield log


def healed(system: System) -> None:
    """The model is as it was at first."""
    httpx.delete(f"{system.model.removesuffix('/v1')}/_knobs", timeout=30).raise_for_status()


def test_while_the_model_is_down_orders_wait_for_one_breaker_and_spend_no_attempts(
    system: System, log: Log
) -> None:
    turn(system, faults=[{"what": "503"}])
    orders = [buy(system)]
    # The first find it out; and one that comes when a single call may try makes the breaker rest for twice as long.
    while (failed := failure(log, orders[-1])).event.reason != "model-resting":
        orders.append(buy(system))

    assert failed.event.retry_at
    assert not failed.event.spent
    assert [
        each["number"]
        for each in asked(system, orders[-1].id)
        if datetime.fromisoformat(each["arrived_at"]) < failed.recorded_at
    ] == []
    healed(system)
    for each in orders:
        each.delivered()


def failure(log: Log, order: Bought) -> Recorded:
    """How its first attempt failed."""

    def failures() -> list[Recorded]:
        return [each for each in log.recorded(order.id) if each.type == "attempt-failed"]

    return until(failures)[0]


def test_a_crash_says_which_calls_it_may_have_cost(system: System, log: Log) -> None:
    turn(system, faults=[{"what": "hang"}])
    order = buy(system)
    until(lambda: len(in_flight(system, order.id)) == len(CATALOGUE[PRODUCT].sections))
    healed(system)  # from now on: those in flight hang
    os.kill(system.processes.pid(PRODUCT), signal.SIGKILL)

    status = order.delivered()

    (most,) = {each.event.most for each in log.recorded(order.id) if each.type == "sections-asked"}
    assert status["spent"]["lost"]["calls"] == 4
    assert status["spent"]["lost"]["at_most"]["amount"] == most - most % 4
    assert 0 < status["spent"]["cost"]["amount"] < most


def test_a_noisy_tenant_delays_anothers_order_by_no_more_than_a_leg(
    system: System, log: Log
) -> None:
    engine = connect(system.environment["DATABASE_URL"], pool=1)
    tenants.add(engine, "quiet", "Quiet")
    key, _ = api_keys.make(engine, "quiet", "test")
    time.sleep(tenants.SECONDS + 1)  # until workers know of the tenant
    noisy = [buy(system) for _ in range(6)]
    quiet = ask_for_one(system, key)

    quiet.delivered()

    begun_after = [each for each in noisy if begun(log, each) > placed_at(log, quiet)]
    before = [each for each in begun_after if begun(log, each) < begun(log, quiet)]
    assert len(before) <= 1
    for each in noisy:
        each.delivered()
    engine.dispose()


def ask_for_one(system: System, key: str) -> Bought:
    headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": "one"}
    wanted = {
        "product": PRODUCT,
        "email": "quiet.bird@example.com",
        "fields": {field.name: field.example for field in CATALOGUE[PRODUCT].fields},
    }
    answer = httpx.post(f"{system.url}/v1/orders", json=wanted, headers=headers, timeout=30)
    answer.raise_for_status()
    return Bought(system, answer.json()["id"], answer.headers["X-Request-Id"])


def begun(log: Log, order: Bought) -> str:
    """When it was first taken up; later than everything if it has not been."""
    found = [each for each in log.recorded(order.id) if each.type == "attempt-started"]
    return found[0].recorded_at.isoformat() if found else "9"


def placed_at(log: Log, order: Bought) -> str:
    return log.recorded(order.id)[0].recorded_at.isoformat()
