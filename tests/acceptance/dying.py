"""Processes that are killed at a chosen point, each over an order of its own."""

import json
import secrets
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from multiprocessing.context import ForkServerProcess
from typing import Any

import httpx
import pika

from events.payments import order_id
from events.products import find
from sandbox.crashing import forked
from sandbox.proxy import LOOPBACK
from sandbox.purchase import checkout_completed
from sandbox.purchase import post as deliver
from sandbox.system import System, free_port
from storage.inbox import Inbox
from storage.payments import Signed
from storage.publisher import Letter, parameters
from storage.record import Log
from storage.settings import read_from
from tests.acceptance.buying import Bought, post, turn
from tests.forking import FORKS
from tests.waiting import until

PRODUCT, BUNDLE = "life_clarity", "bundle"
# Seconds that a process may take to come to its point.
_PATIENCE = 180.0
# Longer than the model takes for its answers, shorter than the press for the document.
_SHORT_LEG = 0.4

RUN = secrets.token_hex(4)


class Scene(StrEnum):
    """What the process is doing when it dies."""

    WORKER = "worker"
    LEG = "worker at the end of its leg"
    GARBAGE = "worker that gets no answers"
    REFUSAL = "worker that is refused"
    BUNDLE = "worker of a bundle"
    SHOP = "shop"
    SHOP_ALONE = "shop without Postgres"
    RELAY = "keeper that relays"
    INBOX = "keeper that empties the inbox"

    @property
    def product(self) -> str:
        """What is bought."""
        return BUNDLE if self is Scene.BUNDLE else PRODUCT

    @property
    def at_work(self) -> bool:
        """Whether it is a worker that dies."""
        return self in {Scene.WORKER, Scene.LEG, Scene.GARBAGE, Scene.REFUSAL, Scene.BUNDLE}


# What the stand-in model does in a scene, once.
FAULTS: Mapping[Scene, Mapping[str, Any]] = {
    Scene.GARBAGE: {"what": "garbage", "next": len(find(PRODUCT).sections)},
    Scene.REFUSAL: {"what": "refusal", "next": 1},
}


@dataclass(frozen=True, slots=True)
class Point:
    """The ``number``-th ``moment`` of a process."""

    scene: Scene
    moment: str
    number: int = 1

    def __str__(self) -> str:
        return f"{self.scene}: {self.moment}-{self.number}"

    @property
    def buyer(self) -> str:
        """Whom the order is for: a name that nobody else has."""
        return f"Jenny {self.scene.name.title()} {self.moment.replace('-', ' ').title()}"

    @property
    def queue(self) -> str:
        """A queue for each killed worker of this run, so that none takes another's order."""
        return f"crash.{RUN}.{self.scene.name}.{self.moment}.{self.number}"

    def payment(self) -> dict[str, Any]:
        """An event that says that somebody has paid for another order."""
        event = checkout_completed(find(self.scene.product), email="canary.bird@example.com")
        event["data"]["object"]["metadata"]["name"] = self.buyer
        return event


def armed(system: System, points: Iterable[Point]) -> None:
    """Let the model go wrong where it should, for nobody else."""
    faults = [
        {**FAULTS[point.scene], "containing": point.buyer}
        for point in points
        if point.scene in FAULTS
    ]
    turn(system, faults=faults)


def bought(system: System, point: Point) -> Bought:
    answer = post(system, point.payment())
    answer.raise_for_status()
    return Bought(system, answer.json()["order"], "")


def nudge(log: Log, orders: Mapping[Point, Bought]) -> None:
    """Tell each worker that will die of its order."""
    log.publisher.publish(
        Letter(queue=point.queue, order=order.id, correlation="crash", outbox_id=0)
        for point, order in orders.items()
    )


def came_back(
    system: System, points: Iterable[Point], expected: Mapping[Point, int]
) -> dict[Point, int]:
    """How many messages the killed workers' queues have, which are not needed any more.

    A message comes back once the broker has noticed that its worker is gone: what is ``expected`` is waited for.
    """
    where = parameters(system.environment["RABBITMQ_URL"])
    with pika.BlockingConnection(where) as connection:
        channel = connection.channel()

        def waiting(point: Point) -> int:
            found: int = channel.queue_declare(point.queue, passive=True).method.message_count
            return found

        for point, messages in expected.items():
            until(lambda: waiting(point) >= messages)  # noqa: B023 - at once
        found = {point: waiting(point) for point in points}
        for point in points:
            for name in (point.queue, f"{point.queue}.XQ"):
                channel.queue_delete(name)
    return found


def killed_worker(system: System, point: Point) -> int | None:
    """How a worker ended that was to kill itself there: ``None`` if it did not end."""
    leg = ["--leg", str(_SHORT_LEG)] if point.scene is Scene.LEG else []
    worker = ["--", "worker", point.scene.product]
    return _ended(_crashing(system, point, "--queue", point.queue, *leg, *worker))


def killed_shop(system: System, point: Point) -> tuple[int | None, Bought]:
    """How a shop ended that was told of a payment, and the order that Stripe told another one of again."""
    port, event = free_port(), point.payment()
    secret = system.environment["STRIPE_WEBHOOK_SECRET"]
    process = _crashing(system, point, "--", "api", "--port", str(port))
    deadline = time.monotonic() + _PATIENCE
    while process.is_alive() and time.monotonic() < deadline:
        with suppress(httpx.TransportError):
            deliver(event, url=f"http://{LOOPBACK}:{port}", secret=secret)
        time.sleep(0.05)
    code = _ended(process, seconds=0)
    answer = post(system, event)  # as Stripe does when nobody has thanked it
    return code, Bought(system, answer.json()["order"], "")


def killed_keeper(system: System, point: Point) -> tuple[int | None, Bought]:
    """How a keeper ended that had something to do, and the order that it was about."""
    if point.scene is Scene.RELAY:
        _, order = killed_shop(system, Point(Scene.SHOP, "before-publish"))
    else:
        order = _left_in_the_inbox(system, point)
    return _ended(_crashing(system, point, "--", "keeper")), order


def _left_in_the_inbox(system: System, point: Point) -> Bought:
    event = point.payment()
    signed = Signed(
        tenant="default",
        live=False,
        at=datetime.now(UTC).isoformat(),
        correlation="crash",
        body=json.dumps(event),
    )
    inbox = Inbox(read_from(system.environment))
    inbox.put(signed)
    inbox.close()
    return Bought(system, order_id("default", event["data"]["object"]["id"]), "")


def _crashing(system: System, point: Point, *arguments: str) -> ForkServerProcess:
    """A process that will kill itself at ``point``, forked from one that has everything imported."""
    log = system.folder / "logs" / f"{point.queue}.log"
    environment = {**system.environment, "WORKER_THREADS": "1"}
    if point.scene is Scene.SHOP_ALONE:
        environment["DATABASE_URL"] = f"postgresql://nobody@{LOOPBACK}:9/nothing"
    told = [point.moment, str(point.number), *arguments]
    process = FORKS.Process(target=forked, args=(environment, log, told))
    process.start()
    return process


def _ended(process: ForkServerProcess, seconds: float = _PATIENCE) -> int | None:
    process.join(seconds)
    code = process.exitcode
    process.kill()
    process.join()
    return code
