"""A process is killed before and after everything it does for an order; every order ends delivered, once."""

import secrets
import signal
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import httpx
import pika
import pytest

from events.envelope import Recorded
from events.facts import SectionWritten
from events.products import CATALOGUE, find
from sandbox.calls import Calls
from sandbox.crashing import forked
from sandbox.proxy import LOOPBACK
from sandbox.purchase import checkout_completed
from sandbox.purchase import post as deliver
from sandbox.system import System, free_port, standing
from storage.opening import opened
from storage.publisher import Letter, parameters
from storage.settings import read_from
from tests.acceptance.buying import Bought, buy, post, requests
from tests.conftest import Server, needed

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(300)]

PRODUCT = "life_clarity"
# What a worker commits, and which of how many: the chunks in the middle are all alike. The attempt's start goes with
# the first intent, the delivery with the mail, and answers that come together go together.
COMMITS = {
    "attempt-started": (1,),
    "section-written": range(1, 5),
    "chunk-rendered": (1, 2, 7),
    "document-bound": (1,),
    "mail-intended": (1,),
    "mail-sent": (1,),
}
# MAIL, RCPT, DATA, the mail itself, QUIT.
COMMANDS = range(1, 6)
WORKER = [
    (f"{when}-{what}", number)
    for when in ("before", "after")
    for what, numbers in (
        *COMMITS.items(),
        ("call", range(1, 5)),
        ("command", COMMANDS),
        ("reply", COMMANDS),
        ("mail", (1,)),
        ("ack", (1,)),
    )
    for number in numbers
]
SHOP = [
    (f"{when}-{what}", 1) for when in ("before", "after") for what in ("order-placed", "publish")
]
# Between the server's taking the mail over and the log's knowing of it.
DOUBTFUL = {
    ("after-command", 4),
    ("before-reply", 4),
    ("after-reply", 4),
    ("before-command", 5),
    ("after-command", 5),
    ("before-reply", 5),
    ("after-reply", 5),
    ("after-mail", 1),
    ("before-mail-sent", 1),
}

RUN = secrets.token_hex(4)
FORKS = get_context("forkserver")
FORKS.set_forkserver_preload(["sandbox.crashing"])

Point = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the killed process ended, and what the order had come to in the end."""

    code: int | None
    order: Bought
    history: list[Recorded]
    calls: Calls
    mails: list[dict[str, Any]]


@pytest.fixture(scope="module")
def outcomes(
    server: Server, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[Point, Outcome]]:
    """One order for every point; then an ordinary worker, that finds them as they were left.

    By then every nudge has come back that was not acknowledged.
    """
    name = f"{template}_crashes"
    server.execute(f"create database {name} template {template}")
    settings = {
        "DATABASE_URL": server.at(name),
        "RABBITMQ_URL": needed("RABBITMQ_URL"),
        "OPENAI_API_KEY": "",
    }
    folder: Path = tmp_path_factory.mktemp("crashes")
    with standing(folder, speed=100, latency=10, settings=settings) as system:
        system.processes.stop(*CATALOGUE)
        with ThreadPoolExecutor(4) as pool:
            orders = {point: buy(system) for point in WORKER}
            nudge(system, orders)
            codes = {point: pool.submit(killed_worker, system, point) for point in WORKER}
            shop = {point: pool.submit(killed_shop, system, point) for point in SHOP}
        returned = {point: waiting(system, point) for point in WORKER}
        assert returned == {point: point != ("after-ack", 1) for point in WORKER}
        system.processes.start(PRODUCT)
        ended = {point: (code.result(), orders[point]) for point, code in codes.items()}
        ended |= {point: each.result() for point, each in shop.items()}
        for _, order in ended.values():
            order.delivered(60)
        yield {point: outcome(*each) for point, each in ended.items()}
    server.execute(f"drop database {name} with (force)")


def nudge(system: System, orders: dict[Point, Bought]) -> None:
    with opened(read_from(system.environment), CATALOGUE, pool=1) as log:
        log.publisher.publish(
            Letter(queue=queue(point), order=order.id, correlation="crash", outbox_id=0)
            for point, order in orders.items()
        )


def queue(point: Point) -> str:
    """A queue for each killed worker of this run, so that none takes another's order."""
    return f"crash.{RUN}.{point[0]}.{point[1]}"


def crashing(system: System, point: Point, *arguments: str) -> ForkServerProcess:
    """A process that will kill itself at ``point``, forked from one that has everything imported."""
    log = system.folder / "logs" / f"{queue(point)}.log"
    told = [point[0], str(point[1]), *arguments]
    process = FORKS.Process(
        target=forked, args=({**system.environment, "WORKER_THREADS": "1"}, log, told)
    )
    process.start()
    return process


def killed_worker(system: System, point: Point) -> int | None:
    process = crashing(system, point, "--queue", queue(point), "--", "worker", PRODUCT)
    process.join(60)
    process.kill()
    return process.exitcode


def waiting(system: System, point: Point) -> int:
    """How many messages the killed worker's queue had, which is not needed any more."""
    where = parameters(system.environment["RABBITMQ_URL"])
    with pika.BlockingConnection(where) as connection:
        channel = connection.channel()
        found = channel.queue_declare(queue(point), passive=True)
        for name in (queue(point), f"{queue(point)}.XQ"):
            channel.queue_delete(name)
        return int(found.method.message_count)


def killed_shop(system: System, point: Point) -> tuple[int | None, Bought]:
    port = free_port()
    event = checkout_completed(find(PRODUCT), email="canary.bird@example.com")
    secret = system.environment["STRIPE_WEBHOOK_SECRET"]
    process = crashing(system, point, "--", "api", "--port", str(port))
    deadline = time.monotonic() + 60
    while process.is_alive() and time.monotonic() < deadline:
        with suppress(httpx.TransportError):
            deliver(event, url=f"http://{LOOPBACK}:{port}", secret=secret)
        time.sleep(0.05)
    process.kill()
    process.join()
    answer = post(system, event)  # as Stripe does when nobody has thanked it
    return process.exitcode, Bought(system, answer.json()["order"], "")


def outcome(code: int | None, order: Bought) -> Outcome:
    with opened(read_from(order.system.environment), CATALOGUE, pool=1) as log:
        history = log.recorded(order.id)
    calls = Calls.of(requests(order.system), {order.id: history})
    return Outcome(code, order, history, calls, order.mails())


@pytest.mark.parametrize("point", WORKER + SHOP, ids=lambda point: f"{point[0]}-{point[1]}")
def test_an_order_survives_the_death_of_its_process(
    outcomes: dict[Point, Outcome], point: Point
) -> None:
    found = outcomes[point]

    assert found.code == -signal.SIGKILL
    types = Counter(each.type for each in found.history)
    assert types["order-placed"] == types["order-delivered"] == types["mail-sent"] == 1
    assert types["section-written"] == 4
    assert found.calls.needless == 0
    assert found.calls.repeated <= in_flight(found.history)
    assert len(found.mails) in ((1, 2) if point in DOUBTFUL else (1,))
    assert len({mail["message_id"] for mail in found.mails}) == 1


def in_flight(history: list[Recorded]) -> int:
    """How many answers the log does not have from the attempt that was killed."""
    written = [each.event for each in history if isinstance(each.event, SectionWritten)]
    return sum(each.attempt > 1 for each in written)


def test_a_mail_that_was_taken_over_unheard_is_sent_again_under_its_own_name(
    outcomes: dict[Point, Outcome],
) -> None:
    for point in (("after-reply", 4), ("after-mail", 1), ("before-mail-sent", 1)):
        mails = outcomes[point].mails
        assert len(mails) == 2
        assert len({mail["message_id"] for mail in mails}) == 1
