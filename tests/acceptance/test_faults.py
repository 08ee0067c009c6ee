"""The world goes wrong while orders are made: they end as the promise says, and the log says why."""

import os
import signal
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from events.products import CATALOGUE, find
from sandbox.calls import Calls
from sandbox.keeping import keep_running
from sandbox.proxy import Proxy, proxied
from sandbox.purchase import checkout_completed
from sandbox.system import System, standing
from storage.opening import opened
from storage.settings import read_from
from tests.acceptance.buying import Bought, asked, buy, in_flight, post, requests, slowly
from tests.conftest import Server, needed
from tests.running import only
from tests.waiting import until

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(600)]

SHORT, LONG = "life_clarity", "personal_blueprint"
SECTIONS, WIDTH = len(find(SHORT).sections), find(LONG).width


@dataclass(frozen=True, slots=True)
class World:
    """A running system, and the proxies that it reaches its neighbours through."""

    system: System
    postgres: Proxy
    rabbit: Proxy
    mail: Proxy
    model: Proxy

    @property
    def ways(self) -> tuple[Proxy, ...]:
        """All of them."""
        return self.postgres, self.rabbit, self.mail, self.model


@pytest.fixture(scope="module")
def world(
    server: Server, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    name = f"{template}_faults"
    server.execute(f"create database {name} template {template}")
    folder: Path = tmp_path_factory.mktemp("faults")
    with ExitStack() as held:
        ways: dict[str, Proxy] = {}

        def through(url: str) -> str:
            way = ways[url.partition(":")[0]] = held.enter_context(proxied(url))
            return way.url

        settings = {
            "DATABASE_URL": through(server.at(name)),
            "RABBITMQ_URL": through(needed("RABBITMQ_URL")),
            "OPENAI_API_KEY": "",
        }
        knobs: dict[str, Any] = {
            "speed": 100,
            "latency": 10,
            "threads": 16,
            "copies": only(SHORT, LONG),
        }
        with standing(folder, settings=settings, through=through, **knobs) as system:
            yield World(system, ways["postgresql"], ways["amqp"], ways["smtp"], ways["http"])
    server.execute(f"drop database {name} with (force)")


@pytest.fixture(autouse=True)
def healed(world: World) -> Iterator[None]:
    yield
    for way in world.ways:
        way.restore()
    for url in (world.system.model.removesuffix("/v1"), world.system.mail):
        httpx.delete(f"{url}/_knobs", timeout=30).raise_for_status()


def turn(url: str, **knobs: Any) -> None:
    httpx.post(f"{url.removesuffix('/v1')}/_knobs", json=knobs, timeout=30).raise_for_status()


def types(order: Bought) -> Counter[str]:
    return Counter(event["type"] for event in order.ask("/events")["data"])


def calls(order: Bought) -> Calls:
    with opened(read_from(order.system.environment), CATALOGUE, pool=1) as log:
        histories = {order.id: log.recorded(order.id)}
    return Calls.of(requests(order.system), histories)


def delivered_once(order: Bought, *, repeated: int = 0) -> None:
    order.delivered()
    made, said = calls(order), types(order)
    assert made.needless == 0
    assert made.repeated <= repeated
    assert said["order-placed"] == said["order-delivered"] == said["mail-sent"] == 1
    assert said["section-written"] == made.written
    assert len(order.mails()) == 1


def until_written(order: Bought, sections: int) -> None:
    order.until(lambda status: status["progress"]["done"] >= sections)


def holder(order: Bought) -> int:
    """The process that took the order last."""
    with opened(read_from(order.system.environment), CATALOGUE, pool=1) as log:
        workers = [
            each.event.worker for each in log.recorded(order.id) if each.type == "attempt-started"
        ]
    return int(workers[-1].rpartition(":")[2])


@contextmanager
def second_worker(system: System, product: str) -> Iterator[None]:
    commands = {"second": ["worker", product]}
    with keep_running(commands, system.environment, system.folder / "second") as kept:
        until(lambda: "worker started" in kept.log("second").read_text())
        yield


@pytest.fixture
def frozen() -> Iterator[list[int]]:
    """Processes to be woken up at the end, whatever happens."""
    found: list[int] = []
    yield found
    for each in found:
        os.kill(each, signal.SIGCONT)


def test_a_zombie_asks_for_nothing_more_and_records_nothing(
    world: World, frozen: list[int]
) -> None:
    system = world.system
    order = with_the_model(world)
    zombie = holder(order)
    os.kill(zombie, signal.SIGSTOP)
    frozen.append(zombie)

    with second_worker(system, SHORT):
        delivered_once(order, repeated=SECTIONS)
        assert holder(order) != zombie
    spent, said = len(asked(order.system, order.id)), types(order)
    os.kill(zombie, signal.SIGCONT)
    other = buy(system)
    other.delivered()

    assert holder(other) == zombie
    assert len(asked(order.system, order.id)) == spent
    assert types(order) == said
    assert len(order.mails()) == 1


def test_postgres_goes_away_in_the_middle_of_an_order(world: World) -> None:
    order = buy(world.system, LONG)
    until_written(order, 10)

    world.postgres.cut()
    time.sleep(4)
    world.postgres.restore()

    delivered_once(order, repeated=WIDTH)


def test_postgres_falls_silent_in_the_middle_of_an_order(world: World) -> None:
    order = with_the_model(world)

    world.postgres.black_hole()
    time.sleep(4)
    world.postgres.restore()

    delivered_once(order, repeated=SECTIONS)


@pytest.mark.parametrize("how", ["away", "silent"])
def test_the_broker_fails_in_the_middle_of_an_order_and_before_another(
    world: World, how: str
) -> None:
    order = with_the_model(world)

    if how == "away":
        world.rabbit.cut()
    else:
        world.rabbit.black_hole()
    other = buy(world.system)
    time.sleep(4)
    world.rabbit.restore()

    delivered_once(order, repeated=SECTIONS)
    delivered_once(other)


def with_the_model(world: World) -> Bought:
    """An order whose calls are with the model at this moment: they take three seconds."""
    with slowly(world.system, 3):
        order = buy(world.system)
        until(lambda: len(in_flight(world.system, order.id)) == SECTIONS)
    return order


@pytest.mark.parametrize("how", ["silent", "reset"])
def test_the_way_to_the_model_fails_while_it_is_being_asked(world: World, how: str) -> None:
    order = with_the_model(world)

    if how == "silent":
        world.model.black_hole()
        time.sleep(4)
    else:
        world.model.cut()
    world.model.restore()

    delivered_once(order, repeated=2 * SECTIONS)
    assert len(asked(order.system, order.id)) > SECTIONS


@pytest.mark.parametrize("how", ["silent", "reset"])
def test_the_way_to_the_mail_server_fails_while_it_is_being_told(world: World, how: str) -> None:
    if how == "silent":
        world.mail.black_hole()
    else:
        world.mail.drop_request(lambda sent: b"rcpt" in sent.lower())
    order = buy(world.system)
    if how == "silent":
        order.until(lambda _: types(order)["mail-intended"] == 1)
        time.sleep(2)
        world.mail.restore()

    order.until(lambda status: status["status"] == "retrying")
    assert types(order)["mail-sent"] == 0
    order.retry()
    delivered_once(order)


@pytest.mark.parametrize(
    "fact",
    [
        "order-placed",
        "attempt-started",
        "sections-asked",
        "section-written",
        "document-bound",
        "mail-intended",
        "mail-sent",
        "order-delivered",
    ],
)
def test_a_commit_whose_reply_was_lost_counts_and_counts_once(world: World, fact: str) -> None:
    struck = world.postgres.struck
    world.postgres.drop_replies_after(lambda sent: fact.encode() in sent)

    answer = post(world.system, checkout_completed(find(SHORT), email="a@example.com"))
    delivered_once(Bought(world.system, answer.json()["order"], ""))

    assert world.postgres.struck == struck + 1


def test_a_commit_that_never_arrived_is_made_again(world: World) -> None:
    struck = world.postgres.struck
    world.postgres.drop_request(lambda sent: b"section-written" in sent)

    delivered_once(buy(world.system))

    assert world.postgres.struck == struck + 1


@pytest.mark.parametrize("what", ["message", "confirm", "ack"])
def test_what_is_lost_on_the_way_to_the_broker_is_said_again(world: World, what: str) -> None:
    struck = world.rabbit.struck
    match what:
        case "message":
            world.rabbit.drop_request(lambda sent: b'{"order":' in sent)
        case "confirm":
            world.rabbit.drop_replies_after(lambda sent: b'{"order":' in sent)
        case "ack":
            world.rabbit.drop_request(lambda sent: BASIC_ACK in sent)

    order = buy(world.system)
    delivered_once(order)

    until(lambda: world.rabbit.struck > struck)
    delivered_once(order)


# AMQP 0-9-1, section 1.8.3.13: class 60, method 80.
BASIC_ACK = b"\x00\x3c\x00\x50"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A fault, at the model or at the mail server, and what becomes of an order that it strikes."""

    model: Mapping[str, Any] | None = None
    mail: Mapping[str, Any] | None = None
    reason: str
    ends: str = "delivered"
    mails: int = 1
    spent: bool = True


CASES = {
    "storm": Case(model={"what": "429", "next": 12}, reason="model-busy"),
    "queueing": Case(model={"what": "429", "next": 4, "retry_after": 21}, reason="model-busy", spent=False),
    "garbage": Case(model={"what": "garbage", "next": 4}, reason="model-malformed"),
    "hang": Case(model={"what": "hang", "next": 1}, reason="model-timeout", ends="retrying"),
    "refusal": Case(model={"what": "refusal", "next": 1}, reason="model-refusal", ends="attention", mails=0),
    "wrong key": Case(model={"what": "401", "next": 1}, reason="model-settings", ends="attention", mails=0),
    "busy mailbox": Case(mail={"what": "refuse", "code": 451, "next": 1}, reason="mail-busy"),
    "dropped mail": Case(mail={"what": "drop", "next": 1}, reason="mail-away"),
    "unheard 250": Case(mail={"what": "lose_reply", "next": 1}, reason="mail-away", mails=2),
    "no mailbox": Case(
        mail={"what": "refuse", "at": "rcpt", "code": 550}, reason="mail-refused", ends="attention", mails=0
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def struck(world: World) -> dict[str, Bought]:
    """An order for every case, all at once; each is struck by its own fault only."""
    system = world.system
    named = {name: f"Jenny {name.title().replace(' ', '')}" for name in CASES}
    address = {name: f"{name.replace(' ', '.')}@example.com" for name in CASES}
    turn(
        system.model,
        faults=[
            {**case.model, "containing": named[name]} for name, case in CASES.items() if case.model
        ],
    )
    turn(
        system.mail,
        faults=[
            {**case.mail, "address": address[name]} for name, case in CASES.items() if case.mail
        ],
    )
    orders = {}
    for name in CASES:
        event = checkout_completed(find(SHORT), email=address[name])
        event["data"]["object"]["metadata"]["name"] = named[name]
        answer = post(system, event)
        orders[name] = Bought(system, answer.json()["order"], "")
    left = set(CASES)

    def all_were_seen() -> bool:
        """One that is retrying goes on after a while: all are looked at in turns."""
        left.difference_update(
            {name for name in left if orders[name].ask()["status"] == CASES[name].ends}
        )
        return not left

    until(all_were_seen, 240)
    return orders


@pytest.mark.parametrize("name", CASES)
def test_each_fault_ends_as_the_retry_rules_say(struck: dict[str, Bought], name: str) -> None:
    order, case = struck[name], CASES[name]

    with opened(read_from(order.system.environment), CATALOGUE, pool=1) as log:
        events = [each.event for each in log.recorded(order.id)]
    (failed, *more) = [each for each in events if type(each).__name__ == "AttemptFailed"]
    assert more == []
    assert (failed.reason, failed.spent) == (case.reason, case.spent)
    assert bool(failed.retry_at) == (case.ends != "attention")
    mails = order.mails()
    if case.ends != "retrying":  # by now it may have been delivered
        assert len(mails) == (case.mails if case.ends == "delivered" else 0)
    assert len({mail["message_id"] for mail in mails}) <= 1
    assert calls(order).needless == 0
